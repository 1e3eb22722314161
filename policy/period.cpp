#include "policy/period.hpp"

namespace farebox {
namespace {

using std::chrono::days;
using std::chrono::local_days;
using std::chrono::months;
using std::chrono::year_month;
using std::chrono::year_month_day;

struct Days {
  local_days first;
  local_days end;
};

local_days first_of(year_month month) { return local_days(month / std::chrono::day(1)); }

Days days_of(BudgetPeriod kind, const Period::Begin& begin, local_days day) {
  const year_month_day date(day);
  const year_month month = date.year() / date.month();
  switch (kind) {
    case BudgetPeriod::weekly: {
      const local_days first = day - (std::chrono::weekday(day) - begin.week);
      return {first, first + days(7)};
    }
    case BudgetPeriod::monthly: return {first_of(month), first_of(month + months(1))};
    case BudgetPeriod::yearly: {
      const auto year = date.month() < begin.year ? date.year() - std::chrono::years(1) : date.year();
      const year_month first = year / begin.year;
      return {first_of(first), first_of(first + months(12))};
    }
    case BudgetPeriod::daily:
    case BudgetPeriod::total: break;
  }
  return {day, day + days(1)};
}

}  // namespace

Window Period::window_at(WallTime time) const {
  if (kind_ == BudgetPeriod::total) return {WallTime::min(), WallTime::max()};
  // A place can skip a whole day (Samoa, 2011), which then has no window: the days around it
  // meet where it would have been.
  const Days span = days_of(kind_, begin_, zone_.day_at(time));
  return {zone_.start_of(span.first), zone_.start_of(span.end)};
}

}  // namespace farebox
