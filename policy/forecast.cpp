#include "policy/forecast.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include "policy/spend_pattern.hpp"

namespace farebox {
namespace {

constexpr std::size_t kWeekdayDays = 14;
constexpr std::size_t kMeanDays = 3;

// No sum of bills comes near; it keeps doubles in the range of 128 bits.
constexpr double kMostPicodollars = 1e37;

Money money_of(double picodollars) {
  return Money::picodollars(static_cast<Int128>(std::clamp(picodollars, 0.0, kMostPicodollars)));
}

double picodollars(Money amount) { return static_cast<double>(amount.picodollars()); }

// A budget for all time is looked at so far ahead.
constexpr auto kFarthest = std::chrono::days(366);

Money sum_of(const std::optional<std::span<const SpendPiece>>& pieces) {
  Money sum;
  if (!pieces) return sum;
  for (const SpendPiece& piece : *pieces) sum += piece.cost;
  return sum;
}

// How much of the window's calendar is over: whole days, and of today the part in microseconds.
struct Elapsed {
  std::int64_t days = 0;
  std::int64_t part = 0;
  std::int64_t of = 1;

  double in_days() const {
    return static_cast<double>(days) + static_cast<double>(part) / static_cast<double>(of);
  }
};

Elapsed elapsed(const TimeZone& zone, WallTime from, WallTime now) {
  const SpendDay first = day_at(zone, from);
  const SpendDay today = day_at(zone, now);
  return {(today.day - first.day).count(), (now - today.start).count(),
          (today.end - today.start).count()};
}

// Exact, rounded down. In the first hour a day's average would be anything.
Money average_of(Money spent, const Elapsed& elapsed) {
  const Int128 parts = Int128(elapsed.days) * elapsed.of + elapsed.part;
  const Int128 least = std::max<Int128>(elapsed.of / static_cast<std::int64_t>(kDaySlots), 1);
  const Int128 divisor = std::max(parts, least);
  const Int128 whole = spent.picodollars() / divisor * elapsed.of;
  return Money::picodollars(whole + spent.picodollars() % divisor * elapsed.of / divisor);
}

std::vector<SpendDay> days_until(const TimeZone& zone, const SpendDay& today, WallTime end) {
  std::vector<SpendDay> days;
  SpendDay day = day_after(zone, today);
  for (; day.start < end; day = day_after(zone, day)) days.push_back(day);
  return days;
}

// A whole second between the two.
WallTime moment_between(WallTime from, WallTime until, double passed) {
  const std::chrono::duration<double> length = until - from;
  const WallTime moment = from + std::chrono::round<std::chrono::seconds>(length * passed);
  return std::clamp(moment, from, until);
}

// When so much more is spent, by the pattern. In a day, to its slot.
std::optional<WallTime> reached(const SpendPattern& pattern, const SpendDay& today, WallTime now,
                                std::span<const SpendDay> coming, double more) {
  const auto within = [&](const SpendDay& day, double from, double amount, double wanted) {
    const double before = pattern.share_before(from);
    const double share = before + (1 - before) * wanted / amount;
    double passed = from;
    while (passed < 1 && pattern.share_before(passed) < share) passed += 1.0 / 96;
    return std::max(now, moment_between(day.start, day.end, std::min(passed, 1.0)));
  };
  double rest = pattern.rest_of_today();
  if (rest > 0 && more <= rest) return within(today, today.passed(now), rest, more);
  more -= rest;
  for (std::size_t i = 0; i < coming.size(); ++i) {
    rest = pattern.expected(coming[i], i + 1);
    if (rest > 0 && more <= rest) return within(coming[i], 0, rest, more);
    more -= rest;
  }
  return std::nullopt;
}

// Only the sum is known: it goes on as it did, or quite otherwise.
SpendOutlook outlook_of_sum(double spent, double days, double left) {
  SpendOutlook outlook;
  outlook.expected = spent / std::max(days, 1.0 / 24) * left;
  const double low = days >= 7 ? 0.35 : days >= 1 ? 0.03 : 0;
  const double high = days >= 7 ? 2.2 : days >= 1 ? 4 : 6;
  outlook.low = outlook.expected * low;
  outlook.high = outlook.expected * high;
  return outlook;
}

}  // namespace

std::string_view name_of(ForecastMethod method) {
  switch (method) {
    case ForecastMethod::weekday_pattern: return "weekday pattern";
    case ForecastMethod::mean: return "mean";
    case ForecastMethod::little_data: return "little data";
  }
  return "little data";
}

Forecast forecast(const ForecastQuestion& question) {
  const TimeZone& zone = question.period.zone();
  const WallTime now = question.now;
  Forecast result;
  result.window = question.period.window_at(now);
  result.spent = question.spent;
  const bool ends = question.period.kind() != BudgetPeriod::total;
  const bool has_pieces = question.pieces && !question.pieces->empty();
  const Elapsed so_far =
      elapsed(zone, ends ? result.window.start : std::min(question.since, now), now);
  result.average_daily = average_of(ends ? question.spent : sum_of(question.pieces), so_far);
  const Money beyond = question.spent - question.limit;
  if (beyond >= Money()) result.limit_reached = now;

  std::vector<SpendDay> days;
  if (has_pieces) {
    days = spend_days(zone, *question.pieces, question.since, now, kForecastDays);
  } else {
    days.push_back(day_at(zone, now));
  }
  const SpendDay today = days.back();
  days.pop_back();
  result.days = days.size();
  if (result.days >= kWeekdayDays) result.method = ForecastMethod::weekday_pattern;
  else if (result.days >= kMeanDays) result.method = ForecastMethod::mean;

  const std::vector<SpendDay> coming =
      days_until(zone, today, ends ? result.window.end : now + kFarthest);
  const double days_remaining = static_cast<double>(coming.size()) + 1 - today.passed(now);
  SpendOutlook outlook;
  const double more = -picodollars(beyond);
  if (has_pieces) {
    const SpendPattern pattern(days, today, now, question.since);
    outlook = pattern.outlook(coming);
    if (!result.limit_reached) result.limit_reached = reached(pattern, today, now, coming, more);
  } else {
    outlook = outlook_of_sum(picodollars(question.spent), so_far.in_days(), days_remaining);
    if (ends && !result.limit_reached && outlook.expected >= more && outlook.expected > 0) {
      result.limit_reached = moment_between(now, result.window.end, more / outlook.expected);
    }
  }
  if (!ends) return result;
  Forecast::Projection& projection = result.projection.emplace(Forecast::Projection{});
  projection.days_remaining = days_remaining;
  projection.total = question.spent + money_of(outlook.expected);
  projection.low = question.spent + money_of(std::min(outlook.low, outlook.expected));
  projection.high = question.spent + money_of(std::max(outlook.high, outlook.expected));
  projection.overage = std::max(projection.total - question.limit, Money());
  return result;
}

}  // namespace farebox
