// JsonMembers: where the values of some members of an object lie, for a walk that needs them
// in another order than they come.
//
// Views into the object's text, nothing is copied; one walk over all of it.
#pragma once

#include <array>
#include <initializer_list>
#include <optional>
#include <string_view>
#include <utility>

#include "proxy/dialect/json_cursor.hpp"

namespace farebox {

class JsonMembers {
 public:
  static constexpr std::size_t kMost = 24;

  // `object` is the text of one value; the names must outlive this.
  JsonMembers(std::string_view object, std::initializer_list<std::string_view> names);

  // The text was one valid object.
  bool whole() const { return whole_; }

  // The value as written; empty where there is none, or null. The last of several.
  std::string_view operator[](std::string_view name) const;

  bool has(std::string_view name) const { return !(*this)[name].empty(); }

  // The value, if it is a string.
  std::optional<JsonString> string(std::string_view name) const;

  // Whether it is the string `word`.
  bool is(std::string_view name, std::string_view word) const;

 private:
  std::array<std::pair<std::string_view, std::string_view>, kMost> members_{};
  std::size_t count_ = 0;
  bool whole_ = false;
};

// What a value, as written, is.
JsonCursor::Kind json_kind(std::string_view value);

// Calls on_value(text) for each element of an array. False: it isn't one.
template <class OnValue>
bool each_value(std::string_view array, OnValue&& on_value) {
  JsonCursor cursor(array);
  return cursor.each_element([&] {
    const std::size_t begin = cursor.offset();
    cursor.skip();
    if (!cursor.failed()) on_value(array.substr(begin, cursor.offset() - begin));
  });
}

}  // namespace farebox
