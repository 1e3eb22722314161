#include "proxy/budget_gauges.hpp"

#include <gtest/gtest.h>

#include "tests/unit/proxy/governor_support.hpp"

namespace farebox {
namespace {

TEST(BudgetGauges, AddUpTheValuesOfABudget) {
  GovernorClock clock;
  WatchedLedger ledger;
  Governor governor{7, 100, clock};
  RateLimitSettings limit;
  limit.name = "one";
  limit.max_parallel_requests = 1;
  ASSERT_TRUE(governor.adopt({order("each", {{"user", "*"}}, Money::dollars(10)),
                              order("idle", {{"user", "nobody"}}, Money::dollars(5)),
                              order("unmet", {{"project", "*"}}, Money::dollars(1))},
                             {limit}, ledger, std::chrono::milliseconds(0)));
  HeldBudget held[2];
  HeldRoom rooms[2];
  const char* const users[] = {"ann", "bob"};
  for (int i = 0; i < 2; ++i) {
    Record record;
    record.user = users[i];
    governor.admit(scope_of(record), {}, rooms[i]);
    governor.hold(scope_of(record), ask(Money::dollars(4)), held[i]);
  }
  Record ann;
  ann.user = "ann";
  governor.settle(held[0], {}, scope_of(ann), {Money::dollars(3), 0}, clock.wall);
  governor.count_refusal("each");
  const GovernorGauges gauges = read_gauges(governor);
  EXPECT_EQ(gauges.budgets.size(), 2u) << "a value nobody had has no counter";
  const BudgetGauge& each = gauges.budgets.at("each");
  EXPECT_EQ(each.limit, Money::dollars(20));
  EXPECT_EQ(each.spent, Money::dollars(3));
  EXPECT_EQ(each.held, Money::dollars(4));
  EXPECT_EQ(each.remaining, Money::dollars(13));
  EXPECT_EQ(gauges.budgets.at("idle").remaining, Money::dollars(5));
  EXPECT_EQ(gauges.budget_refusals,
            (std::map<std::string, std::uint64_t>{{"each", 1}, {"idle", 0}}));
  EXPECT_EQ(gauges.limit_refusals, (std::map<std::string, std::uint64_t>{{"one", 1}}));
}

}  // namespace
}  // namespace farebox
