#include "proxy/dialect/body_reach.hpp"

#include <algorithm>

namespace farebox {

std::uint64_t OfferedTools::most_uses() const {
  std::uint64_t all = free_;
  for (const std::uint64_t uses : uses_) all = sum(all, uses);
  return std::min(all, all_);
}

}  // namespace farebox
