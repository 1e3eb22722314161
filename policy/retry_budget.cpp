#include "policy/retry_budget.hpp"

#include <algorithm>

namespace farebox {

bool RetryBudget::take(SteadyTime now) {
  if (percent_ == 0) return false;
  const std::uint64_t allowed = std::max(kAlways, window_.count(kCalls, now) * percent_ / 100);
  if (window_.count(kRepeats, now) >= allowed) return false;
  window_.add(kRepeats, now);
  return true;
}

}  // namespace farebox
