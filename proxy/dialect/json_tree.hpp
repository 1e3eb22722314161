// JsonTree: one JSON value as a flat table, for what can't be read in the order it comes, such
// as the schema of a tool. Strings stay where they lie; the text must outlive the tree.
//
// Linear in the text, and bounded: a text that has more than kMaxNodes values or kMaxDepth
// levels, or that isn't one valid JSON value, gives no tree. Immutable once read.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "proxy/dialect/json_cursor.hpp"

namespace farebox {

struct JsonNode {
  JsonCursor::Kind kind = JsonCursor::Kind::nothing;
  JsonString key;          // of a member
  JsonString text;         // of a string; else the value as written
  std::uint32_t child = 0;  // the first; 0: none
  std::uint32_t next = 0;   // the next of the same parent; 0: none
};

class JsonTree {
 public:
  static constexpr std::size_t kMaxNodes = std::size_t{1} << 16;
  static constexpr std::size_t kMaxDepth = 64;

  static std::optional<JsonTree> read(std::string_view text);

  const JsonNode& root() const { return nodes_.front(); }

  // Null: there is none.
  const JsonNode* child(const JsonNode& parent) const { return at(parent.child); }
  const JsonNode* next(const JsonNode& node) const { return at(node.next); }

  // The member of that name; null where there is none, or where `object` is no object or null.
  // The first of several. Keys that need escapes are never found.
  const JsonNode* find(const JsonNode* object, std::string_view key) const;

  // The same, and null too where the member is of another kind.
  const JsonNode* find(const JsonNode* object, std::string_view key, JsonCursor::Kind kind) const;

 private:
  JsonTree() = default;
  bool add(JsonCursor& cursor, std::string_view text, std::size_t depth);
  bool add_children(JsonCursor& cursor, std::string_view text, std::size_t depth);

  const JsonNode* at(std::uint32_t place) const { return place == 0 ? nullptr : &nodes_[place]; }

  std::vector<JsonNode> nodes_;
};

}  // namespace farebox
