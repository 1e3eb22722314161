#include "proxy/dialect/raw_members.hpp"

#include <algorithm>

#include "proxy/dialect/json_members.hpp"
#include "proxy/dialect/json_print.hpp"
#include "proxy/dialect/octet_scan.hpp"

namespace farebox {

using Kind = JsonCursor::Kind;

std::optional<RawMembers> RawMembers::read(std::string_view object) {
  RawMembers raw;
  JsonCursor cursor(object);
  bool usable = true;
  const bool whole = cursor.each_member([&](std::string_view key) {
    usable = usable && raw.members_.size() < kMost && raw.find(key) == nullptr;
    if (!usable) return;
    const std::size_t begin = cursor.offset();
    cursor.skip();
    raw.members_.emplace_back(key, cursor.since(begin));
  });
  if (!whole || !usable || !cursor.at_end()) return std::nullopt;
  return raw;
}

bool RawMembers::only(std::initializer_list<std::string_view> keys) const {
  return std::all_of(members_.begin(), members_.end(), [&](const auto& member) {
    return std::find(keys.begin(), keys.end(), member.first) != keys.end();
  });
}

const std::string* RawMembers::find(std::string_view key) const {
  const auto member = std::find_if(members_.begin(), members_.end(),
                                   [key](const auto& one) { return one.first == key; });
  return member == members_.end() ? nullptr : &member->second;
}

std::string* RawMembers::string_value(std::string_view key) {
  const std::string* value = find(key);
  if (value == nullptr || json_kind(*value) != Kind::string) return nullptr;
  return const_cast<std::string*>(value);
}

std::string_view RawMembers::word(std::string_view key) const {
  const std::string* value = find(key);
  if (value == nullptr || json_kind(*value) != Kind::string) return {};
  const std::string_view text = inside(*value);
  return text.find('\\') == std::string_view::npos ? text : std::string_view();
}

std::optional<std::uint64_t> RawMembers::count(std::string_view key) const {
  const std::string* value = find(key);
  return value == nullptr ? std::nullopt : JsonCursor(*value).count();
}

void RawMembers::set(std::string_view key, std::string value) {
  const auto member = std::find_if(members_.begin(), members_.end(),
                                   [key](const auto& one) { return one.first == key; });
  if (member == members_.end()) members_.emplace_back(key, std::move(value));
  else member->second = std::move(value);
}

void RawMembers::append_to(std::string& out) const {
  out += '{';
  for (const auto& [key, value] : members_) {
    if (&key != &members_.front().first) out += ',';
    append_json_text(out, key);
    out += ':';
    out += value;
  }
  out += '}';
}

std::string_view inside(std::string_view value) { return value.substr(1, value.size() - 2); }

bool append_string(std::string& text, std::string_view more) {
  if (text.empty() || text == "null") {
    text = more;
    return more == "null" || json_kind(more) == Kind::string;
  }
  if (more == "null") return true;
  if (json_kind(text) != Kind::string || json_kind(more) != Kind::string) return false;
  text.pop_back();
  text.append(more.substr(1));
  return true;
}

bool append_elements(std::string& array, std::string_view more) {
  if (array.empty() || array == "null") {
    array = more;
    return more == "null" || json_kind(more) == Kind::array;
  }
  if (more == "null") return true;
  if (json_kind(array) != Kind::array || json_kind(more) != Kind::array) return false;
  const auto blank = [](std::string_view text) {
    return std::all_of(text.begin(), text.end(), is_blank);
  };
  if (blank(inside(more))) return true;
  const bool first = blank(inside(array));
  array.pop_back();
  if (!first) array += ',';
  array.append(more.substr(1));
  return true;
}

}  // namespace farebox
