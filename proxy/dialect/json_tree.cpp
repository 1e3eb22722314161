#include "proxy/dialect/json_tree.hpp"

namespace farebox {

using Kind = JsonCursor::Kind;

std::optional<JsonTree> JsonTree::read(std::string_view text) {
  JsonTree tree;
  JsonCursor cursor(text);
  if (!tree.add(cursor, text, 0) || !cursor.at_end()) return std::nullopt;
  return tree;
}

const JsonNode* JsonTree::find(const JsonNode* object, std::string_view key) const {
  if (object == nullptr || object->kind != Kind::object) return nullptr;
  for (const JsonNode* member = child(*object); member != nullptr; member = next(*member)) {
    if (member->key.raw == key) return member;
  }
  return nullptr;
}

const JsonNode* JsonTree::find(const JsonNode* object, std::string_view key, Kind kind) const {
  const JsonNode* const member = find(object, key);
  return member != nullptr && member->kind == kind ? member : nullptr;
}

// Adds the value at the cursor with all that is in it. False: too much of it, or no JSON.
bool JsonTree::add(JsonCursor& cursor, std::string_view text, std::size_t depth) {
  if (nodes_.size() == kMaxNodes || depth == kMaxDepth) return false;
  const std::size_t place = nodes_.size();
  nodes_.emplace_back();
  nodes_[place].kind = cursor.kind();
  const std::size_t begin = cursor.offset();
  switch (nodes_[place].kind) {
    case Kind::nothing: return false;
    case Kind::string: {
      const auto string = cursor.string();
      if (!string) return false;
      nodes_[place].text = *string;
      return true;
    }
    case Kind::object:
    case Kind::array:
      if (!add_children(cursor, text, depth)) return false;
      break;
    default: cursor.skip();
  }
  nodes_[place].text.raw = text.substr(begin, cursor.offset() - begin);
  return !cursor.failed();
}

bool JsonTree::add_children(JsonCursor& cursor, std::string_view text, std::size_t depth) {
  const std::size_t parent = nodes_.size() - 1;
  std::size_t before = 0;
  bool whole = true;
  const auto add_one = [&](JsonString key) {
    if (!whole) return;  // the cursor walks over the rest
    const std::size_t place = nodes_.size();
    whole = add(cursor, text, depth + 1);
    if (place == nodes_.size()) return;  // it had no room
    nodes_[place].key = key;
    (before == 0 ? nodes_[parent].child : nodes_[before].next) = static_cast<std::uint32_t>(place);
    before = place;
  };
  if (nodes_[parent].kind == Kind::array) {
    cursor.each_element([&] { add_one({}); });
  } else {
    cursor.each_member([&](std::string_view key) {
      // An unescaped key lies in the text; another is a copy that won't live.
      const bool lies = key.data() >= text.data() && key.data() <= text.data() + text.size();
      add_one(lies ? JsonString{key} : JsonString{{}, true});
    });
  }
  return whole && !cursor.failed();
}

}  // namespace farebox
