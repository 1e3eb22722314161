// What a budget's book tells those that watch it: thresholds that were crossed, refusals.
#include <gtest/gtest.h>

#include "policy/budget_book.hpp"

namespace farebox {
namespace {

using namespace std::chrono_literals;

const WallTime kNoon = std::chrono::sys_days(std::chrono::year(2026) / 11 / 21) + 12h;

struct World {
  World() {
    BudgetRule made;
    made.id = made.name = "b";
    made.limit = Money::dollars(100);
    made.on_exceeded = OnExceeded::audit;
    made.period = Period(BudgetPeriod::daily, TimeZone(), {});
    rule = &book.add(made);
  }
  // The statuses that were crossed, as a number each; "" for none.
  std::string spend(std::int64_t dollars, WallTime now = kNoon, Tokens tokens = 0) {
    BudgetHold hold;
    book.hold({}, {{}, {}}, now, hold);
    BudgetBook::Crossed crossed;
    book.settle(hold, {Money::dollars(dollars), tokens}, now, crossed);
    std::string text;
    for (const BudgetCounter* const counter : crossed) text += name_of(counter->told);
    return text;
  }
  BudgetBook book{5, 100};
  BudgetRule* rule = nullptr;
};

TEST(BudgetCrossing, IsToldOnceForEachThresholdAndWindow) {
  World world;
  const std::pair<std::int64_t, const char*> rows[] = {
      {79, ""}, {1, "warning"}, {5, ""}, {9, ""}, {1, "critical"}, {5, "exceeded"}, {50, ""}};
  for (const auto& [dollars, crossed] : rows) EXPECT_EQ(world.spend(dollars), crossed);
  EXPECT_EQ(world.spend(96, kNoon + 24h), "critical");
}

TEST(BudgetCrossing, ByTokensToo) {
  World world;
  world.rule->token_limit = 1'000;
  EXPECT_EQ(world.spend(1, kNoon, 799), "");
  EXPECT_EQ(world.spend(1, kNoon, 1), "warning");
}

TEST(BudgetCrossing, IsArmedByWhoeverLooksAtAll) {
  World world;
  EXPECT_EQ(world.spend(85), "warning");
  world.rule->limit = Money::dollars(1'000);
  world.book.each(kNoon, [](const BudgetRule&, const BudgetStanding&) {});
  EXPECT_EQ(world.spend(700), "");
  EXPECT_EQ(world.spend(20), "warning");
}

TEST(BudgetCrossing, AHoldOfAWindowThatIsOverCrossesNothing) {
  World world;
  BudgetHold late;
  world.book.hold({}, {{}, {}}, kNoon, late);
  EXPECT_EQ(world.spend(1, kNoon + 24h), "");
  BudgetBook::Crossed crossed;
  world.book.settle(late, {Money::dollars(99), 0}, kNoon + 24h, crossed);
  EXPECT_TRUE(crossed.empty());
}

TEST(BudgetCrossing, TheFirstRefusalNearTheLimitIsTold) {
  World world;
  EXPECT_EQ(world.book.first_refusal("b", {}, kNoon), nullptr);
  world.spend(40);
  EXPECT_EQ(world.book.first_refusal("b", {}, kNoon), nullptr) << "the call was too dear";
  world.spend(45);
  EXPECT_NE(world.book.first_refusal("b", {}, kNoon), nullptr);
  EXPECT_EQ(world.book.first_refusal("b", {}, kNoon), nullptr) << "once in a window";
  EXPECT_EQ(world.book.first_refusal("other", {}, kNoon), nullptr);
  world.rule->limit = Money();
  EXPECT_NE(world.book.first_refusal("b", {}, kNoon + 24h), nullptr);
}

}  // namespace
}  // namespace farebox
