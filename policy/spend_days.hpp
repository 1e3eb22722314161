// SpendDays: what was spent, by the days of a place.
//
// Rollups know hours of UTC; budgets know days of their own calendar. Plain values, made for
// statistics: amounts are doubles here and nobody pays by them.
#pragma once

#include <array>
#include <chrono>
#include <span>
#include <vector>

#include "config/base/money.hpp"
#include "config/base/time_zone.hpp"

namespace farebox {

// What was spent from `start` until just before `end`: an hour, or the part of one that
// belongs to a window.
struct SpendPiece {
  WallTime start;
  WallTime end;
  Money cost;
};

// Parts of a day, all of one length: 24 hours, or what a change of the clocks makes of them.
inline constexpr std::size_t kDaySlots = 24;

struct SpendDay {
  std::chrono::local_days day;
  WallTime start;  // of the day there ...
  WallTime end;    // ... and of the next one
  double total = 0;  // picodollars
  std::array<double, kDaySlots> slots{};

  bool is_weekend() const;
  // How much of the day is over at `time`, from 0 to 1.
  double passed(WallTime time) const;
};

SpendDay day_at(const TimeZone& zone, WallTime time);
SpendDay day_after(const TimeZone& zone, const SpendDay& day);

// The days from the first whole one behind `since` to the one that has `now`, without a gap
// and at most `most`; the last one is today. Of a piece that midnight cuts (places with half
// hours), each day has its part by time. Precondition: pieces rise and don't overlap.
std::vector<SpendDay> spend_days(const TimeZone& zone, std::span<const SpendPiece> pieces,
                                 WallTime since, WallTime now, std::size_t most);

}  // namespace farebox
