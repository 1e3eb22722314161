#include "policy/tokens/characters.hpp"

#include <simdjson.h>

#include <algorithm>

namespace farebox {
namespace {

// What may follow a first octet (RFC 3629, section 4).
struct Sequence {
  std::size_t length = 0;  // 0: no character begins so
  unsigned char low = 0x80;  // the second octet's least and greatest value
  unsigned char high = 0xBF;
};

Sequence sequence_of(unsigned char first) {
  if (first < 0x80) return {1};
  if (first < 0xC2) return {0};
  if (first < 0xE0) return {2};
  if (first == 0xE0) return {3, 0xA0, 0xBF};
  if (first == 0xED) return {3, 0x80, 0x9F};
  if (first < 0xF0) return {3};
  if (first == 0xF0) return {4, 0x90, 0xBF};
  if (first < 0xF4) return {4};
  if (first == 0xF4) return {4, 0x80, 0x8F};
  return {0};
}

// How many octets at the front of `text` agree with one character; 0: none.
std::size_t agreeing(std::string_view text, const Sequence& sequence) {
  std::size_t good = sequence.length == 0 ? 0 : 1;
  while (good != 0 && good < std::min(sequence.length, text.size())) {
    const auto octet = static_cast<unsigned char>(text[good]);
    const bool fits = good == 1 ? octet >= sequence.low && octet <= sequence.high
                                : (octet & 0xC0) == 0x80;
    if (!fits) return 0;
    ++good;
  }
  return good;
}

}  // namespace

std::size_t valid_prefix(std::string_view text) {
  if (simdjson::validate_utf8(text.data(), text.size())) return text.size();
  std::size_t at = 0;
  while (at < text.size()) {
    const Sequence sequence = sequence_of(static_cast<unsigned char>(text[at]));
    if (sequence.length == 0 || agreeing(text.substr(at), sequence) != sequence.length) break;
    at += sequence.length;
  }
  return at;
}

bool may_become_valid(std::string_view text) {
  if (text.empty()) return true;
  const Sequence sequence = sequence_of(static_cast<unsigned char>(text[0]));
  return text.size() < sequence.length && agreeing(text, sequence) == text.size();
}

}  // namespace farebox
