// Names of models as they are compared: without regard to capitals, and hashed once.
// For the price table only.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace farebox::price_text {

// Longer names have no price.
inline constexpr std::size_t kLongestName = 256;

constexpr bool is_capital(char c) { return c >= 'A' && c <= 'Z'; }
constexpr char lower(char c) { return is_capital(c) ? static_cast<char>(c - 'A' + 'a') : c; }

inline bool equal_but_for_case(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  if (a == b) return true;  // nearly always
  return std::equal(a.begin(), a.end(), b.begin(),
                    [](char x, char y) { return lower(x) == lower(y); });
}

inline bool has_capitals(std::string_view text) {
  return std::any_of(text.begin(), text.end(), is_capital);
}

// Up to eight octets as a number, the first of them lowest. Not by a copy of so many: reading
// at once what was written in parts stalls.
inline std::uint64_t word_of(const char* text, std::size_t size) {
  const auto load = [](const char* from, auto into) {
    std::memcpy(&into, from, sizeof into);
    return static_cast<std::uint64_t>(into);
  };
  if (size == 8) return load(text, std::uint64_t{});
  if (size >= 4) {
    return load(text, std::uint32_t{}) | load(text + size - 4, std::uint32_t{}) << (size - 4) * 8;
  }
  if (size == 0) return 0;
  const std::size_t middle = size / 2;
  return load(text, std::uint8_t{}) | load(text + middle, std::uint8_t{}) << middle * 8 |
         load(text + size - 1, std::uint8_t{}) << (size - 1) * 8;
}

// The same on every machine of our kinds (little-endian), because packed tables keep it.
// Capitals hash like small letters: eight octets at a time, bit 5 is set in all of them,
// which mixes up some punctuation too; names are compared after.
inline std::uint32_t hash_of(std::string_view seller, std::string_view name) {
  std::uint64_t hash = 0x9E3779B97F4A7C15u;
  const auto mix = [&hash](std::string_view text) {
    while (true) {
      const std::uint64_t word = word_of(text.data(), std::min<std::size_t>(text.size(), 8));
      hash = (hash ^ (word | 0x2020202020202020u)) * 0xD6E8FEB86659FD93u;
      hash ^= hash >> 32;
      if (text.size() <= 8) return;
      text.remove_prefix(8);
    }
  };
  mix(seller);
  hash += name.size();
  mix(name);
  hash ^= hash >> 29;
  return static_cast<std::uint32_t>(hash);
}

}  // namespace farebox::price_text
