// RawMembers: the members of a JSON object, each value as it was written, to be changed and
// written again.
//
// Owns its texts. For objects of some members: finding one walks over them.
#pragma once

#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "proxy/dialect/json_cursor.hpp"

namespace farebox {

class RawMembers {
 public:
  static constexpr std::size_t kMost = 256;

  // Of an object as text. Nothing: it isn't one valid object, a key comes twice, or there are
  // more than kMost.
  static std::optional<RawMembers> read(std::string_view object);

  // All keys are among these.
  bool only(std::initializer_list<std::string_view> keys) const;

  // The value; null where there is none. Of string_value: where it is no string.
  const std::string* find(std::string_view key) const;
  std::string* string_value(std::string_view key);

  // The octets between the quotes of a string without escapes; empty: it is none.
  std::string_view word(std::string_view key) const;
  std::optional<std::uint64_t> count(std::string_view key) const;

  // Changes the value, or appends the member.
  void set(std::string_view key, std::string value);

  void append_to(std::string& out) const;

  auto begin() const { return members_.begin(); }
  auto end() const { return members_.end(); }

 private:
  std::vector<std::pair<std::string, std::string>> members_;
};

// What stands between the quotes or brackets of a string or an array as it was written.
std::string_view inside(std::string_view value);

// Adds what stands between the quotes of `more` to the string `text`; a value that is empty or
// null becomes `more`, and null adds nothing. False: one of them is no string.
bool append_string(std::string& text, std::string_view more);

// Adds the elements of the array `more` to `array` in the same way.
bool append_elements(std::string& array, std::string_view more);

}  // namespace farebox
