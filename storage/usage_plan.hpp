// UsagePlan: which tables answer a query, and which hours have to be read record by record.
#pragma once

#include <cstdint>
#include <vector>

#include "storage/usage_query.hpp"

namespace farebox {

// Since 1970, UTC. What is before counts as the first hour.
using HourNumber = std::uint32_t;
using DayNumber = std::uint32_t;
inline constexpr std::uint32_t kHoursOfDay = 24;
inline constexpr HourNumber kNoHour = ~HourNumber{0};  // behind the last one

HourNumber hour_of(WallTime time);
WallTime start_of_hour(HourNumber hour);

// Hours or days; `end` isn't one of them.
struct NumberRange {
  std::uint32_t first = 0;
  std::uint32_t end = 0;

  bool has(std::uint32_t number) const { return first <= number && number < end; }
};

struct UsagePlan {
  // How much of an hour the filter's times admit.
  enum class Part : std::uint8_t { none, some, whole };

  NumberRange hours;                // all whole ones
  NumberRange days;                 // of these, what tables of days answer
  std::vector<NumberRange> singly;  // of these, what tables of hours answer
  std::vector<HourNumber> cut;      // admitted in part: answered by records

  Part part_of(HourNumber hour) const;
};

// `newest` is the time of the newest record: an end behind it cuts nothing.
UsagePlan plan_usage(const UsageQuery& query, WallTime newest);

}  // namespace farebox
