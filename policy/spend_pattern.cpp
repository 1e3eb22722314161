#include "policy/spend_pattern.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "policy/robust.hpp"

namespace farebox {
namespace {

// Of these the level and its growth are learnt; the weekdays from all.
constexpr std::size_t kLevelDays = 28;
constexpr std::size_t kWeekdayDays = 14;
constexpr std::size_t kSlopeDays = 7;

// What is beyond so many spreads of the others is an excess: one alone isn't taken to come
// again every day.
constexpr double kExcess = 4;
constexpr double kAlone = 0.4;         // others come to less than this part of it
constexpr double kLeastWeight = 0.2;   // of a day that says something about the level
constexpr double kLeastSpread = 0.1;  // of the level: calm days make no excess of little

// Until data say otherwise: how far a day is from the level, and as how many days that counts.
constexpr double kGuessedSpread = 0.35;
constexpr double kGuessedDays = 2;
constexpr double kGuessedGrowth = 0.03;  // by day
constexpr double kDrift = 0.01;          // of the level, by the root of days
constexpr double kGuessedSpike = 3;      // days' worth

// So many spreads either way have 95 % of what is normally distributed.
constexpr double kWide = 2.0;

// Growth fades: nothing goes on for ever as it did for four weeks.
constexpr double kFading = 0.98;

// What a day may cost of which nothing like it was seen, against the days that were.
struct Range {
  double low, expected, high;
};
constexpr Range kUnseenWeekend{0.05, 0.8, 1.3};
constexpr Range kUnseenWorkingDay{0.7, 2, 8};
constexpr Range kUnseenHour{0, 1, 5};

std::size_t kind_of(const SpendDay& day) { return day.is_weekend() ? 1 : 0; }

std::size_t weekday_of(const SpendDay& day) {
  return std::chrono::weekday(day.day).c_encoding();
}

// Of a day that is over, what was spent before `passed` of it was.
double before(const SpendDay& day, double passed) {
  const double place = passed * static_cast<double>(kDaySlots);
  double sum = 0;
  for (std::size_t slot = 0; slot < kDaySlots; ++slot) {
    sum += day.slots[slot] * std::clamp(place - static_cast<double>(slot), 0.0, 1.0);
  }
  return sum;
}

double squares_of(const std::vector<double>& values) {
  return std::inner_product(values.begin(), values.end(), values.begin(), 0.0);
}

// Third moment over the spread: above 0 where few large values stand against many small ones.
double skew_of(const std::vector<double>& values) {
  const auto n = static_cast<double>(values.size());
  const double spread = std::sqrt(squares_of(values) / std::max(n, 1.0));
  if (spread <= 0) return 0;
  double cubes = 0;
  for (const double value : values) cubes += value * value * value;
  return std::clamp(cubes / (spread * spread * spread * (n + 3)), 0.0, 3.0);
}

std::span<const SpendDay> last_of(std::span<const SpendDay> days, std::size_t most) {
  return days.last(std::min(days.size(), most));
}

}  // namespace

SpendPattern::SpendPattern(std::span<const SpendDay> days, const SpendDay& today, WallTime now,
                           WallTime since)
    : today_(today), passed_(today.passed(now)), known_(days.size()) {
  profile_.fill(1.0 / static_cast<double>(kDaySlots));
  if (days.empty()) {
    const double known = passed_ - today.passed(since);
    level_ = today.total / std::max(known, 1.0 / 24);
    rest_expected_ = level_ * (1 - passed_);
    return;
  }
  learn_weekdays(days);
  learn_level(last_of(days, kLevelDays));
  learn_profile(days);
  learn_today(days);
}

void SpendPattern::learn_weekdays(std::span<const SpendDay> days) {
  std::array<std::vector<double>, 2> totals;
  for (const SpendDay& day : days) totals[kind_of(day)].push_back(day.total);
  std::array<double, 2> most{}, mean{};
  for (std::size_t kind = 0; kind < 2; ++kind) {
    seen_[kind] = !totals[kind].empty();
    const Middle middle = middle_of(totals[kind]);
    most[kind] = middle.median + kExcess * std::max(middle.spread, kLeastSpread * middle.median);
    for (double& total : totals[kind]) total = std::min(total, most[kind]);
    if (seen_[kind]) mean[kind] = mean_of(totals[kind]);
  }
  if (!seen_[0] || !seen_[1] || mean[0] + mean[1] <= 0) return;
  std::array<double, 7> sums{}, counts{};
  for (const SpendDay& day : days) {
    sums[weekday_of(day)] += std::min(day.total, most[kind_of(day)]);
    ++counts[weekday_of(day)];
  }
  double all = 0;
  for (std::size_t weekday = 0; weekday < 7; ++weekday) {
    const bool weekend = weekday == 0 || weekday == 6;
    // Few Mondays say little, so all working days are heard beside them.
    const double its = mean[weekend ? 1 : 0];
    const bool by_itself = days.size() >= kWeekdayDays;
    weekday_[weekday] = by_itself ? (sums[weekday] + 2 * its) / (counts[weekday] + 2) : its;
    all += weekday_[weekday];
  }
  for (double& weight : weekday_) weight = std::max(weight * 7 / all, 0.02);
}

double SpendPattern::weight(const SpendDay& day) const { return weekday_[weekday_of(day)]; }

double SpendPattern::level(double ahead) const {
  const double fading = ahead <= 0 ? ahead : (1 - std::pow(kFading, ahead)) / (1 - kFading);
  return std::max(0.0, level_ + slope_ * (centre_ + fading));
}

// The level and its slope: least squares, after what sticks out of a robust line was cut off.
void SpendPattern::learn_level(std::span<const SpendDay> days) {
  // Days that mostly cost nothing say nothing about the others.
  std::vector<Point> levels;
  for (std::size_t i = 0; i < days.size(); ++i) {
    const double its = weight(days[i]);
    if (its >= kLeastWeight) levels.push_back({static_cast<double>(i), days[i].total / its});
  }
  const std::size_t count = levels.size();
  const auto n = static_cast<double>(count);
  const bool slopes = count >= kSlopeDays;
  Line robust;
  if (slopes) {
    robust = robust_line(levels);
  } else {
    std::vector<double> values;
    for (const Point& each : levels) values.push_back(each.value);
    robust.begin = median_of(std::move(values));
  }

  std::vector<double> rests;
  for (const Point& each : levels) rests.push_back(each.value - robust.at(each.place));
  const double middle = robust.at(static_cast<double>(days.size() - 1) / 2);
  const double most = kExcess * std::max(middle_of(rests).spread, kLeastSpread * middle);
  std::vector<Point> cut = levels;
  double others = 0;
  std::size_t largest = count;
  for (std::size_t i = 0; i < count; ++i) {
    const double excess = rests[i] - most;
    if (excess <= 0) continue;
    cut[i].value -= excess;
    others += excess;
    if (excess > spike_) {
      spike_ = excess;
      largest = i;
    }
  }
  others -= spike_;
  // Where more of them come, so will this one.
  if (others > kAlone * spike_) {
    others += spike_;
    largest = count;
  }

  double place = 0, mean = 0;
  for (const Point& each : cut) {
    place += each.place / n;
    mean += each.value / n;
  }
  double across = 0, along = 0;
  for (const Point& each : cut) {
    across += (each.place - place) * (each.value - mean);
    along += (each.place - place) * (each.place - place);
  }
  const double slope = slopes ? across / along : 0;
  level_ = mean + others / n;
  centre_ = static_cast<double>(days.size()) - place;

  std::vector<double> noise;
  for (std::size_t i = 0; i < count; ++i) {
    const double value = i == largest ? cut[i].value : levels[i].value;
    noise.push_back(value - level_ - slope * (levels[i].place - place));
  }
  const double guessed = kGuessedSpread * level_;
  const double squares = squares_of(noise);
  skew_ = skew_of(noise);
  const double free = std::max(0.0, n - (slopes ? 2 : 1));
  const double all = squares + kGuessedDays * guessed * guessed;
  spread_ = std::sqrt(all / (free + kGuessedDays));
  double pairs = 0;
  for (std::size_t i = 1; i < count; ++i) pairs += noise[i - 1] * noise[i];
  const double together = all > 0 ? std::clamp(pairs / all * n / (n + 5), 0.0, 0.6) : 0;
  carry_ = (1 + together) / (1 - together);
  level_error_ = spread_ * std::sqrt(carry_ / n);
  if (!slopes) {
    slope_error_ = kGuessedGrowth * level_;
    return;
  }
  slope_error_ = spread_ * std::sqrt(carry_ / along);
  // What could be chance is believed in part.
  const double sure = slope_error_ > 0 ? slope / slope_error_ : 0;
  slope_ = slope * sure * sure / (sure * sure + 2);
}

void SpendPattern::learn_profile(std::span<const SpendDay> days) {
  std::size_t alike = 0;
  for (const SpendDay& day : days) {
    if (day.total > 0 && kind_of(day) == kind_of(today_)) ++alike;
  }
  double counted = 0.5;
  for (double& part : profile_) part *= counted;
  for (const SpendDay& day : days) {
    if (day.total <= 0 || (alike >= 3 && kind_of(day) != kind_of(today_))) continue;
    for (std::size_t slot = 0; slot < kDaySlots; ++slot) profile_[slot] += day.slots[slot] / day.total;
    ++counted;
  }
  for (double& part : profile_) part /= counted;
}

double SpendPattern::share_before(double passed) const {
  SpendDay day;
  day.slots = profile_;
  return std::clamp(before(day, passed), 0.0, 1.0);
}

// How today goes on: as days that began so did. `follows` is how much of a begin that is
// above or below the usual one goes on until the day's end.
void SpendPattern::learn_today(std::span<const SpendDay> days) {
  const double begun = share_before(passed_);
  const double left = 1 - begun;
  const double usual = expected(today_, 0);
  struct Pair {
    double begin, rest;
  };
  std::vector<Pair> pairs;
  for (std::size_t i = 0; i < days.size(); ++i) {
    const auto ahead = -static_cast<double>(days.size() - i);
    const double its = weight(days[i]) * level(ahead);
    if (its <= 0) continue;
    const double early = before(days[i], passed_);
    const double begin = begun > 0.02 ? early / (its * begun) - 1 : 0;
    const double rest = left > 0.001 ? (days[i].total - early) / (its * left) - 1 : 0;
    pairs.push_back({std::clamp(begin, -1.0, 3.0), rest});
  }
  double both = 0, begins = 0;
  for (const Pair& pair : pairs) {
    both += pair.begin * std::min(pair.rest, 3.0);
    begins += pair.begin * pair.begin;
  }
  constexpr double kGuessedFollows = 0.5, kWeight = 0.5;
  const double follows =
      std::clamp((both + kWeight * kGuessedFollows) / (begins + kWeight), 0.0, 1.0);
  follows_ = begun > 0.02 ? follows : 0;
  std::vector<double> misses;
  for (const Pair& pair : pairs) misses.push_back(pair.rest - follows_ * pair.begin);
  std::sort(misses.begin(), misses.end(),
            [](double a, double b) { return std::abs(a) < std::abs(b); });
  const std::size_t count = misses.size();
  if (count > kSlopeDays && std::abs(misses[count - 2]) < kAlone * std::abs(misses[count - 1])) {
    misses.pop_back();
  }
  const double squares = squares_of(misses) + kGuessedDays * kGuessedSpread * kGuessedSpread;
  const double spread = std::sqrt(squares / (static_cast<double>(misses.size()) + kGuessedDays - 1));
  rest_skew_ = skew_of(misses);
  const double begin = begun > 0.02 && usual > 0 ? std::min(today_.total / (usual * begun) - 1, 3.0) : 0;
  rest_expected_ = usual * left * std::max(0.0, 1 + follows_ * begin);
  rest_spread_ = std::max(usual * left, rest_expected_) * spread;
}

double SpendPattern::expected(const SpendDay& day, std::size_t ahead) const {
  double its = weight(day) * level(static_cast<double>(ahead));
  if (known_ != 0 && !seen_[kind_of(day)]) {
    its *= day.is_weekend() ? kUnseenWeekend.expected : kUnseenWorkingDay.expected;
  }
  return its;
}

SpendOutlook SpendPattern::outlook(std::span<const SpendDay> coming) const {
  SpendOutlook outlook;
  outlook.expected = rest_expected_;
  double left = 1 - passed_;
  for (std::size_t i = 0; i < coming.size(); ++i) outlook.expected += expected(coming[i], i + 1);
  left += static_cast<double>(coming.size());
  if (known_ == 0) {
    outlook.low = outlook.expected * kUnseenHour.low;
    outlook.high = outlook.expected * kUnseenHour.high;
    return outlook;
  }
  double level_weight = weight(today_) * (1 - share_before(passed_)) * (1 - follows_);
  double slope_weight = level_weight * centre_;
  double squares = 0, cubes = 0, unseen_low = 0, unseen_high = 0;
  for (std::size_t i = 0; i < coming.size(); ++i) {
    const double its = weight(coming[i]);
    if (!seen_[kind_of(coming[i])]) {
      const Range range = coming[i].is_weekend() ? kUnseenWeekend : kUnseenWorkingDay;
      unseen_low += level_ * (range.expected - range.low);
      unseen_high += level_ * (range.high - range.expected);
    }
    level_weight += its;
    slope_weight += its * (centre_ + static_cast<double>(i + 1));
    squares += its * its;
    cubes += its * its * its;
  }
  const auto known = static_cast<double>(known_);
  const double drift = kDrift * level_ * level_weight * std::sqrt(left / 3);
  const double sums[] = {rest_spread_, spread_ * std::sqrt(squares * carry_),
                         level_error_ * level_weight, slope_error_ * slope_weight, drift};
  double variance = 0;
  for (const double each : sums) variance += each * each;
  const double spread = std::sqrt(variance);
  const double wide = kWide + 2 / known;
  // Cornish and Fisher: the sum of a few skewed days has its long tail upwards.
  const double cube = sums[0] * sums[0] * sums[0];
  const double days_cube = cubes * spread_ * spread_ * spread_;
  const double skew = spread > 0 ? (rest_skew_ * cube + skew_ * days_cube) / (spread * variance) : 0;
  const double bent = skew * (wide * wide - 1) / 6;
  // Once more what stood alone, or a guess where nothing did, as far as it is likely: the less,
  // the more days are known and the fewer are left.
  const double likely = left / (known + left + 1);
  const double spike = std::max(spike_, kGuessedSpike * level_);
  const double surprise = spike * std::clamp((likely - 0.05) / 0.15, 0.0, 1.0);
  outlook.low = std::max(0.0, outlook.expected - unseen_low - std::max(wide - bent, 1.0) * spread);
  outlook.high = outlook.expected + unseen_high + (wide + bent) * spread + surprise;
  return outlook;
}

}  // namespace farebox
