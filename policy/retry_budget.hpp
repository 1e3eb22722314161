// RetryBudget: all calls together repeat no more than a part of what there is.
//
// Within ten seconds at most budget_percent of the calls are sent again, so a provider that
// fails gets no more load from those who repeat than that. A few may always be, or a single
// call of an idle process never could. Time is an argument; not thread-safe.
#pragma once

#include <cstdint>

#include "policy/rolling_window.hpp"

namespace farebox {

class RetryBudget {
 public:
  // 0 %: nothing is ever repeated.
  explicit RetryBudget(std::uint32_t percent) : percent_(percent) {}

  // A call was sent for the first time.
  void count_call(SteadyTime now) { window_.add(kCalls, now); }

  // May one more be repeated? True: it is counted.
  bool take(SteadyTime now);

  static constexpr std::uint64_t kAlways = 10;  // within the window, however few calls there are
  static constexpr std::chrono::seconds kWindow{10};

 private:
  enum Counted : std::size_t { kCalls, kRepeats, kCounted };

  std::uint32_t percent_;
  RollingWindow<kCounted> window_{kWindow};
};

}  // namespace farebox
