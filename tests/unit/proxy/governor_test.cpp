// All workers ask one governor: holds end, budgets come and go, refusals are counted.
#include "proxy/governor.hpp"

#include <gtest/gtest.h>

#include "tests/unit/proxy/governor_support.hpp"

namespace farebox {
namespace {

using World = GovernorWorld;
using namespace std::chrono_literals;
using Verdict = BudgetAnswer::Verdict;

Money usd(std::int64_t dollars) { return Money::dollars(dollars); }

TEST(Governor, WithoutBudgetsNothingBinds) {
  World world;
  ASSERT_TRUE(world.adopt({}, {}, 0ms));
  EXPECT_FALSE(world.governor.has_budgets());
  EXPECT_FALSE(world.governor.has_limits());
  TestCall call(world, "p", usd(1'000'000));
  EXPECT_EQ(call.decision.verdict, Verdict::held);
  EXPECT_FALSE(call.held.binds());
  EXPECT_EQ(call.decision.remaining, std::nullopt);
  call.end(usd(1));
}

TEST(Governor, WhatTheLedgerRemembersIsSpentFromTheStart) {
  World world;
  Record old;
  old.project = "p";
  old.time = world.clock.wall - 1h;
  old.cost = usd(3);
  old.usage.input = 100;
  old.usage.output = 20;
  world.ledger.inner.append(old);
  old.project = "other";
  world.ledger.inner.append(old);
  old.project = "p";
  old.corrects = 1;  // a correction is no spending
  world.ledger.inner.append(old);
  old.corrects = 0;
  old.time = world.clock.wall - 24h;  // of yesterday's window
  world.ledger.inner.append(old);
  ASSERT_TRUE(world.adopt({order("b", {{"project", "p"}}, usd(10))}, {}, 0ms));
  EXPECT_EQ(world.standing("b").spent, usd(3));
  EXPECT_EQ(world.standing("b").spent_tokens, 120u);
  TestCall call(world, "p", usd(8));
  EXPECT_EQ(call.decision.verdict, Verdict::exceeded);
  EXPECT_EQ(call.decision.by, "b");
  EXPECT_EQ(call.decision.by_limit, usd(10));
  EXPECT_EQ(call.decision.by_left, usd(7));
}

TEST(Governor, AHoldThatIsDroppedIsReleased) {
  World world;
  ASSERT_TRUE(world.adopt({order("b", {}, usd(10))}, {}, 0ms));
  {
    TestCall call(world, "p", usd(4));
    EXPECT_TRUE(call.held.binds());
    EXPECT_EQ(call.held.amount().money, usd(4));
    EXPECT_EQ(world.governor.grow(call.held, {usd(2), 0}), Verdict::held);
    EXPECT_EQ(world.standing("b").held, usd(6));
    EXPECT_EQ(world.governor.grow(call.held, {usd(5), 0}), Verdict::exceeded);
    EXPECT_EQ(world.standing("b").held, usd(6)) << "a refusal changes nothing";
  }
  EXPECT_EQ(world.standing("b").held, Money());
  EXPECT_EQ(world.standing("b").spent, Money());
  TestCall call(world, "p", usd(4));
  call.end(usd(1));
  call.held.release();  // only once
  EXPECT_EQ(world.standing("b").held, Money());
  EXPECT_EQ(world.standing("b").spent, usd(1));
}

TEST(Governor, ANewLimitKeepsWhatWasCounted) {
  World world;
  ASSERT_TRUE(world.adopt({order("b", {}, usd(10))}, {}, 0ms));
  TestCall call(world, "p", usd(4)), open(world, "p", usd(2));
  call.end(usd(3));
  world.ledger.before = [] { ADD_FAILURE() << "nothing is new, so nothing is read"; };
  BudgetOrder changed = order("b", {}, usd(6));
  changed.said.warning_threshold_millionths = 400'000;
  changed.said.critical_threshold_millionths = 990'000;
  ASSERT_TRUE(world.adopt({changed}));
  BudgetStanding now = world.standing("b");
  EXPECT_EQ(now.limit, usd(6));
  EXPECT_EQ(now.spent, usd(3));
  EXPECT_EQ(now.held, usd(2));
  EXPECT_EQ(now.remaining, usd(1));
  EXPECT_EQ(now.status, BudgetStatus::warning);
  EXPECT_EQ(TestCall(world, "p", usd(2)).decision.verdict, Verdict::in_flight);
  changed.top_up = BudgetRule::Override{usd(5), world.clock.wall + 1h};
  ASSERT_TRUE(world.adopt({changed}));
  EXPECT_EQ(world.standing("b").limit, usd(11));
  EXPECT_EQ(TestCall(world, "p", usd(2)).decision.verdict, Verdict::held);
  changed.limit_override = BudgetRule::Override{usd(1), world.clock.wall + 30min};
  ASSERT_TRUE(world.adopt({changed}));
  EXPECT_EQ(world.standing("b").limit, usd(6));
  world.clock.pass(31min);
  EXPECT_EQ(world.standing("b").limit, usd(11));
  changed.said.on_exceeded = OnExceeded::audit;
  ASSERT_TRUE(world.adopt({changed}));
  EXPECT_EQ(TestCall(world, "p", usd(1'000)).decision.verdict, Verdict::held);
  EXPECT_EQ(world.standing("b").would_refuse, 1u);
}

TEST(Governor, AnotherScopeOrPeriodUnderTheSameNameIsSummedAnew) {
  World world;
  ASSERT_TRUE(world.adopt({order("b", {{"project", "p"}}, usd(10))}, {}, 0ms));
  TestCall p(world, "p"), q(world, "q");
  p.end(usd(1));
  q.end(usd(2));
  EXPECT_EQ(world.standing("b").spent, usd(1));
  ASSERT_TRUE(world.adopt({order("b", {{"project", "q"}}, usd(10))}));
  EXPECT_EQ(world.standing("b").spent, usd(2));
  ASSERT_TRUE(world.adopt({order("b", {}, usd(10), BudgetPeriod::total)}));
  EXPECT_EQ(world.standing("b").spent, usd(3));
}

TEST(Governor, ARemovedBudgetBindsNobodyAndItsHoldsEnd) {
  World world;
  ASSERT_TRUE(world.adopt({order("b", {}, usd(1)), order("other", {}, usd(50))}, {}, 0ms));
  TestCall call(world, "p", usd(1));
  EXPECT_EQ(TestCall(world, "p", usd(1)).decision.verdict, Verdict::in_flight);
  ASSERT_TRUE(world.adopt({order("other", {}, usd(50))}));
  EXPECT_FALSE(world.has("b"));
  EXPECT_EQ(TestCall(world, "p", usd(20)).decision.verdict, Verdict::held);
  call.end(usd(1));
  EXPECT_EQ(world.standing("other").spent, usd(1));
  ASSERT_TRUE(world.adopt({}));
  EXPECT_FALSE(world.governor.has_budgets());
  EXPECT_FALSE(TestCall(world, "p", usd(1'000)).held.binds());
}

TEST(Governor, WhatCannotBeMeantChangesNothing) {
  World world;
  ASSERT_TRUE(world.adopt({order("b", {}, usd(1))}, {}, 0ms));
  BudgetOrder nowhere = order("c", {}, usd(1));
  nowhere.said.time_zone = "Nowhere/Land";
  EXPECT_EQ(world.adopt({nowhere}).error().code, ErrorCode::invalid_config);
  EXPECT_EQ(world.adopt({order("c", {{"colour", "red"}}, usd(1))}).error().code,
            ErrorCode::invalid_config);
  EXPECT_TRUE(world.has("b"));
  EXPECT_FALSE(world.has("c"));
}

TEST(Governor, ASpentThrottleLetsSomeThrough) {
  World world;
  BudgetOrder slow = order("slow", {{"project", "p"}}, usd(1));
  slow.said.on_exceeded = OnExceeded::throttle;
  slow.said.throttle_requests_per_minute = 2;
  ASSERT_TRUE(world.adopt({slow, order("wide", {}, usd(100))}, {}, 0ms));
  TestCall(world, "p", usd(1)).end(usd(1));
  for (int i = 0; i < 2; ++i) {
    TestCall call(world, "p", usd(1));
    EXPECT_FALSE(call.decision.throttled);
    call.end(usd(1));
  }
  const Money spent = world.standing("wide").spent;
  TestCall refused(world, "p", usd(1));
  EXPECT_TRUE(refused.decision.throttled);
  EXPECT_EQ(refused.decision.by, "slow");
  EXPECT_GT(refused.decision.retry_after, 0ns);
  EXPECT_LE(refused.decision.retry_after, 30s);
  EXPECT_FALSE(refused.held.binds()) << "what it took of others is given back";
  EXPECT_EQ(world.standing("wide").held, Money());
  EXPECT_EQ(world.standing("wide").spent, spent);
  EXPECT_FALSE(TestCall(world, "q", usd(1)).decision.throttled);
  world.clock.pass(30s);
  EXPECT_FALSE(TestCall(world, "p", usd(1)).decision.throttled);
  EXPECT_EQ(world.governor.budget_refusals(), (std::map<std::string, std::uint64_t>{{"slow", 1}}));
}

TEST(Governor, ADowngradeNamesTheCheaperModel) {
  World world;
  BudgetOrder cheap = order("cheap", {}, usd(1));
  cheap.said.on_exceeded = OnExceeded::downgrade;
  cheap.said.downgrade_to = "gpt-4.1-nano";
  ASSERT_TRUE(world.adopt({cheap}, {}, 0ms));
  TestCall first(world, "p", usd(1));
  EXPECT_EQ(first.decision.downgrade_to, "");
  first.end(usd(1));
  TestCall second(world, "p", usd(1));
  EXPECT_EQ(second.decision.verdict, Verdict::held);
  EXPECT_EQ(second.decision.downgrade_to, "gpt-4.1-nano");
  EXPECT_EQ(second.decision.worst, "cheap");
  EXPECT_EQ(second.decision.status, BudgetStatus::exceeded);
}

TEST(Governor, RefusalsAreCountedByName) {
  World world;
  RateLimitSettings limit;
  limit.scope = {{"project", "*"}};
  limit.rates = {{RateKind::requests, 1, 60s}};
  limit.max_parallel_requests = 1;
  ASSERT_TRUE(world.adopt({order("b", {}, usd(1))}, {limit}, 0ms));
  world.governor.count_refusal("b");
  world.governor.count_refusal("b");
  Record record;
  record.project = "p";
  HeldRoom first, second;
  EXPECT_EQ(world.governor.admit(scope_of(record), {}, first).verdict, LimitAnswer::Verdict::admitted);
  const LimitDecision refused = world.governor.admit(scope_of(record), {}, second);
  EXPECT_NE(refused.verdict, LimitAnswer::Verdict::admitted);
  EXPECT_EQ(refused.by, "project=*");
  EXPECT_EQ(world.governor.budget_refusals(), (std::map<std::string, std::uint64_t>{{"b", 2}}));
  EXPECT_EQ(world.governor.limit_refusals(),
            (std::map<std::string, std::uint64_t>{{"project=*", 1}}));
}

TEST(Governor, AParallelSlotComesBackHoweverTheCallEnds) {
  World world;
  RateLimitSettings limit;
  limit.name = "slots";
  limit.max_parallel_requests = 1;
  ASSERT_TRUE(world.adopt({}, {limit}, 0ms));
  const Record record;
  const auto admitted = [&](HeldRoom& room) {
    return world.governor.admit(scope_of(record), {}, room).verdict == LimitAnswer::Verdict::admitted;
  };
  {
    HeldRoom dropped, other;
    EXPECT_TRUE(admitted(dropped));
    EXPECT_FALSE(admitted(other));
  }
  HeldRoom finished, next;
  EXPECT_TRUE(admitted(finished));
  finished.finish({});
  finished.finish({});  // only once
  EXPECT_TRUE(admitted(next));
  // The limit goes away while a call runs, and the call ends.
  ASSERT_TRUE(world.adopt({}, {}));
  EXPECT_FALSE(world.governor.has_limits());
  next.finish({});
}

TEST(Governor, AClockThatJumpsBackOpensNoWindowAgain) {
  World world;
  ASSERT_TRUE(world.adopt({order("b", {}, usd(10))}, {}, 0ms));
  TestCall(world, "p").end(usd(1));
  world.clock.wall += 24h;
  TestCall(world, "p").end(usd(2));
  EXPECT_EQ(world.standing("b").spent, usd(2));
  world.clock.wall -= 24h;
  TestCall call(world, "p");
  EXPECT_GE(call.decision.time, world.clock.wall + 24h);
  call.end(usd(4));
  EXPECT_EQ(world.standing("b").spent, usd(6));
}

// A budget of a model counts every name that is billed as that model, at any provider.
TEST(Governor, NoSpellingOfAModelDodgesItsBudget) {
  World world;
  world.governor.use_prices(*PriceTable::bundled());
  ASSERT_TRUE(world.adopt({order("4o", {{"model", "gpt-4o"}}, usd(10)),
                           order("dated", {{"model", "gpt-4o-2024-08-06"}}, usd(10)),
                           order("claude", {{"model", "Claude-Sonnet-4-5"}}, usd(10)),
                           order("each", {{"model", "*"}}, usd(100))},
                          {}, std::chrono::milliseconds(0)));
  struct Row {
    const char *provider, *model;
    bool is_4o, is_dated, is_claude;
  };
  for (const Row& row : {Row{"openai", "gpt-4o", true, false, false},
                         Row{"openai", "GPT-4O", true, false, false},
                         Row{"openai", "gpt-4o-2024-08-06", true, true, false},
                         Row{"openai", "gpt-4o-2024-05-13", true, false, false},
                         Row{"openrouter", "openai/gpt-4o", true, false, false},
                         Row{"openrouter", "openai/GPT-4o-2024-08-06", true, true, false},
                         Row{"openai", "gpt-4o-mini", false, false, false},
                         Row{"anthropic", "claude-sonnet-4-5", false, false, true},
                         Row{"anthropic", "claude-sonnet-4-5-20250929", false, false, true},
                         Row{"openrouter", "anthropic/claude-sonnet-4.5", false, false, true},
                         Row{"bedrock", "us.anthropic.claude-sonnet-4-5-20250929-v1:0", false, false, true},
                         Row{"openai", "*", false, false, false},
                         Row{"openai", "", false, false, false}}) {
    Record record;
    record.provider = row.provider;
    record.requested_model = row.model;
    world.governor.name_model(record);
    HeldBudget held;
    ASSERT_EQ(world.governor.hold(scope_of(record), ask(usd(1)), held).verdict, Verdict::held);
    const auto counted = [&](const char* name) { return world.standing(name).held == usd(1); };
    EXPECT_EQ(counted("4o"), row.is_4o) << row.model;
    EXPECT_EQ(counted("dated"), row.is_dated) << row.model;
    EXPECT_EQ(counted("claude"), row.is_claude) << row.model;
  }
  // What the ledger remembers is counted by the same names.
  Record record;
  record.provider = "openrouter";
  record.requested_model = "openai/gpt-4o-2024-08-06";
  record.time = world.clock.wall;
  record.cost = usd(3);
  world.ledger.inner.append(record);
  ASSERT_TRUE(world.adopt({order("later", {{"model", "gpt-4o"}}, usd(10), BudgetPeriod::monthly)}));
  EXPECT_EQ(world.standing("later").spent, usd(3));
}

TEST(Governor, NobodyLooksAModelUpWhereNoneIsCounted) {
  World world;
  ASSERT_TRUE(world.adopt({order("all", {}, usd(10))}, {}, std::chrono::milliseconds(0)));
  Record record;
  record.requested_model = "gpt-4o-2024-08-06";
  world.governor.name_model(record);
  EXPECT_EQ(record.family, "");
  RateLimitSettings limit;
  limit.scope = {{"model", "gpt-4o"}};
  limit.rates = {{RateKind::requests, 1, std::chrono::minutes(1)}};
  ASSERT_TRUE(world.adopt({order("all", {}, usd(10))}, {limit}));
  world.governor.name_model(record);
  EXPECT_EQ(record.family, "gpt-4o");
  HeldRoom first, second;
  EXPECT_EQ(world.governor.admit(scope_of(record), {}, first).verdict, LimitAnswer::Verdict::admitted);
  record.requested_model = "GPT-4o";
  world.governor.name_model(record);
  EXPECT_EQ(world.governor.admit(scope_of(record), {}, second).verdict, LimitAnswer::Verdict::rate);
}

}  // namespace
}  // namespace farebox
