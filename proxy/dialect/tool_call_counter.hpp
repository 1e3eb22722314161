// ToolCallCounter: how many tool calls an OpenAI chat stream makes, which arrive as
// fragments. A call is new when its index is, or when an id comes that the index did not
// have (servers that send every call whole under index 0).
#pragma once

#include <cstdint>
#include <functional>
#include <string_view>
#include <vector>

namespace farebox {

class ToolCallCounter {
 public:
  struct Fragment {
    std::uint64_t choice = 0;
    std::uint64_t index = 0;
    std::string_view id;  // of the first fragment only, as a rule
  };

  std::uint64_t add(const Fragment& fragment) {
    const std::size_t id = std::hash<std::string_view>()(fragment.id);
    for (Call& call : calls_) {
      if (call.choice != fragment.choice || call.index != fragment.index) continue;
      if (fragment.id.empty() || call.id == id) return 0;
      const bool same = call.id == kNoId;
      call.id = id;
      return same ? 0 : 1;
    }
    if (calls_.size() < kMostCalls) {
      calls_.push_back({fragment.choice, fragment.index, fragment.id.empty() ? kNoId : id});
    }
    return 1;
  }

 private:
  static constexpr std::size_t kMostCalls = 512;
  static constexpr std::size_t kNoId = 0;

  struct Call {
    std::uint64_t choice;
    std::uint64_t index;
    std::size_t id;  // hash of the id
  };
  std::vector<Call> calls_;
};

}  // namespace farebox
