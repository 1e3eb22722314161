#include "proxy/dialect/json_members.hpp"

#include <algorithm>

namespace farebox {

JsonMembers::JsonMembers(std::string_view object, std::initializer_list<std::string_view> names) {
  for (const std::string_view name : names) {
    if (count_ < kMost) members_[count_++].first = name;
  }
  JsonCursor cursor(object);
  whole_ = cursor.each_member([&](std::string_view key) {
    const auto end = members_.begin() + static_cast<std::ptrdiff_t>(count_);
    const auto member = std::find_if(members_.begin(), end,
                                     [key](const auto& one) { return one.first == key; });
    if (member == end) return;
    const JsonCursor::Kind kind = cursor.kind();
    const std::size_t begin = cursor.offset();
    cursor.skip();
    member->second = kind == JsonCursor::Kind::null
                         ? std::string_view()
                         : object.substr(begin, cursor.offset() - begin);
  });
  whole_ = whole_ && cursor.at_end();
}

std::string_view JsonMembers::operator[](std::string_view name) const {
  for (std::size_t i = 0; i < count_; ++i) {
    if (members_[i].first == name) return members_[i].second;
  }
  return {};
}

std::optional<JsonString> JsonMembers::string(std::string_view name) const {
  return JsonCursor((*this)[name]).string();
}

bool JsonMembers::is(std::string_view name, std::string_view word) const {
  const auto text = string(name);
  return text && text->raw == word;
}

JsonCursor::Kind json_kind(std::string_view value) { return JsonCursor(value).kind(); }

}  // namespace farebox
