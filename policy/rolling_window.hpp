// RollingWindow: how often things of a few kinds happened within the last while.
//
// Ten slots of a tenth of the span each, so what it tells is of the last nine to ten
// tenths. A fixed size; time is an argument and may go back a little, as the clocks of two
// threads do. Not thread-safe.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>

#include "config/base/clock.hpp"

namespace farebox {

template <std::size_t kKinds>
class RollingWindow {
 public:
  explicit RollingWindow(std::chrono::nanoseconds span)
      : slot_(std::max<std::int64_t>(span.count() / kSlots, 1)) {}

  void add(std::size_t kind, SteadyTime now) {
    const std::int64_t number = number_of(now);
    Slot& slot = slots_[static_cast<std::size_t>(number % kSlots)];
    if (slot.number < number) slot = {number, {}};
    if (slot.number == number) ++slot.counts[kind];
  }

  std::uint64_t count(std::size_t kind, SteadyTime now) const {
    const std::int64_t number = number_of(now);
    std::uint64_t sum = 0;
    for (const Slot& slot : slots_) {
      if (slot.number > number - kSlots) sum += slot.counts[kind];
    }
    return sum;
  }

  void clear() { slots_ = {}; }

 private:
  static constexpr std::int64_t kSlots = 10;
  struct Slot {
    std::int64_t number = -kSlots;
    std::array<std::uint32_t, kKinds> counts{};
  };

  std::int64_t number_of(SteadyTime now) const {
    return std::chrono::nanoseconds(now.time_since_epoch()).count() / slot_;
  }

  std::int64_t slot_;  // nanoseconds
  std::array<Slot, kSlots> slots_{};
};

}  // namespace farebox
