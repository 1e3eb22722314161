#include "policy/anomaly.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <utility>

#include "policy/robust.hpp"

namespace farebox {
namespace {

// A rise is so many times the expected at least, and so many spreads of the usual above it,
// counted by factors: an hour is half or double, not ten dollars less or more.
constexpr double kTimes = 2;
constexpr double kSpreads = 3.4;
// It also goes beyond what hours of this scope ever did, one left out. Where several were far
// off, they belong to it, and a rise is far above the farthest; and in money too, for by night,
// when little is usual, any batch is many times that.
constexpr double kBeyond = 1.1;
constexpr double kFarBeyond = 2;
constexpr double kMoreMoney = 1.5;
// The hours behind one that was told are the same rise, unless they are so many times that.
constexpr std::uint64_t kSameRise = 2;
constexpr double kMuchWorse = 4;
// A scope that was told of twice in eight weeks has hours like that: a third one is beyond both,
// and of bursts so many times their money. On made-up normal spend (anomaly_test.cpp) no scope
// then has more than two false alarms in two months.
constexpr std::uint64_t kToldHours = 8 * kHoursOfWeek;
constexpr std::size_t kOftenTold = 2;
constexpr double kThird = 1.2;
constexpr double kThirdMoney = 8;
// With fewer hours to judge by the spread is taken to be a usual one at least.
constexpr std::size_t kFewHours = 72;
constexpr double kGuessedSpread = 0.25;

// How the level moved since the weeks it is compared with, within bounds: a rise that goes on
// becomes the usual in a day.
constexpr std::size_t kLevelHours = 24;
constexpr double kMostLevel = 2;

// What a storm is at least.
constexpr std::uint64_t kLeastRetries = 20;
constexpr double kLeastPart = 0.2;
constexpr double kPartTimes = 3;

constexpr double kMostRatio = 1'000;
constexpr std::size_t kMostTold = 16;

double picodollars(Money amount) { return static_cast<double>(amount.picodollars()); }

// The place in a ring of `most` goes round with `turn`.
void put(std::vector<float>& ring, std::size_t most, std::uint64_t turn, double value) {
  if (ring.size() < most) ring.push_back(static_cast<float>(value));
  else ring[static_cast<std::size_t>(turn % most)] = static_cast<float>(value);
}

// 1970 began on a Thursday.
bool is_weekend(std::int64_t hour) {
  const std::int64_t weekday = ((hour + 24 * 7) / 24 + 4) % 7;
  return weekday == 0 || weekday == 6;
}

}  // namespace

std::string_view name_of(SpendAnomaly::Kind kind) {
  switch (kind) {
    case SpendAnomaly::Kind::spend_rise: return "spend_rise";
    case SpendAnomaly::Kind::new_model: return "new_model";
    case SpendAnomaly::Kind::new_key: return "new_key";
    case SpendAnomaly::Kind::retry_storm: return "retry_storm";
  }
  return "spend_rise";
}

// Hours of the place's calendar since 1970. Where the clocks go back, the 25th hour of a day
// stands in for its 24th; where they go forward, a number is missing.
std::int64_t SpendWatch::number_of(WallTime hour) const {
  const auto day = zone_.day_at(hour);
  const auto passed = (hour - zone_.start_of(day)) / std::chrono::hours(1);
  return std::int64_t{day.time_since_epoch().count()} * 24 +
         std::clamp<std::int64_t>(passed, 0, 23);
}

// The median of the same hour of weeks before, and of those beside it; before there is such a
// week, of days that are working days or not as this one.
std::optional<double> SpendWatch::usual(std::int64_t number) const {
  constexpr auto kWeek = static_cast<std::int64_t>(kHoursOfWeek);
  std::vector<double> alike;
  const auto hear = [&](std::int64_t middle) {
    for (std::int64_t wanted = middle - 1; wanted <= middle + 1; ++wanted) {
      if (wanted < 0) continue;
      const Hour& hour = hours_[static_cast<std::size_t>(wanted) % kKept];
      if (hour.number == wanted) alike.push_back(hour.cost);
    }
  };
  for (std::int64_t week = 1; week <= static_cast<std::int64_t>(kWeeks); ++week) {
    hear(number - week * kWeek);
  }
  if (alike.empty()) {
    for (std::int64_t day = 1; day < 7; ++day) {
      const std::int64_t wanted = number - day * 24;
      if (is_weekend(wanted) == is_weekend(number)) hear(wanted);
    }
  }
  if (alike.empty()) return std::nullopt;
  return median_of(std::move(alike));
}

SpendWatch::Judged SpendWatch::judge(std::int64_t number, double cost) const {
  Judged judged;
  const auto alike = usual(number);
  if (!alike) return judged;
  const double floor = picodollars(least_) / 2;  // what is little varies much
  const double moved = moved_.empty() ? 1 : median_of({moved_.begin(), moved_.end()});
  judged.expected = *alike * std::clamp(moved, 1 / kMostLevel, kMostLevel);
  judged.moved = (cost + floor) / (*alike + floor);
  judged.ratio = (cost + floor) / (judged.expected + floor);
  judged.excess = cost - judged.expected;
  if (seen_ < kHoursOfWeek || cost - judged.expected < picodollars(least_)) return judged;

  judged.rise = is_beyond(judged);
  return judged;
}

// What hours of this scope don't do.
bool SpendWatch::is_beyond(const Judged& judged) const {
  if (judged.ratio <= kTimes) return false;  // as nearly all are
  std::vector<double> ratios(ratios_.begin(), ratios_.end());
  std::sort(ratios.begin(), ratios.end(), std::greater<>());
  std::vector<double> factors;
  for (const double ratio : ratios) factors.push_back(std::log(ratio));
  double spread = middle_of(factors).spread;
  if (ratios.size() < kFewHours) spread = std::max(spread, kGuessedSpread);
  const double usual_most = std::max(kTimes, std::exp(kSpreads * spread));
  if (judged.ratio <= usual_most) return false;
  if (ratios.size() < 3) return is_news(judged, false);
  const bool bursty = ratios[2] > usual_most;
  if (judged.ratio <= (bursty ? kFarBeyond * ratios[0] : kBeyond * ratios[1])) return false;
  if (bursty) {
    const auto most = static_cast<double>(*std::max_element(excesses_.begin(), excesses_.end()));
    if (judged.excess <= kMoreMoney * most) return false;
  }
  return is_news(judged, bursty);
}

// What was told lately doesn't cover it.
bool SpendWatch::is_news(const Judged& judged, bool bursty) const {
  if (told_.empty()) return true;
  const Told& last = told_.back();
  if (seen_ - last.seen <= kSameRise && judged.ratio <= kMuchWorse * last.ratio) return false;
  std::size_t lately = 0;
  double ratio = 0, excess = 0;
  for (const Told& told : told_) {
    if (seen_ - told.seen >= kToldHours) continue;
    ++lately;
    ratio = std::max(ratio, told.ratio);
    excess = std::max(excess, told.excess);
  }
  if (lately < kOftenTold) return true;
  return judged.ratio > kThird * ratio && (!bursty || judged.excess > kThirdMoney * excess);
}

void SpendWatch::keep(std::int64_t number, double cost, const Judged& judged) {
  hours_[static_cast<std::size_t>(number) % kKept] = {number, cost};
  if (judged.ratio > 0) {
    constexpr std::size_t kRatios = kHoursOfWeek * kWeeks;
    put(ratios_, kRatios, seen_, std::min(judged.ratio, kMostRatio));
    put(excesses_, kRatios, seen_, judged.excess);
    put(moved_, kLevelHours, seen_, std::min(judged.moved, kMostRatio));
  }
  if (judged.rise) {
    std::erase_if(told_, [&](const Told& told) { return seen_ - told.seen >= kToldHours; });
    if (told_.size() == kMostTold) told_.erase(told_.begin());
    told_.push_back({seen_, judged.ratio, judged.excess});
  }
  ++seen_;
}

std::optional<SpendWatch::Rise> SpendWatch::add(WallTime hour, Money cost) {
  constexpr auto kHour = std::chrono::hours(1);
  if (last_ && hour <= *last_) return std::nullopt;
  // Longer silence than is remembered leaves nothing to compare with.
  if (last_ && hour - *last_ > kHour * kKept) *last_ = hour - kHour * kKept;
  if (last_) {
    for (WallTime silent = *last_ + kHour; silent < hour; silent += kHour) {
      const std::int64_t number = number_of(silent);
      keep(number, 0, judge(number, 0));
    }
  }
  last_ = hour;
  const std::int64_t number = number_of(hour);
  const Judged judged = judge(number, picodollars(cost));
  keep(number, picodollars(cost), judged);
  if (!judged.rise) return std::nullopt;
  return Rise{Money::picodollars(static_cast<Int128>(judged.expected)), cost};
}

std::optional<SpendWatch::Rise> SpendWatch::look(WallTime hour, Money cost) const {
  const Judged judged = judge(number_of(hour), picodollars(cost));
  if (!judged.rise) return std::nullopt;
  return Rise{Money::picodollars(static_cast<Int128>(judged.expected)), cost};
}

std::vector<NamedSpend> top_contributors(const std::vector<NamedSpend>& now,
                                         const std::vector<NamedSpend>& usual, std::size_t most) {
  std::map<std::pair<std::string_view, std::string_view>, Money> before;
  for (const NamedSpend& each : usual) before[{each.dimension, each.name}] = each.cost;
  std::vector<NamedSpend> more;
  for (const NamedSpend& each : now) {
    const auto known = before.find({each.dimension, each.name});
    const Money rise = known == before.end() ? each.cost : each.cost - known->second;
    if (rise > Money()) more.push_back({each.dimension, each.name, rise});
  }
  std::sort(more.begin(), more.end(), [](const NamedSpend& a, const NamedSpend& b) {
    if (a.cost != b.cost) return a.cost > b.cost;
    return std::tie(a.dimension, a.name) < std::tie(b.dimension, b.name);
  });
  if (more.size() > most) more.resize(most);
  return more;
}

bool NameWatch::is_new(std::string_view name, WallTime hour) {
  if (!first_) first_ = hour;
  if (name.empty() || names_.find(name) != names_.end() || names_.size() >= most_) return false;
  names_.emplace(name);
  return hour - *first_ >= std::chrono::hours(kHoursOfWeek);
}

bool RetryWatch::add(const RetryHour& hour) {
  const double part = hour.requests == 0 ? 0
                                         : static_cast<double>(hour.retries) /
                                               static_cast<double>(hour.requests);
  bool storm = false;
  if (parts_.size() == kHoursOfWeek && hour.retries >= kLeastRetries) {
    const double usual = median_of({parts_.begin(), parts_.end()});
    storm = part >= std::max(kLeastPart, kPartTimes * usual);
  }
  if (parts_.size() < kHoursOfWeek) {
    parts_.push_back(static_cast<float>(part));
  } else {
    parts_[next_] = static_cast<float>(part);
    next_ = (next_ + 1) % parts_.size();
  }
  return storm;
}

std::vector<float> RetryWatch::parts() const {
  std::vector<float> parts(parts_);
  std::rotate(parts.begin(), parts.begin() + static_cast<std::ptrdiff_t>(next_), parts.end());
  return parts;
}

void RetryWatch::restore(std::vector<float> parts) {
  if (parts.size() > kHoursOfWeek) parts.resize(kHoursOfWeek);
  parts_ = std::move(parts);
  next_ = 0;
}

}  // namespace farebox
