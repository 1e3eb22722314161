// Tokens as the mock counts them: one word is one token. Everything it reports
// can so be worked out from the request by a test.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

namespace farebox::mock {

using Json = nlohmann::ordered_json;

// Runs of anything but blanks.
std::uint64_t count_words(std::string_view text);

// All text a model would read in this value: strings, `content`, `text`,
// `parts`, `input` ... of objects; a number is one token (token arrays).
std::uint64_t count_prompt(const Json& value);

// The index-th word of the mock's only speech, with a blank behind it.
std::string speech_word(std::uint64_t index);
std::string speech(std::uint64_t words);

// How many words to say: what the behaviour wants (8 if nothing), no more than
// the request's limit.
struct Length {
  std::uint64_t words = 0;
  bool limited = false;  // the limit made it shorter
};
Length reply_length(std::optional<std::uint64_t> wanted, std::optional<std::uint64_t> limit);

// A non-negative integer member, if there is one.
std::optional<std::uint64_t> number_in(const Json& object, const char* name);

}  // namespace farebox::mock
