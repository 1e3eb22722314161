// Budgets that come while calls run: every cost is counted once in each, whether its record was
// summed or its call ended later.
#include "proxy/governor.hpp"

#include <gtest/gtest.h>

#include <memory>

#include "tests/unit/proxy/governor_support.hpp"

namespace farebox {
namespace {

using World = GovernorWorld;
using namespace std::chrono_literals;
using Verdict = BudgetAnswer::Verdict;

Money usd(std::int64_t dollars) { return Money::dollars(dollars); }

// A budget that comes while a call runs: before, while or after the ledger is read, the call
// ends, and its cost is counted once.
enum class Ends { before_written_settled_after, before_scan, after_scan, later, written_unsettled };

class LateBudget : public ::testing::TestWithParam<std::tuple<Ends, OnExceeded>> {};

TEST_P(LateBudget, CountsARunningCallOnce) {
  const auto [ends, action] = GetParam();
  World world;
  ASSERT_TRUE(world.adopt({order("first", {}, usd(100))}, {}, 0ms));
  TestCall call(world, "p");
  BudgetOrder late = order("late", {{"project", "p"}}, usd(10));
  late.said.on_exceeded = action;
  late.said.downgrade_to = "cheap";
  switch (ends) {
    case Ends::before_written_settled_after: call.write(usd(1)); break;
    case Ends::before_scan: world.ledger.before = [&] { call.end(usd(1)); }; break;
    case Ends::after_scan: world.ledger.after = [&] { call.end(usd(1)); }; break;
    case Ends::later: break;
    case Ends::written_unsettled:
      world.ledger.before = [&] { call.write(usd(1)); };
      world.ledger.after = [&] { call.settle(); };
      break;
  }
  ASSERT_TRUE(world.adopt({order("first", {}, usd(100)), late}));
  if (ends == Ends::before_written_settled_after) call.settle();
  if (ends == Ends::later) call.end(usd(1));
  EXPECT_EQ(world.standing("late").spent, usd(1));
  EXPECT_EQ(world.standing("first").spent, usd(1));
  EXPECT_EQ(world.standing("late").held, Money());
  EXPECT_EQ(world.standing("first").held, Money());
  EXPECT_FALSE(call.held.binds());
}

// Once, a call that began while an auditing budget was being summed was counted by its hold
// and by its record.
TEST_P(LateBudget, CountsACallThatBeginsMeanwhileOnce) {
  const auto [ends, action] = GetParam();
  World world;
  BudgetOrder late = order("late", {{"project", "p"}}, usd(10));
  late.said.on_exceeded = action;
  late.said.downgrade_to = "cheap";
  std::unique_ptr<TestCall> call;
  const auto begin = [&] {
    call = std::make_unique<TestCall>(world, "p");
    const bool waits = action == OnExceeded::block;
    EXPECT_EQ(call->decision.verdict, waits ? Verdict::in_flight : Verdict::held);
    EXPECT_FALSE(call->held.binds());
  };
  switch (ends) {
    case Ends::before_scan: world.ledger.before = [&] { begin(); call->end(usd(1)); }; break;
    case Ends::after_scan: world.ledger.after = [&] { begin(); call->end(usd(1)); }; break;
    case Ends::written_unsettled:
      world.ledger.before = [&] { begin(); call->write(usd(1)); };
      world.ledger.after = [&] { call->settle(); };
      break;
    case Ends::before_written_settled_after:
      world.ledger.before = [&] { begin(); call->write(usd(1)); };
      break;
    case Ends::later: world.ledger.before = begin; break;
  }
  ASSERT_TRUE(world.adopt({late}));
  if (ends == Ends::before_written_settled_after) call->settle();
  if (ends == Ends::later) call->end(usd(1));
  EXPECT_EQ(world.standing("late").spent, usd(1));
  EXPECT_EQ(world.standing("late").held, Money());
}

INSTANTIATE_TEST_SUITE_P(
    AtEveryMoment, LateBudget,
    ::testing::Combine(::testing::Values(Ends::before_written_settled_after, Ends::before_scan,
                                         Ends::after_scan, Ends::later, Ends::written_unsettled),
                       ::testing::Values(OnExceeded::block, OnExceeded::audit,
                                         OnExceeded::downgrade)));

TEST(GovernorLate, ALateBudgetCountsEachValueByItself) {
  World world;
  ASSERT_TRUE(world.adopt({}, {}, 0ms));
  TestCall a(world, "a"), b(world, "b"), none(world, "");
  world.ledger.after = [&] { a.end(usd(2)); };
  ASSERT_TRUE(world.adopt({order("each", {{"project", "*"}}, usd(10))}));
  b.end(usd(3));
  none.end(usd(4));
  std::map<std::string, Money> spent;
  world.governor.each_budget([&](const BudgetRule&, const BudgetStanding& standing) {
    spent[std::string(standing.values[0])] = standing.spent;
  });
  EXPECT_EQ(spent, (std::map<std::string, Money>{{"a", usd(2)}, {"b", usd(3)}}));
}

TEST(GovernorLate, CallsThatBeganAfterALateBudgetAreCountedByTheirHolds) {
  World world;
  ASSERT_TRUE(world.adopt({}, {}, 0ms));
  ASSERT_TRUE(world.adopt({order("late", {}, usd(10))}));
  TestCall call(world, "p", usd(4));
  EXPECT_TRUE(call.held.binds());
  EXPECT_EQ(world.standing("late").held, usd(4));
  call.end(usd(1));
  EXPECT_EQ(world.standing("late").spent, usd(1));
  // Long after, nobody of before is left and a settled hold isn't looked for any more.
  world.clock.pass(10 * kLongest);
  TestCall next(world, "p", usd(4));
  next.end(usd(1));
  EXPECT_EQ(world.standing("late").spent, usd(2));
}

TEST(GovernorLate, BudgetsThatComeOneAfterAnotherEachCountARunningCallOnce) {
  World world;
  ASSERT_TRUE(world.adopt({}, {}, 0ms));
  TestCall oldest(world, "p");
  ASSERT_TRUE(world.adopt({order("one", {}, usd(10))}));
  TestCall middle(world, "p");
  ASSERT_TRUE(world.adopt({order("one", {}, usd(10)), order("two", {}, usd(10))}));
  TestCall newest(world, "p");
  for (TestCall* const call : {&middle, &newest, &oldest}) call->end(usd(1));
  EXPECT_EQ(world.standing("one").spent, usd(3));
  EXPECT_EQ(world.standing("two").spent, usd(3));
  EXPECT_EQ(world.standing("one").held, Money());
  EXPECT_EQ(world.standing("two").held, Money());
}

TEST(GovernorLate, ALedgerThatCannotBeReadPaysForNothing) {
  World world;
  Record old;
  old.project = "p";
  old.time = world.clock.wall;
  old.cost = usd(9);
  world.ledger.inner.append(old);
  ASSERT_TRUE(world.adopt({order("first", {}, usd(100))}, {}, 0ms));
  TestCall running(world, "p");
  const std::vector<BudgetOrder> both{order("first", {}, usd(100)), order("late", {}, usd(20))};
  world.ledger.broken = true;
  const auto failed = world.adopt(both);
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().code, ErrorCode::io_failed);
  TestCall refused(world, "p");
  EXPECT_EQ(refused.decision.verdict, Verdict::in_flight);
  EXPECT_EQ(refused.decision.by, "late");
  world.ledger.broken = false;
  ASSERT_TRUE(world.adopt(both));
  EXPECT_EQ(world.standing("late").spent, usd(9));
  running.end(usd(1));
  EXPECT_EQ(world.standing("late").spent, usd(10));
  TestCall held(world, "p");
  EXPECT_EQ(held.decision.verdict, Verdict::held);
  held.end(usd(1));
  EXPECT_EQ(world.standing("late").spent, usd(11));
  EXPECT_EQ(world.standing("first").spent, usd(11));
}

// A call that runs when a budget comes is held in it: nobody spends that money twice.

struct RunningCall : TestCall {
  RunningCall(World& its, const std::string& project, Money most) : TestCall(its, project, most) {
    hold_in_ledger(most);
    join();
  }
  void settle_with(Money cost) {
    record.cost = cost;
    tell_ledger(Turn::What::settle);
    settle();
  }
};

TEST(GovernorLate, ALateBudgetHoldsWhatRuns) {
  World world;
  ASSERT_TRUE(world.adopt({}, {}, 0ms));
  RunningCall runs(world, "p", usd(6)), other(world, "q", usd(90));
  ASSERT_TRUE(world.adopt({order("late", {{"project", "p"}}, usd(10))}));
  EXPECT_EQ(world.standing("late").held, usd(6));
  EXPECT_EQ(world.standing("late").spent, Money());
  TestCall much(world, "p", usd(5));
  EXPECT_EQ(much.decision.verdict, Verdict::in_flight);
  TestCall enough(world, "p", usd(4));
  EXPECT_EQ(enough.decision.verdict, Verdict::held);
  runs.settle_with(usd(2));
  EXPECT_EQ(world.standing("late").spent, usd(2));
  EXPECT_EQ(world.standing("late").held, usd(4));
  other.settle_with(usd(1));
  EXPECT_EQ(world.standing("late").spent, usd(2));
}

// More may run than it can pay: nothing of that is refused, but whoever comes then is.
TEST(GovernorLate, ALateBudgetRefusesNothingThatRuns) {
  World world;
  ASSERT_TRUE(world.adopt({order("first", {}, usd(100))}, {}, 0ms));
  RunningCall a(world, "p", usd(6)), b(world, "p", usd(7));
  ASSERT_TRUE(world.adopt({order("first", {}, usd(100)), order("late", {}, usd(10))}));
  EXPECT_EQ(world.standing("late").held, usd(13));
  EXPECT_EQ(world.standing("late").remaining, Money());
  EXPECT_EQ(TestCall(world, "p", usd(1)).decision.verdict, Verdict::in_flight);
  a.settle_with(usd(6));
  EXPECT_EQ(TestCall(world, "p", usd(1)).decision.verdict, Verdict::in_flight);
  b.settle_with(usd(3));
  EXPECT_EQ(world.standing("late").spent, usd(9));
  EXPECT_EQ(world.standing("late").held, Money());
  EXPECT_EQ(world.standing("first").spent, usd(9));
  EXPECT_EQ(world.standing("first").held, Money());
  EXPECT_EQ(TestCall(world, "p", usd(1)).decision.verdict, Verdict::held);
}

TEST(GovernorLate, ABudgetThatIsMadeAgainHoldsWhatRuns) {
  World world;
  const std::vector<BudgetOrder> one{order("one", {}, usd(10))};
  ASSERT_TRUE(world.adopt(one, {}, 0ms));
  RunningCall call(world, "p", usd(4));
  EXPECT_EQ(world.standing("one").held, usd(4));
  for (int again = 0; again < 3; ++again) {
    ASSERT_TRUE(world.adopt({}));
    ASSERT_TRUE(world.adopt(one));
    EXPECT_EQ(world.standing("one").held, usd(4)) << again;
  }
  call.settle_with(usd(3));
  EXPECT_EQ(world.standing("one").spent, usd(3));
  EXPECT_EQ(world.standing("one").held, Money());
}

TEST(GovernorLate, WhatALateBudgetHoldsEndsWithACallThatIsNotSent) {
  World world;
  ASSERT_TRUE(world.adopt({}, {}, 0ms));
  std::optional<RunningCall> call(std::in_place, world, "p", usd(4));
  ASSERT_TRUE(world.adopt({order("late", {}, usd(10))}));
  EXPECT_EQ(world.standing("late").held, usd(4));
  call->tell_ledger(Turn::What::release);
  call.reset();
  EXPECT_EQ(world.standing("late").held, Money());
  EXPECT_EQ(world.standing("late").spent, Money());
}

// The budget comes between the question for money and the hold in the ledger.
TEST(GovernorLate, ACallThatIsAboutToBeSentJoins) {
  for (const bool scanned : {false, true}) {
    World world;
    ASSERT_TRUE(world.adopt({}, {}, 0ms));
    TestCall call(world, "p");
    if (scanned) call.hold_in_ledger(usd(4));
    ASSERT_TRUE(world.adopt({order("late", {{"project", "p"}}, usd(10))}));
    EXPECT_EQ(world.standing("late").held, scanned ? usd(4) : Money());
    if (!scanned) call.hold_in_ledger(usd(4));
    call.join();
    EXPECT_EQ(world.standing("late").held, usd(4));
    call.record.cost = usd(3);
    call.settle();
    EXPECT_EQ(world.standing("late").held, Money());
    EXPECT_EQ(world.standing("late").spent, usd(3));
  }
}

// The same while the ledger is being read, with every end there is.
TEST(GovernorLate, CallsThatJoinOrEndMeanwhileAreHeldOnce) {
  enum class End { runs, settled, released };
  for (const bool before : {false, true}) {
    for (const bool joins : {false, true}) {
      for (const End end : {End::runs, End::settled, End::released}) {
        World world;
        ASSERT_TRUE(world.adopt({}, {}, 0ms));
        std::optional<TestCall> call(std::in_place, world, "p");
        call->hold_in_ledger(usd(4));
        if (!joins) call->join();
        const auto act = [&] {
          if (joins) call->join();
          if (end == End::settled) {
            call->record.cost = usd(3);
            call->tell_ledger(Turn::What::settle);
            call->settle();
          } else if (end == End::released) {
            call.reset();
          }
        };
        (before ? world.ledger.before : world.ledger.after) = act;
        ASSERT_TRUE(world.adopt({order("late", {}, usd(10))}));
        EXPECT_EQ(world.standing("late").held, end == End::runs ? usd(4) : Money());
        EXPECT_EQ(world.standing("late").spent, end == End::settled ? usd(3) : Money());
        if (end != End::runs) continue;
        call->record.cost = usd(2);
        call->settle();
        EXPECT_EQ(world.standing("late").held, Money());
        EXPECT_EQ(world.standing("late").spent, usd(2));
      }
    }
  }
}

TEST(GovernorLate, ARunningCallGrowsInALateBudgetToo) {
  World world;
  ASSERT_TRUE(world.adopt({order("first", {}, usd(100))}, {}, 0ms));
  RunningCall both(world, "p", usd(4)), free_of(world, "p", usd(1));
  ASSERT_TRUE(world.adopt({order("first", {}, usd(100)), order("late", {}, usd(10))}));
  EXPECT_EQ(world.governor.grow(both.held, {usd(2), 0}), Verdict::held);
  EXPECT_EQ(world.standing("first").held, usd(7));
  EXPECT_EQ(world.standing("late").held, usd(7));
  EXPECT_EQ(world.governor.grow(both.held, {usd(4), 0}), Verdict::in_flight);
  EXPECT_EQ(world.standing("first").held, usd(7));
  both.settle_with(usd(6));
  free_of.settle_with(usd(1));
  for (const char* name : {"first", "late"}) {
    EXPECT_EQ(world.standing(name).spent, usd(7)) << name;
    EXPECT_EQ(world.standing(name).held, Money()) << name;
  }
}

TEST(GovernorLate, ACallOfTheWindowBeforeIsNotHeld) {
  World world;
  ASSERT_TRUE(world.adopt({}, {}, 0ms));
  RunningCall call(world, "p", usd(4));
  world.clock.pass(std::chrono::hours(13));  // after midnight
  ASSERT_TRUE(world.adopt({order("late", {}, usd(10))}, {}, std::chrono::hours(24)));
  EXPECT_EQ(world.standing("late").held, Money());
  call.settle_with(usd(3));
  EXPECT_EQ(world.standing("late").spent, Money());
}

TEST(GovernorLate, ALateBudgetThatGoesHoldsNothing) {
  World world;
  ASSERT_TRUE(world.adopt({}, {}, 0ms));
  RunningCall call(world, "p", usd(4));
  ASSERT_TRUE(world.adopt({order("late", {}, usd(10))}));
  ASSERT_TRUE(world.adopt({}));
  call.settle_with(usd(3));
  ASSERT_TRUE(world.adopt({order("late", {}, usd(10))}));
  EXPECT_EQ(world.standing("late").held, Money());
  EXPECT_EQ(world.standing("late").spent, usd(3));
}

// Nobody lasts longer than calls may: what isn't ended by then never will be.
TEST(GovernorLate, WhatNobodyEndsIsForgotten) {
  World world;
  ASSERT_TRUE(world.adopt({}, {}, 0ms));
  TestCall lost(world, "p");
  lost.hold_in_ledger(usd(4));
  ASSERT_TRUE(world.adopt({order("late", {}, usd(10))}));
  EXPECT_EQ(world.standing("late").held, usd(4));
  world.clock.pass(3 * kLongest);
  EXPECT_EQ(world.standing("late").held, Money());
}

}  // namespace
}  // namespace farebox
