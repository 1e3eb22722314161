// Characters: code points of valid UTF-8 and their classes, on the packed tables.
#pragma once

#include <cstddef>
#include <string_view>

#include "config/vocabulary/bundled.hpp"
#include "config/vocabulary/classes.hpp"

namespace farebox {

struct Character {
  CharClass kind;
  std::uint8_t length;  // octets
};

class CharacterTable {
 public:
  CharacterTable() : index_(bundled_classes()), pages_(index_ + kPages) {}

  // The character that begins at `at`, which must be a whole one of valid UTF-8.
  Character at(const unsigned char* at) const {
    const std::uint32_t first = *at;
    if (first < 0x80) return {class_of(first), 1};
    if (first < 0xE0) return {class_of((first & 0x1F) << 6 | (at[1] & 0x3Fu)), 2};
    if (first < 0xF0) {
      return {class_of((first & 0xF) << 12 | (at[1] & 0x3Fu) << 6 | (at[2] & 0x3Fu)), 3};
    }
    return {class_of((first & 0x7) << 18 | (at[1] & 0x3Fu) << 12 | (at[2] & 0x3Fu) << 6 |
                     (at[3] & 0x3Fu)),
            4};
  }

 private:
  static constexpr std::size_t kPages =
      packed::kCodePoints / packed::kPage;

  CharClass class_of(std::uint32_t code) const {
    using packed::kPage;
    return static_cast<CharClass>(pages_[std::size_t{index_[code / kPage]} * kPage + code % kPage]);
  }

  const unsigned char* index_;
  const unsigned char* pages_;
};

// How many octets from the front are valid UTF-8 (RFC 3629): up to the first octet of the first
// sequence that is broken, overlong, a surrogate, beyond U+10FFFF or cut off by the end.
std::size_t valid_prefix(std::string_view text);

// Whether `text`, too short to be a whole character, may be the begin of one.
bool may_become_valid(std::string_view text);

}  // namespace farebox
