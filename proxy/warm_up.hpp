// WarmUp: how many connections a pool should open that nobody asked for yet, and when.
//
// Fills up to the share that falls to a worker, a few dials at a time. While dials fail it
// rests, longer each time: a provider that is down must not be stormed. A plain object.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>

#include "config/base/clock.hpp"

namespace farebox {

class WarmUp {
 public:
  static constexpr std::size_t kAtOnce = 4;
  static constexpr std::chrono::milliseconds kFirstRest{1'000};
  static constexpr std::chrono::milliseconds kLongestRest{60'000};

  // `seed` spreads the rests of many pools; any number will do.
  explicit WarmUp(std::uint64_t seed) : state_(seed | 1) {}

  // Dials to begin now, of a pool that should have `wanted` connections and has `open`,
  // `dialling` among them.
  std::size_t due(std::size_t wanted, std::size_t open, std::size_t dialling, SteadyTime now) const {
    if (open >= wanted || dialling >= kAtOnce || now < rests_until_) return 0;
    return std::min(wanted - open, kAtOnce - dialling);
  }

  // A dial failed, whoever wanted it. Those that fail while it rests change nothing.
  void failed(SteadyTime now) {
    if (now < rests_until_) return;
    rest_ = rest_.count() == 0 ? kFirstRest : std::min(rest_ * 2, kLongestRest);
    rests_until_ = now + rest_ / 2 + std::chrono::milliseconds(random() % (rest_.count() / 2 + 1));
  }

  // A dial succeeded, or somebody knows that the provider is well again.
  void encourage() {
    rest_ = {};
    rests_until_ = {};
  }

 private:
  std::int64_t random() {  // xorshift64
    state_ ^= state_ << 13;
    state_ ^= state_ >> 7;
    state_ ^= state_ << 17;
    return static_cast<std::int64_t>(state_ >> 33);
  }

  std::uint64_t state_;
  std::chrono::milliseconds rest_{0};
  SteadyTime rests_until_{};
};

}  // namespace farebox
