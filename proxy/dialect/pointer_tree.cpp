#include "proxy/dialect/pointer_tree.hpp"

#include "config/base/check.hpp"

namespace farebox {

const PointerTree::Node* PointerTree::child_of(const Node& node, std::string_view name,
                                               std::size_t& index) const {
  for (const std::uint16_t child : node.children) {
    if (nodes_[child].name != name) continue;
    index = child;
    return &nodes_[child];
  }
  return nullptr;
}

void PointerTree::add(const JsonPointer& pointer, std::uint8_t tag) {
  std::size_t at = 0;
  for (const std::string& name : pointer) {
    std::size_t next = 0;
    if (child_of(nodes_[at], name, next) == nullptr) {
      next = nodes_.size();
      CHECK(next < kMaxNodes);
      nodes_[at].children.push_back(static_cast<std::uint16_t>(next));
      nodes_.emplace_back().name = name;
    }
    at = next;
  }
  nodes_[at].tags.push_back(tag);
}

}  // namespace farebox
