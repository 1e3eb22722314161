// Character classes of HTTP's grammar (RFC 9110, 5.6.2; RFC 9112, 2.2).
#pragma once

#include <array>
#include <string_view>

namespace farebox::http {

namespace detail {
constexpr std::array<bool, 256> make_tchar_table() {
  std::array<bool, 256> table{};
  for (int c = '0'; c <= '9'; ++c) table[static_cast<unsigned>(c)] = true;
  for (int c = 'A'; c <= 'Z'; ++c) table[static_cast<unsigned>(c)] = true;
  for (int c = 'a'; c <= 'z'; ++c) table[static_cast<unsigned>(c)] = true;
  for (const char c : std::string_view("!#$%&'*+-.^_`|~")) table[static_cast<unsigned char>(c)] = true;
  return table;
}
inline constexpr std::array<bool, 256> kTchar = make_tchar_table();
}  // namespace detail

inline bool is_tchar(char c) { return detail::kTchar[static_cast<unsigned char>(c)]; }

inline bool is_token(std::string_view text) {
  if (text.empty()) return false;
  for (const char c : text) {
    if (!is_tchar(c)) return false;
  }
  return true;
}

// field-vchar, SP, HTAB and obs-text.
inline bool is_field_value_char(char c) {
  const auto octet = static_cast<unsigned char>(c);
  return octet >= 0x20 ? octet != 0x7F : octet == '\t';
}

// Visible ASCII only: what may stand in a request target.
inline bool is_target_char(char c) { return c > 0x20 && c < 0x7F; }

inline char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; }

inline bool is_digit(char c) { return c >= '0' && c <= '9'; }
inline bool is_alpha(char c) { return lower(c) >= 'a' && lower(c) <= 'z'; }

inline int hex_value(char c) {
  if (is_digit(c)) return c - '0';
  const char letter = lower(c);
  return letter >= 'a' && letter <= 'f' ? letter - 'a' + 10 : -1;
}

}  // namespace farebox::http
