// JsonText: the text of a JSON string, from the octets between its quotes, a buffer at a time.
//
// Escapes as in RFC 8259, section 7. As the reference sees text: an unpaired surrogate is
// U+FFFD, and so is whatever isn't UTF-8 (the longest part that could begin a character is one).
// What is no escape stays as it stands.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

#include "policy/tokens/stream_counter.hpp"
#include "policy/tokens/token_counter.hpp"

namespace farebox {

class JsonText {
 public:
  static constexpr std::size_t kLeastBuffer = 4;

  // `raw` must outlive this.
  explicit JsonText(std::string_view raw) : raw_(raw) {}

  // Fills `buffer`, of at least kLeastBuffer, with whole characters; 0: that was all.
  std::size_t read(std::span<char> buffer);

 private:
  std::size_t take_plain(std::span<char> out);
  std::size_t take_escape(std::span<char> out);

  std::string_view raw_;  // what isn't read yet
};

// The tokens of a JSON string, from the octets between its quotes. Without escapes they are
// counted where they lie; else through a buffer on the stack, without allocation for up to
// sixteen KiB.
std::size_t count_json_string(TokenCounter& counter, std::string_view raw);

// Feeds the text of a JSON string, such as a delta's.
void feed_json_string(StreamCounter& stream, std::string_view raw);

// The bound of most_tokens for the text of a JSON string. No escape is shorter than what it
// stands for; an octet that isn't UTF-8 becomes three.
std::size_t most_tokens_of_json(std::string_view raw);

}  // namespace farebox
