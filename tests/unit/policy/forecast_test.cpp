#include "policy/forecast.hpp"

#include <gtest/gtest.h>

#include "tests/unit/policy/spend_curves.hpp"

namespace farebox {
namespace {

using namespace std::chrono_literals;
using std::chrono::days;
using std::chrono::sys_days;
using std::chrono::year;

const WallTime kNovember = sys_days(year(2026) / 11 / 1);

TimeZone zone(std::string_view name) {
  const auto found = TimeZone::find(name);
  EXPECT_TRUE(found);
  return found ? *found : TimeZone();
}

Period monthly(std::string_view place = "UTC") {
  return Period(BudgetPeriod::monthly, zone(place), {});
}

// So much every hour.
std::vector<SpendPiece> even(WallTime from, WallTime until, Money hourly) {
  std::vector<SpendPiece> pieces;
  for (WallTime hour = from; hour < until; hour += 1h) pieces.push_back({hour, hour + 1h, hourly});
  return pieces;
}

double dollars(Money amount) { return static_cast<double>(amount.picodollars()) / 1e12; }

TEST(Forecast, EvenSpendGoesOn) {
  const auto pieces = even(kNovember - days(30), kNovember + days(10), Money::dollars(1));
  const Forecast said = forecast({monthly(), kNovember + days(10), Money::dollars(240),
                                  Money::dollars(500), pieces, kNovember - days(30)});
  ASSERT_TRUE(said.projection);
  EXPECT_EQ(said.method, ForecastMethod::weekday_pattern);
  EXPECT_EQ(said.days, 40U);
  EXPECT_EQ(said.average_daily, Money::dollars(24));
  EXPECT_NEAR(dollars(said.projection->total), 720, 1);
  EXPECT_NEAR(dollars(said.projection->overage), 220, 1);
  EXPECT_LT(dollars(said.projection->low), 720);
  EXPECT_GT(dollars(said.projection->low), 640);
  EXPECT_GT(dollars(said.projection->high), 720);
  EXPECT_LT(dollars(said.projection->high), 880) << "one surprise of some days' worth";
  EXPECT_DOUBLE_EQ(said.projection->days_remaining, 20);
  // 500 dollars are 260 hours away.
  ASSERT_TRUE(said.limit_reached);
  EXPECT_LT(std::chrono::abs(*said.limit_reached - (kNovember + days(10) + 260h)), 2h);
}

TEST(Forecast, KnowsWeekends) {
  std::vector<SpendPiece> pieces;
  for (WallTime hour = kNovember - days(28); hour < kNovember + days(12); hour += 1h) {
    const std::chrono::weekday weekday(std::chrono::floor<days>(hour));
    const bool off = weekday == std::chrono::Saturday || weekday == std::chrono::Sunday;
    if (!off) pieces.push_back({hour, hour + 1h, Money::dollars(1)});
  }
  Money spent;
  for (const SpendPiece& piece : pieces) {
    if (piece.start >= kNovember) spent += piece.cost;
  }
  // Friday, the 13th, begins: of 30 days 21 are for work, 11 to 12 of these are to come.
  const Forecast said = forecast({monthly(), kNovember + days(12), spent, Money::dollars(1'000),
                                  pieces, kNovember - days(28)});
  EXPECT_NEAR(dollars(said.projection->total), 21 * 24, 10);
  EXPECT_FALSE(said.limit_reached);
  EXPECT_EQ(said.projection->overage, Money());
}

TEST(Forecast, LittleDataIsSaidAndWide) {
  const WallTime now = kNovember + 9h;
  const auto pieces = even(kNovember + 3h, now, Money::dollars(1));
  const Period daily(BudgetPeriod::daily, TimeZone(), {});
  const Forecast said = forecast({daily, now, Money::dollars(6), Money::dollars(10), pieces, kNovember + 3h});
  EXPECT_EQ(said.method, ForecastMethod::little_data);
  EXPECT_NEAR(dollars(said.projection->total), 21, 0.1) << "a dollar an hour since it began";
  EXPECT_LT(dollars(said.projection->low), 9);
  EXPECT_GT(dollars(said.projection->high), 60);
}

TEST(Forecast, OfASumAloneIsWide) {
  const Forecast said = forecast({monthly(), kNovember + days(10), Money::dollars(100),
                                  Money::dollars(250), std::nullopt, kNovember});
  EXPECT_EQ(said.method, ForecastMethod::little_data);
  EXPECT_EQ(said.days, 0U);
  EXPECT_EQ(said.average_daily, Money::dollars(10));
  EXPECT_NEAR(dollars(said.projection->total), 300, 0.01);
  EXPECT_LE(dollars(said.projection->low), 190);
  EXPECT_GE(dollars(said.projection->high), 500);
  ASSERT_TRUE(said.limit_reached);
  EXPECT_EQ(*said.limit_reached, kNovember + days(25));
}

TEST(Forecast, WhatIsSpentIsReachedNow) {
  const auto pieces = even(kNovember, kNovember + 36h, Money::dollars(1));
  const Forecast said = forecast({monthly(), kNovember + 36h, Money::dollars(36), Money::dollars(36),
                                  pieces, kNovember});
  ASSERT_TRUE(said.limit_reached);
  EXPECT_EQ(*said.limit_reached, kNovember + 36h);
  EXPECT_EQ(said.projection->overage, said.projection->total - Money::dollars(36));
}

TEST(Forecast, ABudgetWithoutAnEndHasNoTotal) {
  const auto pieces = even(kNovember - days(20), kNovember, Money::dollars(1));
  const Forecast said = forecast({Period(), kNovember, Money::dollars(1'000), Money::dollars(1'240),
                                  pieces, kNovember - days(20)});
  EXPECT_FALSE(said.projection);
  EXPECT_EQ(said.average_daily, Money::dollars(24)) << "of what is known, not of what is older";
  ASSERT_TRUE(said.limit_reached);
  EXPECT_LT(std::chrono::abs(*said.limit_reached - (kNovember + days(10))), 2h);
}

TEST(Forecast, DaysThatTheClocksChangeAreDays) {
  struct Row {
    const char* place;
    WallTime now;
    double left;
  };
  const Row rows[] = {
      // 23 hours: noon is 11 hours after midnight.
      {"Europe/Berlin", sys_days(year(2026) / 3 / 29) + 10h, 2 + 12.0 / 23},
      {"Europe/Berlin", sys_days(year(2026) / 10 / 25) + 11h, 6 + 12.0 / 25},
      {"America/New_York", sys_days(year(2026) / 11 / 1) + 17h, 29 + 12.0 / 25},
      {"Australia/Lord_Howe", sys_days(year(2026) / 10 / 4) + 1h, 27 + 12.0 / 23.5},
      {"Asia/Kathmandu", sys_days(year(2026) / 11 / 10) + 6h + 15min, 20.5},
  };
  for (const Row& row : rows) {
    const Forecast said =
        forecast({monthly(row.place), row.now, Money::dollars(1), Money::dollars(1), std::nullopt, row.now});
    EXPECT_NEAR(said.projection->days_remaining, row.left, 1e-9) << row.place;
    EXPECT_EQ(said.window, monthly(row.place).window_at(row.now));
  }
}

TEST(Forecast, AveragesByTheCalendar) {
  // 31 days with 30 days and 23 hours; half of the last one is over.
  const WallTime now = sys_days(year(2026) / 3 / 29) + 10h + 30min;
  const Forecast said = forecast({monthly("Europe/Berlin"), now, Money::dollars(57), Money::dollars(1),
                                  std::nullopt, now});
  EXPECT_EQ(said.average_daily, Money::dollars(2));
  const WallTime begin = sys_days(year(2026) / 2 / 28) + 23h;
  const Forecast first = forecast({monthly("Europe/Berlin"), begin, Money::dollars(1),
                                   Money::dollars(1), std::nullopt, begin});
  EXPECT_EQ(first.average_daily, Money::dollars(24)) << "as if an hour were over";
}

TEST(SpendDays, MidnightDividesAnHourByTime) {
  const TimeZone kathmandu = zone("Asia/Kathmandu");  // midnight is at 18:15
  const SpendPiece hour[] = {{kNovember + 18h, kNovember + 19h, Money::dollars(4)}};
  const auto found = spend_days(kathmandu, hour, kNovember - days(1), kNovember + 20h, 10);
  ASSERT_GE(found.size(), 2U);
  EXPECT_NEAR(found.back().total, 3e12, 1);
  EXPECT_NEAR(found[found.size() - 2].total, 1e12, 1);
  EXPECT_NEAR(found.back().slots[0], 3e12, 1);
}

// Whatever the curve, the amounts, the moment, the zone and the period.
TEST(Forecast, FiguresStandInOrder) {
  const char* places[] = {"UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe",
                          "Asia/Kathmandu", "Pacific/Apia"};
  const BudgetPeriod kinds[] = {BudgetPeriod::daily, BudgetPeriod::weekly, BudgetPeriod::monthly,
                                BudgetPeriod::yearly, BudgetPeriod::total};
  const Money most = Money::dollars(1'000'000'000'000'000'000);
  for (std::uint64_t seed = 0; seed < 3'000; ++seed) {
    testing::Chance chance(seed);
    const Period period(kinds[chance.below(5)], zone(places[chance.below(6)]),
                        {std::chrono::weekday(static_cast<unsigned>(chance.below(7))),
                         std::chrono::month(1 + static_cast<unsigned>(chance.below(12)))});
    const WallTime now = kNovember + std::chrono::seconds(chance.below(86'400 * 400));
    const WallTime since = now - std::chrono::hours(chance.below(24 * 70));
    std::vector<SpendPiece> pieces;
    const double busy = chance.part();
    for (WallTime hour = std::chrono::floor<std::chrono::hours>(since); hour < now; hour += 1h) {
      if (chance.part() > busy) continue;
      const double size = std::pow(10.0, chance.between(0, 29));
      pieces.push_back({hour, hour + 1h, Money::picodollars(static_cast<Int128>(size))});
    }
    const Money spent = chance.part() < 0.1 ? most : Money::picodollars(static_cast<Int128>(
                                                         std::pow(10.0, chance.between(0, 30))));
    const Money limit = chance.part() < 0.5 ? Money::dollars(1) : most;
    const Forecast said = forecast({period, now, spent, limit, pieces, since});
    ASSERT_EQ(said.spent, spent);
    ASSERT_GE(said.average_daily, Money());
    if (said.limit_reached) {
      ASSERT_GE(*said.limit_reached, now);
    }
    ASSERT_EQ(said.projection.has_value(), period.kind() != BudgetPeriod::total);
    if (!said.projection) continue;
    ASSERT_LE(spent, said.projection->low) << seed;
    ASSERT_LE(said.projection->low, said.projection->total) << seed;
    ASSERT_LE(said.projection->total, said.projection->high) << seed;
    ASSERT_EQ(said.projection->overage, std::max(said.projection->total - limit, Money()));
    ASSERT_GE(said.projection->days_remaining, 0);
    ASSERT_LE(said.projection->days_remaining, 367);
    if (said.limit_reached) {
      ASSERT_LE(*said.limit_reached, said.window.end) << seed;
    }
    const Forecast again = forecast({period, now, spent, limit, pieces, since});
    ASSERT_EQ(said.projection->high, again.projection->high) << "the same for the same";
  }
}

}  // namespace
}  // namespace farebox
