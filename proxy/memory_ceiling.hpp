// MemoryCeiling: is there memory for one more call? (limits.memory)
//
// The process's resident memory is looked at some times a second, not per call; what the
// bodies that are held grew by since then is added. Beyond a soft mark new calls are refused
// until it is well below again; those that run go on. Thread-safe: a few relaxed loads.
#pragma once

#include <atomic>
#include <cstdint>

#include "config/base/clock.hpp"

namespace farebox {

class MemoryCeiling {
 public:
  static constexpr std::chrono::milliseconds kLookEvery{100};

  // Shedding begins at 90 % of the ceiling and ends below 85 %.
  void note(std::uint64_t resident, std::uint64_t ceiling, std::uint64_t buffered) {
    const std::uint64_t high = ceiling / 100 * 90, low = ceiling / 100 * 85;
    const bool sheds = resident >= (shedding() ? low : high);
    resident_.store(resident, std::memory_order_relaxed);
    buffered_.store(buffered, std::memory_order_relaxed);
    mark_.store(sheds ? low : high, std::memory_order_relaxed);
    shedding_.store(ceiling != 0 && sheds, std::memory_order_relaxed);
  }

  // `buffered` is what bodies hold now.
  bool sheds(std::uint64_t buffered) const {
    const std::uint64_t mark = mark_.load(std::memory_order_relaxed);
    if (mark == 0) return false;
    const std::uint64_t then = buffered_.load(std::memory_order_relaxed);
    const std::uint64_t more = buffered > then ? buffered - then : 0;
    return resident_.load(std::memory_order_relaxed) + more >= mark;
  }
  bool shedding() const { return shedding_.load(std::memory_order_relaxed); }

  // How much of `said` bodies may hold: never more than a quarter of the ceiling.
  std::uint64_t body_room(std::uint64_t said) const {
    const std::uint64_t mark = mark_.load(std::memory_order_relaxed);
    return mark == 0 ? said : said < mark / 4 ? said : mark / 4;
  }

  // True for one caller each kLookEvery, who then has to look and `note`.
  bool due(SteadyTime now) {
    auto next = next_look_.load(std::memory_order_relaxed);
    const auto ticks = now.time_since_epoch().count();
    if (ticks < next) return false;
    const auto later = (now + kLookEvery).time_since_epoch().count();
    return next_look_.compare_exchange_strong(next, later, std::memory_order_relaxed);
  }

  // Looks, where it is due. `said` is limits.memory: 0 for nine tenths of the cgroup's limit,
  // or no ceiling where there is none. While it sheds, memory that was freed goes back to the
  // system: else what a burst took would stay taken.
  void look(SteadyTime now, std::uint64_t said, std::uint64_t buffered);

 private:
  std::atomic<std::uint64_t> resident_{0}, buffered_{0}, mark_{0};
  std::atomic<bool> shedding_{false};
  std::atomic<SteadyTime::rep> next_look_{0};
};

// What the system says; 0 where it says nothing. Cgroups of both versions are asked once.
std::uint64_t resident_memory();
std::uint64_t cgroup_memory_limit();

// `limit` of a file such as memory.max: 0 for "max", for what is no number, and for the huge
// one that stands for no limit in version 1.
std::uint64_t parse_memory_limit(std::string_view text);

}  // namespace farebox
