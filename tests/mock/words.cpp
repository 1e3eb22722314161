#include "tests/mock/words.hpp"

#include <algorithm>
#include <array>
#include <cctype>

namespace farebox::mock {

namespace {

constexpr std::uint64_t kUsualWords = 8;

constexpr std::array<std::string_view, 16> kSpeech = {
    "The ", "fare ", "is ", "paid ", "at ", "the ", "box ", "before ",
    "the ", "bus ", "leaves ", "for ", "the ", "far ", "end ", "and "};

// Members whose text is read by a model; `role`, `type`, `id` and the like are not.
constexpr std::array<std::string_view, 12> kRead = {
    "content", "text", "parts", "input", "prompt", "system",
    "instructions", "contents", "messages", "systemInstruction", "arguments", "thinking"};

}  // namespace

std::uint64_t count_words(std::string_view text) {
  std::uint64_t words = 0;
  bool inside = false;
  for (const unsigned char c : text) {
    const bool blank = std::isspace(c) != 0;
    if (!blank && !inside) ++words;
    inside = !blank;
  }
  return words;
}

std::uint64_t count_prompt(const Json& value) {
  if (value.is_string()) return count_words(value.get_ref<const std::string&>());
  if (value.is_number()) return 1;
  std::uint64_t sum = 0;
  if (value.is_array()) {
    for (const Json& one : value) sum += count_prompt(one);
  } else if (value.is_object()) {
    for (const auto& [name, member] : value.items()) {
      const bool read = std::find(kRead.begin(), kRead.end(), name) != kRead.end();
      if (read) sum += count_prompt(member);
    }
  }
  return sum;
}

std::string speech_word(std::uint64_t index) { return std::string(kSpeech[index % kSpeech.size()]); }

std::string speech(std::uint64_t words) {
  std::string out;
  for (std::uint64_t i = 0; i < words; ++i) out += kSpeech[i % kSpeech.size()];
  return out;
}

Length reply_length(std::optional<std::uint64_t> wanted, std::optional<std::uint64_t> limit) {
  const std::uint64_t words = wanted.value_or(kUsualWords);
  if (limit && *limit < words) return {*limit, true};
  return {words, false};
}

std::optional<std::uint64_t> number_in(const Json& object, const char* name) {
  if (!object.is_object()) return std::nullopt;
  const auto found = object.find(name);
  if (found == object.end() || !found->is_number_unsigned()) return std::nullopt;
  return found->get<std::uint64_t>();
}

}  // namespace farebox::mock
