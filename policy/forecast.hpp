// Forecast: where a budget's window will end if spend goes on as it does.
//
// Pure: what was spent and the calendar in, figures out; the same for the same input. Money
// in and out is exact, the statistics between are doubles. The band is meant to have the true
// total in nine cases of ten from one third of the window on; with little data it is wide.
#pragma once

#include <optional>
#include <span>
#include <string_view>

#include "policy/period.hpp"
#include "policy/spend_days.hpp"

namespace farebox {

// Days before today that a forecast looks at: eight weeks.
inline constexpr std::size_t kForecastDays = 56;

struct ForecastQuestion {
  Period period;
  WallTime now;
  Money spent;  // in the window that runs, as its budget counts it
  Money limit;
  // What was spent before now and since when that is known; nothing: only `spent` is.
  std::optional<std::span<const SpendPiece>> pieces;
  WallTime since;
};

enum class ForecastMethod : std::uint8_t {
  weekday_pattern,  // two weeks of data: each weekday by itself, and how it grows
  mean,             // less: the mean of working days and of weekends
  little_data,      // less than three whole days, or the sum alone
};
std::string_view name_of(ForecastMethod method);

struct Forecast {
  // At the window's end. Nothing: it has none.
  struct Projection {
    Money total;
    Money overage;  // what of it is beyond the limit
    Money low, high;  // the band: spent <= low <= total <= high
    double days_remaining = 0;  // of the calendar: one that the clocks shorten is a day too
  };

  Window window;
  Money spent;
  // In the window so far, by days of the calendar. Without an end: of what `pieces` tell.
  Money average_daily;
  std::optional<Projection> projection;
  // While the window lasts (without an end: within a year); now, where it is reached.
  std::optional<WallTime> limit_reached;
  ForecastMethod method = ForecastMethod::little_data;
  std::size_t days = 0;  // whole ones that it was made from
};

// Precondition: amounts lie between 0 and 1e18 dollars, as sums of bills do.
Forecast forecast(const ForecastQuestion& question);

}  // namespace farebox
