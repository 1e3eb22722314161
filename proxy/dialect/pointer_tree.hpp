// PointerTree: finds the values of several JSON pointers (RFC 6901) in one walk over a text.
//
// Built once from the pointers, then only read, so it is thread-safe. What no pointer leads
// to is skipped at the cursor's speed; nothing is allocated by a walk.
#pragma once

#include <bitset>
#include <charconv>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "config/json_pointer.hpp"
#include "proxy/dialect/json_cursor.hpp"

namespace farebox {

class PointerTree {
 public:
  // More are never asked for: two dozen pointers of 16 levels at most.
  static constexpr std::size_t kMaxNodes = 512;

  void add(const JsonPointer& pointer, std::uint8_t tag);

  // Walks over the value at the cursor and calls on_value(tag, cursor) where a pointer
  // leads, the cursor standing at the value. False: a member on the way to one of them, or
  // one of them itself, came twice, so that two readers may disagree which one counts.
  template <class OnValue>
  bool walk(JsonCursor& cursor, OnValue&& on_value) const {
    Seen seen;
    visit(0, cursor, on_value, seen);
    return !seen.twice;
  }

 private:
  struct Node {
    std::string name;
    std::vector<std::uint16_t> children;
    std::vector<std::uint8_t> tags;
  };
  struct Seen {
    std::bitset<kMaxNodes> nodes;
    bool twice = false;
  };

  const Node* child_of(const Node& node, std::string_view name, std::size_t& index) const;

  // As deep as the deepest pointer, not as the text.
  template <class OnValue>
  void visit(std::size_t index, JsonCursor& cursor, OnValue& on_value, Seen& seen) const;
  template <class OnValue>
  void descend(const Node& node, std::string_view name, JsonCursor& cursor, OnValue& on_value,
               Seen& seen) const {
    std::size_t index = 0;
    if (child_of(node, name, index) != nullptr) visit(index, cursor, on_value, seen);
  }

  std::vector<Node> nodes_ = std::vector<Node>(1);  // the first is the whole text
};

template <class OnValue>
void PointerTree::visit(std::size_t index, JsonCursor& cursor, OnValue& on_value,
                        Seen& seen) const {
  const Node& node = nodes_[index];
  if (seen.nodes[index]) seen.twice = true;
  seen.nodes[index] = true;
  const bool leaf = node.children.empty();
  for (std::size_t i = 0; i < node.tags.size(); ++i) {
    if (leaf && i + 1 == node.tags.size()) return on_value(node.tags[i], cursor);
    JsonCursor copy = cursor;
    on_value(node.tags[i], copy);
  }
  if (cursor.kind() == JsonCursor::Kind::object) {
    cursor.each_member(
        [&](std::string_view name) { descend(node, name, cursor, on_value, seen); });
  } else if (cursor.kind() == JsonCursor::Kind::array) {
    std::size_t position = 0;
    cursor.each_element([&] {
      char digits[24];
      const char* const end = std::to_chars(digits, digits + sizeof digits, position++).ptr;
      descend(node, {digits, static_cast<std::size_t>(end - digits)}, cursor, on_value, seen);
    });
  }
}

}  // namespace farebox
