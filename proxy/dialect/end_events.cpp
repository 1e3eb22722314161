#include "proxy/dialect/end_events.hpp"

#include <algorithm>

namespace farebox {

std::string raw_value(JsonCursor& cursor, std::size_t most) {
  cursor.kind();  // passes over blanks
  const std::size_t begin = cursor.offset();
  cursor.skip();
  const std::string_view raw = cursor.since(begin);
  return !cursor.failed() && raw.size() <= most ? std::string(raw) : std::string();
}

std::string with_members(std::string_view json, std::span<const Replacement> members) {
  std::string out = "{";
  std::vector<bool> done(members.size());
  const auto add = [&](std::string_view key, std::string_view value) {
    if (out.size() > 1) out += ',';
    append_json_string(out, key);
    out += ':';
    out += value;
  };
  JsonCursor cursor(json);
  cursor.each_member([&](std::string_view key) {
    for (std::size_t i = 0; i < members.size(); ++i) {
      if (members[i].first != key) continue;
      if (!done[i]) add(key, members[i].second);
      done[i] = true;
      return;
    }
    const std::string name(key);
    add(name, raw_value(cursor, json.size()));
  });
  for (std::size_t i = 0; i < members.size(); ++i) {
    if (!done[i]) add(members[i].first, members[i].second);
  }
  return out += '}';
}

bool EventHead::take(std::string_view key, JsonCursor& cursor) {
  const auto name = std::find(names_.begin(), names_.end(), key);
  if (name == names_.end()) return false;
  std::string raw = raw_value(cursor, kMostHead);
  if (raw.empty() || raw == "null" || raw == "\"\"") return true;
  const auto known = std::find_if(members_.begin(), members_.end(),
                                  [&](const auto& member) { return member.first == *name; });
  if (known == members_.end()) members_.emplace_back(*name, std::move(raw));
  return true;
}

void EventHead::write(JsonWriter& json) const {
  for (const auto& [name, value] : members_) json.key(name).raw(value);
}

std::string_view EventHead::operator[](std::string_view name) const {
  for (const auto& [known, value] : members_) {
    if (known == name) return value;
  }
  return {};
}

}  // namespace farebox
