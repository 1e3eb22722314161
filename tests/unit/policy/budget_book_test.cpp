#include "policy/budget_book.hpp"

#include <gtest/gtest.h>

#include <random>

namespace farebox {
namespace {

using namespace std::chrono_literals;
using Verdict = BudgetAnswer::Verdict;
using std::chrono::sys_days;
using std::chrono::year;

const WallTime kNoon = sys_days(year(2026) / 11 / 21) + 12h;

Money usd(std::int64_t dollars) { return Money::dollars(dollars); }

Scope scope(const ScopeSettings& said) {
  const auto made = Scope::make(said);
  EXPECT_TRUE(made) << made.error().context;
  return made ? *made : Scope();
}

BudgetRule rule(std::string id, const ScopeSettings& said, Money limit,
                BudgetPeriod period = BudgetPeriod::daily) {
  BudgetRule made;
  made.id = made.name = std::move(id);
  made.scope = scope(said);
  made.limit = limit;
  made.period = Period(period, TimeZone(), {});
  return made;
}

BudgetAsk ask(Money least, Money wanted) { return {{least, 0}, {wanted, 0}}; }
BudgetAsk ask(Money amount) { return ask(amount, amount); }

ScopeValues of_user(std::string_view user, std::string_view project = "") {
  ScopeValues values;
  values.user = user;
  values.project = project;
  return values;
}

class Budget : public ::testing::Test {
 protected:
  Verdict take(BudgetHold& hold, Money amount, WallTime now = kNoon, const ScopeValues& values = {}) {
    return book_.hold(values, ask(amount), now, hold).verdict;
  }
  void spend(Money amount, WallTime now = kNoon, const ScopeValues& values = {}) {
    BudgetHold hold;
    ASSERT_EQ(take(hold, amount, now, values), Verdict::held);
    book_.settle(hold, {amount, 0});
  }
  BudgetStanding standing(std::string_view id, WallTime now = kNoon) {
    BudgetStanding found;
    book_.each(now, [&](const BudgetRule& its, const BudgetStanding& standing) {
      if (its.id == id) found = standing;
    });
    return found;
  }

  BudgetBook book_{5, 1'000};
};

TEST_F(Budget, HoldsUntilTheLimitAndNotBeyond) {
  book_.add(rule("b", {}, usd(10)));
  BudgetHold holds[3];
  EXPECT_EQ(take(holds[0], usd(6)), Verdict::held);
  EXPECT_EQ(take(holds[1], usd(4)), Verdict::held);
  EXPECT_EQ(take(holds[2], Money::picodollars(1)), Verdict::in_flight);
  book_.settle(holds[0], {usd(1), 0});
  EXPECT_EQ(take(holds[2], usd(5)), Verdict::held) << "what wasn't used is there again";
  book_.settle(holds[1], {usd(4), 0});
  book_.settle(holds[2], {usd(5), 0});
  EXPECT_EQ(standing("b").spent, usd(10));
  EXPECT_EQ(standing("b").held, Money());
  EXPECT_EQ(standing("b").status, BudgetStatus::exceeded);
  const BudgetAnswer refused = book_.hold({}, ask(Money::picodollars(1)), kNoon, holds[0]);
  EXPECT_EQ(refused.verdict, Verdict::exceeded);
  EXPECT_EQ(refused.by->id, "b");
  EXPECT_EQ(refused.window_end, WallTime(sys_days(year(2026) / 11 / 22)));
}

TEST_F(Budget, GrantsWhatIsLeftIfThatIsEnough) {
  book_.add(rule("b", {}, usd(10)));
  BudgetHold hold;
  BudgetAnswer answer = book_.hold({}, ask(usd(1), usd(50)), kNoon, hold);
  EXPECT_EQ(answer.verdict, Verdict::held);
  EXPECT_EQ(answer.granted.money, usd(10));
  EXPECT_EQ(answer.remaining, Money());
  BudgetHold other;
  EXPECT_EQ(book_.hold({}, ask(usd(1), usd(50)), kNoon, other).verdict, Verdict::in_flight);
  book_.settle(hold, {usd(3), 0});
  answer = book_.hold({}, ask(usd(1), usd(50)), kNoon, other);
  EXPECT_EQ(answer.granted.money, usd(7));
}

TEST_F(Budget, AllAgreeOrNoneIsTouched) {
  book_.add(rule("wide", {{"project", "p"}}, usd(100)));
  book_.add(rule("narrow", {{"user", "*"}}, usd(1)));
  BudgetHold hold;
  EXPECT_EQ(take(hold, usd(2), kNoon, of_user("u", "p")), Verdict::exceeded);
  EXPECT_TRUE(hold.empty());
  EXPECT_EQ(standing("wide").held, Money());
  EXPECT_EQ(take(hold, usd(1), kNoon, of_user("u", "p")), Verdict::held);
  EXPECT_EQ(standing("wide").held, usd(1));
  book_.release(hold);
  book_.release(hold);  // only once
  EXPECT_EQ(standing("wide").held, Money());
}

TEST_F(Budget, AnUnseenValueIsHeldToItsLimitFromTheFirstCallOn) {
  book_.add(rule("each", {{"user", "*"}}, usd(1)));
  BudgetHold first, second;
  EXPECT_EQ(take(first, usd(1), kNoon, of_user("new")), Verdict::held);
  EXPECT_EQ(take(second, usd(1), kNoon, of_user("new")), Verdict::in_flight);
  EXPECT_EQ(take(second, usd(1), kNoon, of_user("other")), Verdict::held);
}

TEST_F(Budget, GrowingStopsAtTheLimitAndTakesFromAllOrNone) {
  book_.add(rule("wide", {}, usd(100)));
  book_.add(rule("narrow", {{"user", "*"}}, usd(3)));
  BudgetHold hold;
  ASSERT_EQ(take(hold, usd(1), kNoon, of_user("u")), Verdict::held);
  EXPECT_EQ(book_.grow(hold, {usd(2), 0}, kNoon), Verdict::held);
  EXPECT_EQ(book_.grow(hold, {Money::picodollars(1), 0}, kNoon), Verdict::exceeded);
  EXPECT_EQ(standing("wide").held, usd(3));
  EXPECT_EQ(hold.amount().money, usd(3));
  book_.settle(hold, {usd(3), 0});
  EXPECT_EQ(standing("wide").spent, usd(3));
}

TEST_F(Budget, MoreThanWasHeldIsToldAsItIs) {
  book_.add(rule("b", {}, usd(10)));
  BudgetHold hold;
  ASSERT_EQ(take(hold, usd(10)), Verdict::held);
  book_.settle(hold, {usd(12), 0});
  EXPECT_EQ(standing("b").spent, usd(12));
  EXPECT_EQ(standing("b").remaining, Money());
  EXPECT_EQ(standing("b").status, BudgetStatus::exceeded);
  EXPECT_EQ(take(hold, Money()), Verdict::exceeded);
}

TEST_F(Budget, TokensAreALimitOfTheirOwn) {
  BudgetRule made = rule("b", {}, usd(10));
  made.token_limit = 1'000;
  book_.add(std::move(made));
  BudgetHold hold, other;
  const BudgetAnswer answer = book_.hold({}, {{usd(1), 100}, {usd(1), 5'000}}, kNoon, hold);
  EXPECT_EQ(answer.granted.tokens, 1'000u);
  EXPECT_EQ(book_.hold({}, {{usd(1), 1}, {usd(1), 1}}, kNoon, other).verdict, Verdict::in_flight);
  book_.settle(hold, {usd(1), 1'000});
  EXPECT_EQ(book_.hold({}, {{usd(1), 1}, {usd(1), 1}}, kNoon, other).verdict, Verdict::exceeded);
}

TEST_F(Budget, WhatDoesNotBlockIsCountedAndTold) {
  using enum OnExceeded;
  for (const OnExceeded action : {audit, downgrade, throttle}) {
    BudgetRule made = rule("b" + std::to_string(static_cast<int>(action)), {}, usd(1));
    made.on_exceeded = action;
    book_.add(std::move(made));
  }
  spend(usd(1));
  BudgetHold hold;
  const BudgetAnswer answer = book_.hold({}, ask(usd(5)), kNoon, hold);
  EXPECT_EQ(answer.verdict, Verdict::held);
  EXPECT_EQ(answer.granted.money, usd(5));
  ASSERT_NE(answer.downgrade, nullptr);
  ASSERT_NE(answer.throttle, nullptr);
  EXPECT_FALSE(answer.remaining.has_value()) << "nothing binds";
  EXPECT_EQ(standing("b1").would_refuse, 1u);
  book_.settle(hold, {usd(5), 0});
  EXPECT_EQ(standing("b1").spent, usd(6));
}

TEST_F(Budget, StatusFollowsWhatIsSpent) {
  book_.add(rule("b", {}, usd(100)));
  const std::pair<int, BudgetStatus> rows[] = {{79, BudgetStatus::ok},  {1, BudgetStatus::warning},
                                               {14, BudgetStatus::warning}, {1, BudgetStatus::critical},
                                               {4, BudgetStatus::critical}, {1, BudgetStatus::exceeded}};
  for (const auto& [more, status] : rows) {
    spend(usd(more));
    EXPECT_EQ(standing("b").status, status) << standing("b").spent.decimal();
  }
}

TEST_F(Budget, ACostStaysInTheWindowOfItsHold) {
  book_.add(rule("b", {}, usd(10)));
  BudgetHold late;
  ASSERT_EQ(take(late, usd(10), kNoon), Verdict::held);
  const WallTime next = kNoon + 12h;
  spend(usd(4), next);
  book_.settle(late, {usd(10), 0});
  EXPECT_EQ(standing("b", next).spent, usd(4));
  EXPECT_EQ(standing("b", next).held, Money());
}

TEST_F(Budget, AClockThatJumpsGrantsNothingTwice) {
  book_.add(rule("b", {}, usd(10)));
  spend(usd(10), kNoon);
  BudgetHold hold;
  for (const auto back : {1s, 3'600s, 86'400s, 31'536'000s}) {
    EXPECT_EQ(take(hold, usd(1), kNoon - back), Verdict::exceeded) << "no window opens again";
  }
  // A day ahead: tomorrow's money, and not again when tomorrow comes.
  spend(usd(10), kNoon + 24h);
  EXPECT_EQ(take(hold, usd(1), kNoon), Verdict::exceeded);
  EXPECT_EQ(take(hold, usd(1), kNoon + 24h), Verdict::exceeded);
  EXPECT_EQ(take(hold, usd(1), kNoon + 36h), Verdict::held);
}

TEST_F(Budget, RolloverCarriesWhatIsUnused) {
  BudgetRule made = rule("b", {}, usd(10));
  made.rollover = true;
  book_.add(std::move(made));
  spend(usd(4), kNoon);
  BudgetHold late;
  ASSERT_EQ(take(late, usd(2), kNoon), Verdict::held);
  EXPECT_EQ(standing("b", kNoon + 24h).limit, usd(14)) << "held counts as used until it ends";
  book_.settle(late, {usd(1), 0});
  EXPECT_EQ(standing("b", kNoon + 24h).limit, usd(15));
  EXPECT_EQ(standing("b", kNoon + 24h * 3).limit, usd(10)) << "a day nobody saw carries nothing";
}

TEST_F(Budget, AnOverrideEndsByItself) {
  BudgetRule made = rule("b", {}, usd(10), BudgetPeriod::monthly);
  made.override_limit = {usd(20), kNoon + 1h};
  book_.add(std::move(made));
  spend(usd(15), kNoon);
  BudgetHold hold;
  EXPECT_EQ(take(hold, usd(1), kNoon + 2h), Verdict::exceeded);
  book_.find("b")->limit = usd(100);  // topped up
  book_.changed();
  EXPECT_EQ(take(hold, usd(1), kNoon + 2h), Verdict::held);
}

TEST_F(Budget, ARemovedBudgetBindsNobodyAndItsHoldsMayEnd) {
  book_.add(rule("b", {}, usd(1)));
  book_.add(rule("c", {}, usd(100)));
  BudgetHold hold, other;
  ASSERT_EQ(take(hold, usd(1)), Verdict::held);
  EXPECT_TRUE(book_.remove("b"));
  EXPECT_FALSE(book_.remove("b"));
  EXPECT_EQ(take(other, usd(50)), Verdict::held);
  book_.settle(hold, {usd(1), 0});
  book_.settle(other, {usd(50), 0});
  EXPECT_EQ(standing("c").spent, usd(51));
}

TEST_F(Budget, ABudgetAddedLaterCountsFromThenOn) {
  book_.add(rule("first", {{"user", "*"}}, usd(100)));
  spend(usd(5), kNoon, of_user("u"));
  book_.add(rule("second", {{"user", "*"}}, usd(10)));
  BudgetHold hold;
  EXPECT_EQ(take(hold, usd(11), kNoon, of_user("u")), Verdict::exceeded);
  book_.replay(of_user("u"), {usd(5), 0}, kNoon - 1h);
  EXPECT_EQ(standing("second").spent, usd(5));
}

TEST_F(Budget, WhatTheLedgerRemembersCountsInItsWindowOnly) {
  book_.add(rule("b", {}, usd(10)));
  book_.replay({}, {usd(4), 7}, kNoon - 24h);
  book_.replay({}, {usd(3), 7}, kNoon - 1h);
  EXPECT_EQ(standing("b").spent, usd(3));
  EXPECT_EQ(standing("b").spent_tokens, 7u);
}

TEST_F(Budget, ValuesBeyondTheBoundAreRefusedNotUncounted) {
  BudgetBook book(1, 10);
  book.add(rule("each", {{"user", "*"}}, usd(1)));
  BudgetHold hold;
  for (int i = 0; i < 10; ++i) {
    const std::string user = "u" + std::to_string(i);
    ASSERT_EQ(book.hold(of_user(user), ask(usd(1)), kNoon, hold).verdict, Verdict::held);
    book.settle(hold, {usd(1), 0});
  }
  EXPECT_EQ(book.hold(of_user("x"), ask(usd(1)), kNoon, hold).verdict, Verdict::too_many_values);
  EXPECT_EQ(book.hold(of_user("u3"), ask(usd(1)), kNoon, hold).verdict, Verdict::exceeded);
}

// Any schedule of calls over any clock: what was promised never passes a limit, nobody is
// refused while there is room, and when all is quiet the counters are the sums.
TEST(BudgetProperty, PromisesNeverPassTheLimit) {
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    std::mt19937_64 random(seed);
    BudgetBook book(random(), 10'000);
    struct Model {
      Money limit, spent, held;
    };
    Model all{usd(static_cast<std::int64_t>(5 + random() % 50)), {}, {}};
    std::map<std::string, Model> users;
    const Money each_limit = usd(static_cast<std::int64_t>(1 + random() % 20));
    book.add(rule("all", {}, all.limit, BudgetPeriod::total));
    book.add(rule("each", {{"user", "*"}}, each_limit, BudgetPeriod::total));
    struct Open {
      std::string user;
      BudgetHold hold;
    };
    std::list<Open> open;
    WallTime now = kNoon;
    const auto amount = [&] {
      return Money::picodollars(static_cast<Int128>(random() % 5'000'000'000'000));
    };
    for (int step = 0; step < 400; ++step) {
      now += std::chrono::seconds(static_cast<int>(random() % 20'000) - 5'000);
      const auto any = [&] { return std::next(open.begin(), static_cast<long>(random() % open.size())); };
      switch (random() % 5) {
        case 0:
        case 1: {
          const std::string user = "u" + std::to_string(random() % 4);
          Model& mine = users.try_emplace(user, Model{each_limit, {}, {}}).first->second;
          const Money least = amount(), wanted = least + amount();
          open.push_back({user, {}});
          const BudgetAnswer answer =
              book.hold(of_user(open.back().user), ask(least, wanted), now, open.back().hold);
          const Money free = std::min(all.limit - all.spent - all.held, mine.limit - mine.spent - mine.held);
          if (least <= free) {
            ASSERT_EQ(answer.verdict, Verdict::held) << "seed " << seed;
            ASSERT_EQ(answer.granted.money, std::min(wanted, free)) << "seed " << seed;
            all.held += answer.granted.money;
            mine.held += answer.granted.money;
          } else {
            const Money unspent = std::min(all.limit - all.spent, mine.limit - mine.spent);
            ASSERT_EQ(answer.verdict, least <= unspent ? Verdict::in_flight : Verdict::exceeded)
                << "seed " << seed;
            open.pop_back();
          }
          break;
        }
        case 2: {
          if (open.empty()) break;
          const auto call = any();
          Model& mine = users.at(call->user);
          const Money more = amount();
          const bool fits = more <= std::min(all.limit - all.spent - all.held,
                                             mine.limit - mine.spent - mine.held);
          ASSERT_EQ(book.grow(call->hold, {more, 0}, now) == Verdict::held, fits) << "seed " << seed;
          if (fits) {
            all.held += more;
            mine.held += more;
          }
          break;
        }
        default: {
          if (open.empty()) break;
          const auto call = any();
          Model& mine = users.at(call->user);
          const Money held = call->hold.amount().money;
          all.held -= held;
          mine.held -= held;
          if (random() % 3 == 0) {
            book.release(call->hold);
          } else {
            const Money used =
                Money::picodollars(held.picodollars() * static_cast<Int128>(random() % 101) / 100);
            book.settle(call->hold, {used, 0});
            all.spent += used;
            mine.spent += used;
          }
          open.erase(call);
        }
      }
      ASSERT_LE(all.spent + all.held, all.limit);
      book.each(now, [&](const BudgetRule& its, const BudgetStanding& standing) {
        const Model& model = its.id == "all" ? all : users.at(std::string(standing.values[0]));
        ASSERT_EQ(standing.spent, model.spent) << "seed " << seed;
        ASSERT_EQ(standing.held, model.held) << "seed " << seed;
        ASSERT_EQ(standing.spent + standing.held + standing.remaining, model.limit);
      });
    }
  }
}

}  // namespace
}  // namespace farebox
