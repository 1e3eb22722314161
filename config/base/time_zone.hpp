// TimeZone: where the days of a place begin, from the IANA database of the machine.
//
// A small value that may be copied and used by any thread. UTC needs no database, so it is
// there on a machine that has none.
#pragma once

#include <string>
#include <string_view>

#include "config/base/clock.hpp"
#include "config/base/result.hpp"

namespace date {
class time_zone;
}  // namespace date

namespace farebox {

class TimeZone {
 public:
  TimeZone() = default;  // UTC

  // "UTC" or a name such as "Europe/Berlin". Reads the database. Error: invalid_config; its
  // context says what is wrong with the name.
  static Result<TimeZone> find(std::string_view name);

  // The calendar's day there at that moment.
  std::chrono::local_days day_at(WallTime time) const;

  // The first moment of that day there: midnight, or where a change of the clocks skips
  // midnight, the moment after it; where midnight comes twice, the first one.
  WallTime start_of(std::chrono::local_days day) const;

 private:
  const date::time_zone* zone_ = nullptr;  // null: UTC; the database keeps it for ever
};

}  // namespace farebox
