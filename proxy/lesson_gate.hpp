// LessonGate: of the replies of one model, which few are worth learning from.
//
// Lets one of a model pass in each kPause. Models fall into slots by their hash, and two that
// share one share its turns. Thread-safe without a lock: a slot is when it opens next.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <functional>
#include <string_view>

#include "config/base/clock.hpp"

namespace farebox {

class LessonGate {
 public:
  static constexpr std::chrono::milliseconds kPause{250};

  // True takes the turn.
  bool pass(std::string_view provider, std::string_view model, SteadyTime now) {
    const std::hash<std::string_view> hash;
    std::atomic<std::int64_t>& slot = opens_[(hash(model) ^ hash(provider) * 31) % kSlots];
    const std::int64_t at = now.time_since_epoch().count();
    std::int64_t opens = slot.load(std::memory_order_relaxed);
    if (at < opens) return false;
    const std::int64_t next = at + SteadyTime::duration(kPause).count();
    return slot.compare_exchange_strong(opens, next, std::memory_order_relaxed);
  }

 private:
  static constexpr std::size_t kSlots = 256;
  std::array<std::atomic<std::int64_t>, kSlots> opens_{};
};

}  // namespace farebox
