#include "storage/usage_plan.hpp"

#include <algorithm>
#include <chrono>

namespace farebox {
namespace {

// A WallTime ends in it.
constexpr auto kLastHour = static_cast<HourNumber>(
    std::chrono::floor<std::chrono::hours>(WallTime::max()).time_since_epoch().count());

}  // namespace

HourNumber hour_of(WallTime time) {
  const auto hours = std::chrono::floor<std::chrono::hours>(time).time_since_epoch().count();
  return hours < 0 ? 0 : static_cast<HourNumber>(hours);
}

WallTime start_of_hour(HourNumber hour) {
  return WallTime(std::chrono::hours(std::min(hour, kLastHour)));
}

UsagePlan::Part UsagePlan::part_of(HourNumber hour) const {
  if (hours.has(hour)) return Part::whole;
  return std::ranges::find(cut, hour) == cut.end() ? Part::none : Part::some;
}

UsagePlan plan_usage(const UsageQuery& query, WallTime newest) {
  const RecordFilter& filter = query.filter;
  const WallTime since = filter.since.value_or(WallTime::min());
  UsagePlan plan;
  if (filter.until && *filter.until <= since) return plan;

  plan.hours = {hour_of(since), kNoHour};
  if (start_of_hour(plan.hours.first) < since) plan.cut.push_back(plan.hours.first++);
  if (filter.until && *filter.until <= newest) {
    const HourNumber last = hour_of(*filter.until);
    plan.hours.end = last;
    const bool cuts = start_of_hour(last) != *filter.until;
    if (cuts && (plan.cut.empty() || plan.cut.front() != last)) plan.cut.push_back(last);
  }
  // Both ends in one hour.
  plan.hours.end = std::max(plan.hours.end, plan.hours.first);

  plan.days = {(plan.hours.first + kHoursOfDay - 1) / kHoursOfDay, plan.hours.end / kHoursOfDay};
  if (query.granularity == Granularity::hour || plan.days.first >= plan.days.end) {
    plan.days = {};
    plan.singly = {plan.hours};
  } else {
    plan.singly = {{plan.hours.first, plan.days.first * kHoursOfDay},
                   {plan.days.end * kHoursOfDay, plan.hours.end}};
  }
  return plan;
}

}  // namespace farebox
