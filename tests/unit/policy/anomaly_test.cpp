#include "policy/anomaly.hpp"

#include <gtest/gtest.h>

#include <cstdio>

#include "tests/unit/policy/spend_curves.hpp"

namespace farebox {
namespace {

using namespace std::chrono_literals;
using std::chrono::days;
using testing::CurveKind;
using testing::SpendCurve;

const WallTime kStart = std::chrono::sys_days(std::chrono::year(2026) / 4 / 6);

constexpr CurveKind kNormal[] = {CurveKind::flat, CurveKind::weekly, CurveKind::growing,
                                 CurveKind::bursty};

// Of the curve: a small part of what it spends in an hour.
Money least_of(const SpendCurve& curve) {
  const double sum = curve.sum(curve.start(), curve.hours.back().end);
  return Money::picodollars(static_cast<Int128>(sum / static_cast<double>(curve.hours.size()) / 20));
}

SpendCurve normal(CurveKind kind, std::uint64_t seed, int length, double most_noise = 0.35) {
  return testing::make_curve({kind, seed, kStart, kStart + days(length), 24, most_noise});
}

TimeZone zone_of(std::uint64_t seed) {
  const char* places[] = {"UTC", "Europe/Berlin", "America/New_York", "Asia/Kathmandu"};
  const auto found = TimeZone::find(places[seed % 4]);
  EXPECT_TRUE(found);
  return *found;
}

// 175 months in all of each kind. Of bursty curves some had five and six: each hour of a burst
// was told, and so was each burst by night, when little is usual.
TEST(SpendWatch, NormalSpendIsSeldomFalselyCalledARise) {
  constexpr int kSeeds = testing::kAllSeeds ? 100 : 25, kLength = 60;
  for (const CurveKind kind : kNormal) {
    int alarms = 0, worst = 0;
    for (std::uint64_t seed = 0; seed < kSeeds; ++seed) {
      const SpendCurve curve = normal(kind, seed, kLength);
      SpendWatch watch(zone_of(seed), least_of(curve));
      int its = 0;
      for (const SpendPiece& hour : curve.hours) its += watch.add(hour.start, hour.cost).has_value();
      alarms += its;
      worst = std::max(worst, its);
    }
    const double months = kSeeds * (kLength - 7) / 30.0;
    std::printf("%-8s %.2f false alarms a month, at most %d in %d days\n", testing::name_of(kind),
                alarms / months, worst, kLength);
    EXPECT_LT(alarms / months, 1) << testing::name_of(kind);
    EXPECT_LE(worst, 2) << testing::name_of(kind);
  }
}

// An hour that is tripled is found as soon as it has spent that much. Where hours vary by a
// third by themselves, three times as much comes by chance too often to be told apart always.
TEST(SpendWatch, ATripledHourIsFound) {
  struct Row {
    double noise;
    double at_least;
  };
  constexpr double kFewer = testing::kAllSeeds ? 0 : 0.03;  // fewer say it less exactly
  for (const Row row : {Row{0.2, 0.9 - kFewer}, Row{0.35, 0.6 - kFewer}}) {
    for (const CurveKind kind : {CurveKind::flat, CurveKind::weekly, CurveKind::growing}) {
      int found = 0, tried = 0;
      for (std::uint64_t seed = 0; seed < (testing::kAllSeeds ? 60 : 30); ++seed) {
        for (const int after : {8, 15, 20, 40}) {
          const SpendCurve curve = normal(kind, seed, after + 1, row.noise);
          testing::Chance chance(seed);
          SpendWatch watch(zone_of(seed), least_of(curve));
          const std::size_t when = curve.hours.size() - 1 - chance.below(24);
          for (std::size_t i = 0; i < when; ++i) watch.add(curve.hours[i].start, curve.hours[i].cost);
          const SpendPiece& hour = curve.hours[when];
          const Money tripled = hour.cost + hour.cost + hour.cost;
          if (hour.cost < least_of(curve)) continue;  // by night, where three times nothing is little
          ++tried;
          const bool early = watch.look(hour.start, tripled).has_value();
          const auto rise = watch.add(hour.start, tripled);
          EXPECT_EQ(early, rise.has_value());
          if (!rise) continue;
          ++found;
          EXPECT_EQ(rise->seen, tripled);
          EXPECT_LT(rise->expected, tripled);
        }
      }
      std::printf("%-8s noise to %.2f: %d of %d tripled hours found\n", testing::name_of(kind),
                  row.noise, found, tried);
      EXPECT_GE(found, tried * row.at_least) << testing::name_of(kind);
    }
  }
}

// Offices open an hour earlier or later, by UTC, from one day to the next.
TEST(SpendWatch, WeeksAreOfThePlace) {
  for (const char* place : {"Europe/Berlin", "America/New_York", "Australia/Lord_Howe"}) {
    const auto zone = TimeZone::find(place);
    ASSERT_TRUE(zone);
    SpendWatch watch(*zone, Money::dollars(1));
    WallTime hour = std::chrono::sys_days(std::chrono::year(2026) / 2 / 10);
    for (int i = 0; i < 24 * 300; ++i, hour += 1h) {
      const auto day = zone->day_at(hour);
      const auto clock = (hour - zone->start_of(day)) / 1h;
      const bool open = clock >= 8 && clock < 18 && std::chrono::weekday(day) != std::chrono::Sunday;
      ASSERT_FALSE(watch.add(hour, Money::dollars(open ? 40 : 1))) << place << ' ' << rfc3339(hour);
    }
  }
}

TEST(SpendWatch, SaysNothingInTheFirstWeek) {
  SpendWatch watch(TimeZone(), Money::dollars(1));
  WallTime hour = kStart;
  for (int i = 0; i < 167; ++i, hour += 1h) {
    EXPECT_FALSE(watch.add(hour, Money::dollars(i == 100 ? 1'000 : 1)));
  }
  EXPECT_FALSE(watch.add(hour, Money::dollars(500)));
}

TEST(SpendWatch, CentsAlarmNobody) {
  SpendWatch watch(TimeZone(), Money::dollars(1));
  WallTime hour = kStart;
  const Money cent = Money::picodollars(Money::kPicodollarsPerDollar / 100);
  for (int i = 0; i < 400; ++i, hour += 1h) ASSERT_FALSE(watch.add(hour, cent));
  EXPECT_FALSE(watch.add(hour, Money::picodollars(Money::kPicodollarsPerDollar / 2)));
  EXPECT_TRUE(watch.add(hour + 1h, Money::dollars(5)));
}

TEST(SpendWatch, SilenceIsSpendOfNothing) {
  SpendWatch watch(TimeZone(), Money::dollars(1));
  watch.add(kStart, Money::dollars(1));
  EXPECT_TRUE(watch.add(kStart + days(10), Money::dollars(50)));
  EXPECT_FALSE(watch.add(kStart + days(9), Money::dollars(50))) << "time doesn't run back";
  SpendWatch other(TimeZone(), Money::dollars(1));
  other.add(kStart, Money::dollars(1));
  other.add(kStart + days(4'000), Money::dollars(1));
}

TEST(SpendWatch, ARiseThatStaysBecomesTheUsual) {
  SpendWatch watch(TimeZone(), Money::dollars(1));
  WallTime hour = kStart;
  for (int i = 0; i < 24 * 14; ++i, hour += 1h) watch.add(hour, Money::dollars(10));
  int alarms = 0;
  for (int i = 0; i < 24 * 14; ++i, hour += 1h) alarms += watch.add(hour, Money::dollars(30)).has_value();
  EXPECT_GE(alarms, 1);
  EXPECT_LE(alarms, 3);
}

// Two weeks of ten dollars an hour, and what is told of the hours behind them.
std::vector<bool> told_of(std::initializer_list<int> dollars) {
  SpendWatch watch(TimeZone(), Money::dollars(1));
  WallTime hour = kStart;
  for (int i = 0; i < 24 * 14; ++i, hour += 1h) watch.add(hour, Money::dollars(10));
  std::vector<bool> told;
  for (const int each : dollars) {
    told.push_back(watch.add(hour, Money::dollars(each)).has_value());
    hour += 1h;
  }
  return told;
}

TEST(SpendWatch, WhatGoesOnIsOneRise) {
  EXPECT_EQ(told_of({50, 60, 40, 10}), (std::vector<bool>{true, false, false, false}));
  EXPECT_EQ(told_of({50, 900, 10}), (std::vector<bool>{true, true, false})) << "it got much worse";
}

TEST(SpendWatch, AThirdRiseIsBeyondTheTwoBefore) {
  const auto after = [](int third) -> bool { return told_of({60, 10, 10, 10, 10, 80, 10, 10, 10, 10, third}).back(); };
  EXPECT_FALSE(after(70));
  EXPECT_FALSE(after(85));
  EXPECT_TRUE(after(900));
}

TEST(TopContributors, NamesWhatRoseMost) {
  const std::vector<NamedSpend> usual = {{"model", "a", Money::dollars(5)}, {"key", "k", Money::dollars(9)}};
  const std::vector<NamedSpend> now = {{"model", "a", Money::dollars(8)},
                                       {"model", "b", Money::dollars(7)},
                                       {"key", "k", Money::dollars(9)},
                                       {"user", "u", Money::dollars(1)}};
  const auto top = top_contributors(now, usual, 2);
  ASSERT_EQ(top.size(), 2U);
  EXPECT_EQ(top[0].name, "b");
  EXPECT_EQ(top[1].name, "a");
  EXPECT_EQ(top[1].cost, Money::dollars(3));
  EXPECT_EQ(top_contributors(now, usual, 9).size(), 3U);
}

TEST(NameWatch, KnowsWhatTheFirstWeekHad) {
  NameWatch watch(3);
  EXPECT_FALSE(watch.is_new("gpt", kStart));
  EXPECT_FALSE(watch.is_new("claude", kStart + days(6)));
  EXPECT_FALSE(watch.is_new("gpt", kStart + days(8)));
  EXPECT_FALSE(watch.is_new("", kStart + days(8)));
  EXPECT_TRUE(watch.is_new("gemini", kStart + days(8)));
  EXPECT_FALSE(watch.is_new("gemini", kStart + days(9))) << "told once";
  EXPECT_FALSE(watch.is_new("fourth", kStart + days(9))) << "there is no room to remember it";
}

TEST(RetryWatch, AStormIsManyAndMuchMoreThanUsual) {
  RetryWatch watch;
  for (std::size_t i = 0; i < kHoursOfWeek; ++i) EXPECT_FALSE(watch.add({1'000, i == 7 ? 900U : 20U}));
  EXPECT_FALSE(watch.add({1'000, 100}));
  EXPECT_FALSE(watch.add({20, 10})) << "too few";
  EXPECT_TRUE(watch.add({1'000, 400}));
  RetryWatch failing;
  for (std::size_t i = 0; i < kHoursOfWeek; ++i) failing.add({1'000, 300});
  EXPECT_FALSE(failing.add({1'000, 500})) << "it is always like this";
  EXPECT_FALSE(failing.add({0, 0}));
}

}  // namespace
}  // namespace farebox
