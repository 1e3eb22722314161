// Period: how long a budget lasts, and when it begins anew: at the calendar's own bounds in
// the place the operator says. Plain values; time is an argument.
#pragma once

#include <chrono>

#include "config/base/time_zone.hpp"
#include "config/settings.hpp"

namespace farebox {

// From `start` until just before `end`.
struct Window {
  WallTime start;
  WallTime end;

  bool has(WallTime time) const { return start <= time && time < end; }
  friend bool operator==(const Window&, const Window&) = default;
};

class Period {
 public:
  struct Begin {
    std::chrono::weekday week = std::chrono::Monday;  // of a week
    std::chrono::month year = std::chrono::January;   // of a (fiscal) year
  };

  Period() = default;  // one for all time
  Period(BudgetPeriod kind, TimeZone zone, Begin begin) : kind_(kind), zone_(zone), begin_(begin) {}

  BudgetPeriod kind() const { return kind_; }
  const TimeZone& zone() const { return zone_; }

  // The one window that has `time`. Windows of a period follow each other without a gap;
  // `total` has a single one that never ends. A day lasts from local midnight to local
  // midnight: 23, 24 or 25 hours, or what else the zone's law makes of it.
  Window window_at(WallTime time) const;

 private:
  BudgetPeriod kind_ = BudgetPeriod::total;
  TimeZone zone_;
  Begin begin_;
};

}  // namespace farebox
