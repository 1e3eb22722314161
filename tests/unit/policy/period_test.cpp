#include "policy/period.hpp"

#include <date/tz.h>
#include <gtest/gtest.h>

#include <string>

namespace farebox {
namespace {

using namespace std::chrono_literals;
using std::chrono::sys_days;
using std::chrono::year;

TimeZone zone(std::string_view name) {
  const auto found = TimeZone::find(name);
  EXPECT_TRUE(found) << found.error().context;
  return found ? *found : TimeZone();
}

// "2026-03-29T01:00:00.000Z"
std::string text(WallTime time) { return rfc3339(time); }

WallTime at(int y, unsigned m, unsigned d, std::chrono::seconds clock = 0s) {
  return sys_days(year(y) / static_cast<int>(m) / static_cast<int>(d)) + clock;
}

struct Row {
  const char* says;
  BudgetPeriod kind;
  const char* zone;
  WallTime time;
  const char* start;
  const char* end;
  Period::Begin begin = {};
};

TEST(Period, BeginsAndEndsByTheCalendarOfThePlace) {
  using enum BudgetPeriod;
  const Period::Begin sunday{std::chrono::Sunday, std::chrono::January};
  const Period::Begin april{std::chrono::Monday, std::chrono::April};
  const Row rows[] = {
      {"a day", daily, "UTC", at(2026, 11, 21, 13h), "2026-11-21T00:00:00.000Z", "2026-11-22T00:00:00.000Z"},
      {"its first moment is in it", daily, "UTC", at(2026, 11, 21), "2026-11-21T00:00:00.000Z", "2026-11-22T00:00:00.000Z"},
      {"east of Greenwich", daily, "Asia/Kolkata", at(2026, 11, 21, 19h), "2026-11-21T18:30:00.000Z", "2026-11-22T18:30:00.000Z"},
      {"west of it", daily, "America/New_York", at(2026, 11, 21, 3h), "2026-11-20T05:00:00.000Z", "2026-11-21T05:00:00.000Z"},
      {"23 hours", daily, "Europe/Berlin", at(2026, 3, 29, 12h), "2026-03-28T23:00:00.000Z", "2026-03-29T22:00:00.000Z"},
      {"25 hours", daily, "Europe/Berlin", at(2026, 10, 25, 12h), "2026-10-24T22:00:00.000Z", "2026-10-25T23:00:00.000Z"},
      {"25 hours, west", daily, "America/New_York", at(2026, 11, 1, 12h), "2026-11-01T04:00:00.000Z", "2026-11-02T05:00:00.000Z"},
      {"half an hour less", daily, "Australia/Lord_Howe", at(2026, 10, 3, 20h), "2026-10-03T13:30:00.000Z", "2026-10-04T13:00:00.000Z"},
      {"midnight is skipped", daily, "Africa/Cairo", at(2024, 4, 26, 12h), "2024-04-25T22:00:00.000Z", "2024-04-26T21:00:00.000Z"},
      {"midnight comes twice", daily, "America/Havana", at(2026, 11, 1, 12h), "2026-11-01T04:00:00.000Z", "2026-11-02T05:00:00.000Z"},
      {"a day that never was", daily, "Pacific/Apia", at(2011, 12, 30, 9h), "2011-12-29T10:00:00.000Z", "2011-12-30T10:00:00.000Z"},
      {"the day after it", daily, "Pacific/Apia", at(2011, 12, 30, 10h), "2011-12-30T10:00:00.000Z", "2011-12-31T10:00:00.000Z"},
      {"a week from Monday", weekly, "UTC", at(2026, 11, 21), "2026-11-16T00:00:00.000Z", "2026-11-23T00:00:00.000Z"},
      {"a Monday", weekly, "UTC", at(2026, 11, 16), "2026-11-16T00:00:00.000Z", "2026-11-23T00:00:00.000Z"},
      {"a week from Sunday", weekly, "UTC", at(2026, 11, 21), "2026-11-15T00:00:00.000Z", "2026-11-22T00:00:00.000Z", sunday},
      {"a week with a change", weekly, "Europe/Berlin", at(2026, 3, 28), "2026-03-22T23:00:00.000Z", "2026-03-29T22:00:00.000Z"},
      {"a month", monthly, "UTC", at(2026, 11, 21), "2026-11-01T00:00:00.000Z", "2026-12-01T00:00:00.000Z"},
      {"a leap February", monthly, "UTC", at(2028, 2, 29), "2028-02-01T00:00:00.000Z", "2028-03-01T00:00:00.000Z"},
      {"December", monthly, "Asia/Tokyo", at(2026, 12, 31, 14h), "2026-11-30T15:00:00.000Z", "2026-12-31T15:00:00.000Z"},
      {"a year", yearly, "UTC", at(2026, 11, 21), "2026-01-01T00:00:00.000Z", "2027-01-01T00:00:00.000Z"},
      {"a fiscal year", yearly, "UTC", at(2026, 11, 21), "2026-04-01T00:00:00.000Z", "2027-04-01T00:00:00.000Z", april},
      {"before its month", yearly, "UTC", at(2026, 3, 31, 23h), "2025-04-01T00:00:00.000Z", "2026-04-01T00:00:00.000Z", april},
  };
  for (const Row& row : rows) {
    const Window window = Period(row.kind, zone(row.zone), row.begin).window_at(row.time);
    EXPECT_EQ(text(window.start), row.start) << row.says;
    EXPECT_EQ(text(window.end), row.end) << row.says;
    EXPECT_TRUE(window.has(row.time)) << row.says;
  }
}

TEST(Period, OneForAllTimeHasNoEnd) {
  const Window window = Period().window_at(at(2026, 11, 21));
  EXPECT_TRUE(window.has(at(1970, 1, 1)));
  EXPECT_TRUE(window.has(at(2500, 1, 1)));
}

// 400 days in four zones with changes of the clocks: walking from window to window meets
// every moment once, and each window begins on the stated day.
TEST(Period, WindowsFollowEachOtherWithoutAGap) {
  for (const char* name : {"UTC", "America/New_York", "Europe/Berlin", "Australia/Lord_Howe"}) {
    for (const BudgetPeriod kind : {BudgetPeriod::daily, BudgetPeriod::weekly,
                                    BudgetPeriod::monthly, BudgetPeriod::yearly}) {
      const Period period(kind, zone(name), {});
      Window window = period.window_at(at(2026, 1, 1, 12h));
      int resets = 0;
      while (window.end < at(2026, 1, 1, 12h) + std::chrono::days(400)) {
        ASSERT_EQ(period.window_at(window.start), window);
        ASSERT_EQ(period.window_at(window.end - 1us), window);
        const Window next = period.window_at(window.end);
        ASSERT_EQ(next.start, window.end) << name << " " << text(window.end);
        window = next;
        ++resets;
      }
      const int expected = kind == BudgetPeriod::daily    ? 400
                           : kind == BudgetPeriod::weekly ? 57
                           : kind == BudgetPeriod::monthly ? 13
                                                           : 1;
      EXPECT_EQ(resets, expected) << name;
    }
  }
}

// Every zone there is, over the bounds of the days, weeks, months and years around each change
// of its clocks in twenty years (reliability, M9).
TEST(Period, HoldsInEveryZone) {
  struct Kind {
    BudgetPeriod kind;
    std::chrono::hours before;  // of the change: where the walk begins
    int windows;                // that it meets
    std::chrono::hours longest;
  };
  const Kind kinds[] = {{BudgetPeriod::daily, 49h, 5, 48h},
                        {BudgetPeriod::weekly, 8 * 24h, 3, 8 * 24h},
                        {BudgetPeriod::monthly, 32 * 24h, 3, 32 * 24h},
                        {BudgetPeriod::yearly, 367 * 24h, 3, 367 * 24h}};
  std::uint64_t looked = 0;
  for (const date::time_zone& each : date::get_tzdb().zones) {
    const TimeZone place = zone(each.name());
    auto moment = date::sys_seconds(date::sys_days(date::year(2008) / 1 / 1));
    const auto last = date::sys_seconds(date::sys_days(date::year(2028) / 1 / 1));
    while (moment < last) {
      const date::sys_info info = each.get_info(moment);
      if (info.end >= last) break;
      const WallTime change(info.end.time_since_epoch());
      for (const Kind& kind : kinds) {
        const Period period(kind.kind, place, {});
        Window window = period.window_at(change - kind.before);
        for (int count = 0; count < kind.windows; ++count, ++looked) {
          ASSERT_LT(window.start, window.end) << each.name() << " " << text(change);
          ASSERT_LE(window.end - window.start, kind.longest) << each.name() << " " << text(change);
          ASSERT_EQ(period.window_at(window.start), window) << each.name() << " " << text(change);
          ASSERT_EQ(period.window_at(window.end - 1us), window) << each.name() << " " << text(change);
          const Window next = period.window_at(window.end);
          ASSERT_EQ(next.start, window.end) << each.name() << " " << text(change);
          window = next;
        }
        ASSERT_GT(window.start, change) << each.name() << " the walk ends before the change";
      }
      moment = info.end;
    }
  }
  EXPECT_GT(looked, 1'000u);
}

TEST(TimeZone, WhatIsNoneIsSaidSo) {
  for (const char* name : {"", "Mars/Olympus", "europe/berlin ", "../../etc/passwd", "+02:00"}) {
    const auto found = TimeZone::find(name);
    ASSERT_FALSE(found) << name;
    EXPECT_NE(found.error().context.find("Europe/Berlin"), std::string::npos);
  }
}

}  // namespace
}  // namespace farebox
