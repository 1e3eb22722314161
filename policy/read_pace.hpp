// ReadPace: are reads of a disk as quick as memory's at this moment?
//
// What the page cache has is read sooner than a thread is woken for it. Who knows that reads have
// been so lately may read by itself; a single slow one ends that for a while, longer each time.
// Thread-safe.
#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>

#include "config/base/clock.hpp"

namespace farebox {

class ReadPace {
 public:
  static constexpr std::chrono::microseconds kSlow{1'000};
  static constexpr std::uint32_t kEnough = 64;  // that were quick, one after another
  static constexpr std::chrono::seconds kShortest{1}, kLongest{64};

  bool is_quick(SteadyTime now) const {
    return quick_.load(std::memory_order_relaxed) >= kEnough &&
           now.time_since_epoch().count() >= until_.load(std::memory_order_relaxed);
  }

  void add(std::chrono::nanoseconds took, SteadyTime now) {
    if (took < kSlow) {
      const std::uint32_t quick = quick_.fetch_add(1, std::memory_order_relaxed) + 1;
      // Well for so long that the next slow one is a new story.
      if (quick == kForgets) pause_.store(kShortest.count(), std::memory_order_relaxed);
      if (quick > kMost) quick_.store(kForgets + 1, std::memory_order_relaxed);
      return;
    }
    quick_.store(0, std::memory_order_relaxed);
    const std::int64_t pause = pause_.load(std::memory_order_relaxed);
    until_.store((now + std::chrono::seconds(pause)).time_since_epoch().count(),
                 std::memory_order_relaxed);
    pause_.store(std::min(2 * pause, std::int64_t{kLongest.count()}), std::memory_order_relaxed);
  }

 private:
  static constexpr std::uint32_t kForgets = 100'000, kMost = 1u << 31;

  std::atomic<std::uint32_t> quick_{0};
  std::atomic<std::int64_t> until_{0};
  std::atomic<std::int64_t> pause_{kShortest.count()};  // seconds
};

}  // namespace farebox
