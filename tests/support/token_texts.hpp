// Texts that are hard on a tokenizer, for tests of policy/tokens: the same seed, the same texts.
#pragma once

#include <array>
#include <cstdint>
#include <random>
#include <string>
#include <string_view>

namespace farebox::test {

inline constexpr auto kHardParts = std::to_array<std::string_view>({
    "the", " the", " Hello", "World", "HTTPServer", "camelCase", "ABC", "a", "Z", "it's", "don't", "'s", "'S",
    "'ll", "'LL", "'lL", "'re", "'ve", "'d", "'m", "'t", "'", "''", "'\xC5\xBF", "'x", "\xE2\x80\x99s", "'r", "'l", "'v",
    " ", "  ", "   ", "\t", "\n", "\r\n", "\n\n", " \n", "\n ", "\n  \n", "\v", "\f", "\t\t", "        ",
    "0", "1", "12", "123", "1234567", " 42", "3.14", "/", "//", "/*", "*/", "\n/", "/\n", ")\n", ");\n\n", "()", "(", ")",
    "{\"a\":", "}", "...", "!!!", "==", "=====", "-----", "<|endoftext|>", "<|", "|>", "#", "@", "\\", "\"", "\x7F", "\x01",
    "http://example.com/", "aGVsbG8gd29ybGQ=", "0x1F", "_", "__init__", "\xC3\xA9", "caf\xC3\xA9", "\xC3\x89", "\xC3\x9F",
    "\xD0\x9F\xD1\x80\xD0\xB8\xD0\xB2\xD0\xB5\xD1\x82", " \xD0\xBC\xD0\xB8\xD1\x80", "\xE4\xB8\xAD\xE6\x96\x87", "\xE3\x81\x82", "\xE3\x82\xA2",
    "\xED\x95\x9C\xEA\xB5\xAD", "\xD8\xA7\xD9\x84", "\xD7\xA9", "\xE0\xA4\xB9\xE0\xA4\xBF", "\xE0\xB8\x81\xE0\xB8\xB3",
    "\xCC\x81", "e\xCC\x81", "A\xCC\x81", "\xCC\x81""B", "\xC7\x85", "\xCA\xB0", "\xC2\xB2", "\xC2\xBD", "\xE2\x85\xA7", "\xD9\xA3",
    "\xC2\xA0", "\xC2\x85", "\xE2\x80\xA8", "\xE3\x80\x80", "\xE2\x80\x8B", "\xEF\xBB\xBF", "\xE2\x80\x8D",
    "\xF0\x9F\x98\x80", "\xF0\x9F\x91\xA9\xE2\x80\x8D\xF0\x9F\x92\xBB", "\xF0\x9F\x87\xA9\xF0\x9F\x87\xAA", "\xE2\x80\x9C", "\xE2\x80\x94",
    "\xF0\x9D\x94\xB8", "\xEF\xBF\xBD", "\xC5\xBF", "\xE2\x84\xAA",
});

// Valid UTF-8 of `parts` parts, now and then one of them repeated.
inline std::string hard_text(std::mt19937_64& random, std::size_t parts) {
  std::string text;
  // A few kinds of parts at a time: runs of the like are what goes wrong.
  std::array<std::string_view, 6> some;
  for (std::size_t i = 0; i < parts; ++i) {
    if (i % 24 == 0) {
      for (std::string_view& each : some) each = kHardParts[random() % kHardParts.size()];
    }
    const std::string_view part =
        random() % 3 == 0 ? kHardParts[random() % kHardParts.size()] : some[random() % some.size()];
    const std::size_t times = random() % 20 == 0 ? 1 + random() % 90 : 1;
    for (std::size_t n = 0; n < times; ++n) text += part;
  }
  return text;
}

}  // namespace farebox::test
