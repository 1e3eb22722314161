#include "policy/rules.hpp"

#include <gtest/gtest.h>

namespace farebox {
namespace {

using namespace std::chrono_literals;
using std::chrono::sys_days;
using std::chrono::year;

BudgetOrder order() {
  BudgetOrder made;
  made.said.name = "search";
  made.said.scope = {{"project", "search"}, {"user", "*"}, {"tag.team", "red"}};
  made.said.limit = Money::dollars(500);
  return made;
}

TEST(Rules, ABudgetIsWhatTheOperatorSays) {
  BudgetOrder wanted = order();
  BudgetSettings& said = wanted.said;
  said.limit_tokens = 7;
  said.warning_threshold_millionths = 1;
  said.critical_threshold_millionths = 2;
  said.rollover = true;
  said.on_exceeded = OnExceeded::downgrade;
  said.downgrade_to = "gpt-4.1-nano";
  wanted.top_up = BudgetRule::Override{Money::dollars(5), WallTime(10s)};
  wanted.limit_override = BudgetRule::Override{Money::dollars(1), WallTime(5s)};
  const auto rule = budget_rule(wanted);
  ASSERT_TRUE(rule);
  EXPECT_EQ(rule->id, "search");
  EXPECT_EQ(rule->name, "search");
  EXPECT_EQ(rule->limit, Money::dollars(500));
  EXPECT_EQ(rule->token_limit, 7u);
  EXPECT_EQ(rule->warning_millionths, 1u);
  EXPECT_EQ(rule->critical_millionths, 2u);
  EXPECT_TRUE(rule->rollover);
  EXPECT_FALSE(rule->seeding);
  EXPECT_EQ(rule->on_exceeded, OnExceeded::downgrade);
  EXPECT_EQ(rule->downgrade_to, "gpt-4.1-nano");
  EXPECT_EQ(rule->scope.parts().size(), 3u);
  EXPECT_EQ(rule->period.kind(), BudgetPeriod::monthly);
  EXPECT_EQ(rule->limit_at(WallTime(4s)), Money::dollars(6)) << "both at once";
  EXPECT_EQ(rule->limit_at(WallTime(5s)), Money::dollars(505)) << "until just before the end";
  EXPECT_EQ(rule->limit_at(WallTime(10s)), Money::dollars(500));
}

TEST(Rules, NoTokenLimitIsNone) {
  const auto rule = budget_rule(order());
  ASSERT_TRUE(rule);
  EXPECT_EQ(rule->token_limit, std::nullopt);
}

TEST(Rules, WindowsFollowTheCalendarThatIsSaid) {
  const WallTime noon = sys_days(year(2026) / 11 / 21) + 12h;  // a Saturday
  struct Row {
    BudgetPeriod period;
    std::uint32_t week, year;
    WallTime start, end;
  };
  const Row rows[] = {
      {BudgetPeriod::daily, 1, 1, sys_days(year(2026) / 11 / 21), sys_days(year(2026) / 11 / 22)},
      {BudgetPeriod::weekly, 1, 1, sys_days(year(2026) / 11 / 16), sys_days(year(2026) / 11 / 23)},
      {BudgetPeriod::weekly, 0, 1, sys_days(year(2026) / 11 / 15), sys_days(year(2026) / 11 / 22)},
      {BudgetPeriod::weekly, 6, 1, sys_days(year(2026) / 11 / 21), sys_days(year(2026) / 11 / 28)},
      {BudgetPeriod::monthly, 1, 1, sys_days(year(2026) / 11 / 1), sys_days(year(2026) / 12 / 1)},
      {BudgetPeriod::yearly, 1, 1, sys_days(year(2026) / 1 / 1), sys_days(year(2027) / 1 / 1)},
      {BudgetPeriod::yearly, 1, 12, sys_days(year(2025) / 12 / 1), sys_days(year(2026) / 12 / 1)},
      {BudgetPeriod::yearly, 1, 4, sys_days(year(2026) / 4 / 1), sys_days(year(2027) / 4 / 1)},
  };
  for (const Row& row : rows) {
    BudgetOrder wanted = order();
    wanted.said.period = row.period;
    wanted.said.week_starts = row.week;
    wanted.said.year_starts = row.year;
    const auto rule = budget_rule(wanted);
    ASSERT_TRUE(rule);
    EXPECT_EQ(rule->period.window_at(noon), (Window{row.start, row.end}))
        << static_cast<int>(row.period) << ' ' << row.week << ' ' << row.year;
  }
}

TEST(Rules, WhatCannotBeIsSaid) {
  BudgetOrder wanted = order();
  wanted.said.time_zone = "Nowhere/Land";
  EXPECT_EQ(budget_rule(wanted).error().code, ErrorCode::invalid_config);
  for (const ScopeSettings& scope : {ScopeSettings{{"colour", "red"}}, ScopeSettings{{"project", ""}}}) {
    wanted = order();
    wanted.said.scope = scope;
    EXPECT_EQ(budget_rule(wanted).error().code, ErrorCode::invalid_config);
    RateLimitSettings limit;
    limit.scope = scope;
    EXPECT_EQ(limit_rule(limit).error().code, ErrorCode::invalid_config);
  }
}

TEST(Rules, AnUnnamedLimitIsCalledByItsScope) {
  RateLimitSettings said;
  said.scope = {{"key", "*"}, {"model", "gpt-4o"}};
  said.rates = {{RateKind::tokens, 5, 60s}};
  said.max_parallel_requests = 3;
  const auto rule = limit_rule(said);
  ASSERT_TRUE(rule);
  EXPECT_EQ(rule->name, "key=*,model=gpt-4o");
  EXPECT_EQ(rule->rates, said.rates);
  EXPECT_EQ(rule->parallel, 3u);
  said.name = "mine";
  EXPECT_EQ(limit_rule(said)->name, "mine");
  EXPECT_EQ(text_of(ScopeSettings{}), "all");
}

TEST(Rules, AThrottleLimitsRequestsOfItsScope) {
  BudgetOrder wanted = order();
  wanted.said.throttle_requests_per_minute = 9;
  const auto rule = budget_rule(wanted);
  ASSERT_TRUE(rule);
  const LimitRule throttle = throttle_rule(wanted.said, rule->scope);
  EXPECT_EQ(throttle.name, "search");
  EXPECT_EQ(throttle.scope, rule->scope);
  EXPECT_EQ(throttle.rates, (std::vector<Rate>{{RateKind::requests, 9, 60s}}));
  EXPECT_EQ(throttle.parallel, 0u);
}

}  // namespace
}  // namespace farebox
