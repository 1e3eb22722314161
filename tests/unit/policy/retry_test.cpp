#include "policy/retry.hpp"

#include <gtest/gtest.h>

#include <deque>
#include <random>

namespace farebox {
namespace {

using namespace std::chrono_literals;

const SteadyTime kStart{1h};
constexpr std::uint64_t kHighest = ~std::uint64_t{0};

FailedTry failed(Failure failure) {
  FailedTry made;
  made.failure = failure;
  made.repeatable = true;
  made.now = kStart;
  made.deadline = kStart + 1h;
  made.random = kHighest;
  return made;
}

RetryDecision decide(const FailedTry& what, const RetrySettings& settings = {}) {
  RetryBudget budget(100);
  return next_try(settings, what, budget);
}

TEST(Retry, WhatIsRepeatedDependsOnTheFailureAndTheCall) {
  struct Row {
    Failure failure;
    RetryStop repeatable, not_repeatable;
  };
  constexpr RetryStop kGo = RetryStop::none;
  constexpr RetryStop kNot = RetryStop::not_repeatable;
  constexpr RetryStop kUseless = RetryStop::useless;
  const Row rows[] = {
      {Failure::none, kUseless, kUseless},
      {Failure::no_model, kUseless, kUseless},
      {Failure::ours, kUseless, kUseless},
      {Failure::circuit_open, kUseless, kUseless},
      {Failure::busy, kUseless, kUseless},
      {Failure::unreachable, kGo, kGo},
      {Failure::connect_timeout, kGo, kGo},
      {Failure::refused, kUseless, kUseless},
      {Failure::reset, kGo, kNot},
      {Failure::timeout, kGo, kNot},
      {Failure::bad_answer, kUseless, kUseless},
      {Failure::rate_limited, kGo, kNot},
      {Failure::quota_spent, kUseless, kNot},
      {Failure::overloaded, kGo, kNot},
      {Failure::server_error, kGo, kNot},
      {Failure::request_timeout, kGo, kNot},
      {Failure::conflict, kGo, kNot},
      {Failure::client_error, kUseless, kUseless},
  };
  ASSERT_EQ(std::size(rows), kFailures);
  for (const Row& row : rows) {
    FailedTry one = failed(row.failure);
    EXPECT_EQ(decide(one).stop, row.repeatable) << name_of(row.failure);
    one.repeatable = false;
    EXPECT_EQ(decide(one).stop, row.not_repeatable) << name_of(row.failure);
  }
}

TEST(Retry, TheProvidersWordGoesBeforeItsStatus) {
  struct Row {
    Failure failure;
    bool said;
    RetryStop stop;
  };
  const Row rows[] = {
      {Failure::server_error, false, RetryStop::provider},
      {Failure::rate_limited, false, RetryStop::provider},  // a quota that is used up
      {Failure::server_error, true, RetryStop::none},
      {Failure::client_error, true, RetryStop::none},
      {Failure::client_error, false, RetryStop::useless},
      {Failure::reset, false, RetryStop::none},  // nobody said it: there was no answer
      {Failure::none, true, RetryStop::useless},
  };
  for (const Row& row : rows) {
    FailedTry one = failed(row.failure);
    one.should_retry = row.said;
    EXPECT_EQ(decide(one).stop, row.stop) << name_of(row.failure) << row.said;
  }
  FailedTry unsafe = failed(Failure::server_error);
  unsafe.should_retry = true;
  unsafe.repeatable = false;
  EXPECT_EQ(decide(unsafe).stop, RetryStop::not_repeatable);
}

TEST(Retry, BackoffDoublesUpToTheMostWithFullJitter) {
  RetrySettings settings;
  settings.max_attempts = 20;
  const std::chrono::milliseconds most[] = {250ms, 500ms, 1s, 2s, 4s, 8s, 8s, 8s, 8s};
  for (std::uint32_t tries = 1; tries <= std::size(most); ++tries) {
    FailedTry one = failed(Failure::server_error);
    one.tries = tries;
    EXPECT_EQ(decide(one, settings).wait, most[tries - 1]) << tries;
    one.random = 0;
    EXPECT_EQ(decide(one, settings).wait, 0ns) << tries;
    one.random = kHighest / 2 + 1;
    EXPECT_NEAR(static_cast<double>(decide(one, settings).wait.count()),
                static_cast<double>(std::chrono::nanoseconds(most[tries - 1]).count()) / 2, 2.0);
  }
}

TEST(Retry, HugeDelaysDontOverflow) {
  RetrySettings settings;
  settings.max_attempts = 1'000'000;
  settings.base_delay = Milliseconds(24 * 3'600'000);
  settings.max_delay = Milliseconds(24 * 3'600'000);
  FailedTry one = failed(Failure::server_error);
  one.deadline = SteadyTime::max();
  for (const std::uint32_t tries : {0u, 1u, 2u, 31u, 32u, 999'999u}) {
    one.tries = tries;
    EXPECT_EQ(decide(one, settings).wait, 24h) << tries;
  }
}

TEST(Retry, RetryAfterIsTheLeastAndTooMuchStops) {
  struct Row {
    std::chrono::nanoseconds asked;
    std::uint64_t random;
    RetryStop stop;
    std::chrono::nanoseconds wait;
  };
  const Row rows[] = {
      {0s, 0, RetryStop::none, 0s},
      {100ms, 0, RetryStop::none, 100ms},
      {100ms, kHighest, RetryStop::none, 250ms},
      {1s, kHighest, RetryStop::none, 1s},
      {8s, 0, RetryStop::none, 8s},
      {8s + 1ns, 0, RetryStop::retry_after, 0s},
      {24h, 0, RetryStop::retry_after, 0s},
  };
  for (const Row& row : rows) {
    FailedTry one = failed(Failure::rate_limited);
    one.retry_after = row.asked;
    one.random = row.random;
    EXPECT_EQ(decide(one).stop, row.stop) << row.asked.count();
    EXPECT_EQ(decide(one).wait, row.wait) << row.asked.count();
  }
}

TEST(Retry, AnotherKeyNeedsNoPatienceAfterARateLimit) {
  FailedTry one = failed(Failure::rate_limited);
  one.retry_after = 1h;
  one.another_key = true;
  EXPECT_EQ(decide(one).stop, RetryStop::none);
  EXPECT_EQ(decide(one).wait, 0ns);
  one.failure = Failure::overloaded;  // of all keys
  EXPECT_EQ(decide(one).stop, RetryStop::retry_after);
}

TEST(Retry, TheDeadlineBoundsIt) {
  FailedTry one = failed(Failure::server_error);
  one.retry_after = 2s;
  one.deadline = kStart + 2s;
  EXPECT_EQ(decide(one).stop, RetryStop::deadline);
  one.deadline = kStart + 2s + 1ns;
  EXPECT_EQ(decide(one).stop, RetryStop::none);
  one.deadline = kStart - 1s;
  one.retry_after.reset();
  one.random = 0;
  EXPECT_EQ(decide(one).stop, RetryStop::deadline);
}

TEST(Retry, AttemptsAreCountedWithTheFirst) {
  for (std::uint32_t most = 1; most <= 5; ++most) {
    RetrySettings settings;
    settings.max_attempts = most;
    for (std::uint32_t tries = 1; tries <= 6; ++tries) {
      FailedTry one = failed(Failure::unreachable);
      one.tries = tries;
      EXPECT_EQ(decide(one, settings).stop,
                tries < most ? RetryStop::none : RetryStop::attempts);
    }
  }
}

TEST(Retry, WhatIsStoppedTakesNothingFromTheBudget) {
  RetryBudget budget(20);
  for (int i = 0; i < 100; ++i) {
    FailedTry one = failed(Failure::server_error);
    one.tries = 3;
    ASSERT_EQ(next_try({}, one, budget).stop, RetryStop::attempts);
  }
  for (std::uint64_t i = 0; i < RetryBudget::kAlways; ++i) {
    ASSERT_EQ(next_try({}, failed(Failure::server_error), budget).stop, RetryStop::none);
  }
  ASSERT_EQ(next_try({}, failed(Failure::server_error), budget).stop, RetryStop::budget);
}

TEST(RetryBudget, AFewMayAlwaysBeAndNoneAtZeroPercent) {
  RetryBudget some(20), none(0);
  for (std::uint64_t i = 0; i < RetryBudget::kAlways; ++i) EXPECT_TRUE(some.take(kStart));
  EXPECT_FALSE(some.take(kStart));
  EXPECT_TRUE(some.take(kStart + RetryBudget::kWindow));
  for (int i = 0; i < 1'000; ++i) none.count_call(kStart);
  EXPECT_FALSE(none.take(kStart));
}

TEST(RetryBudget, GivesAPartOfTheCallsOfItsWindow) {
  for (const std::uint32_t percent : {1u, 10u, 20u, 50u, 100u}) {
    RetryBudget budget(percent);
    for (int i = 0; i < 1'000; ++i) budget.count_call(kStart);
    std::uint32_t taken = 0;
    while (budget.take(kStart + 1s)) ++taken;
    EXPECT_EQ(taken, percent * 10);
  }
}

// Every window of ten seconds has at most that many repeats, whatever the load does.
TEST(RetryBudget, NoStormInAnyWindow) {
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    std::mt19937_64 random(seed);
    RetryBudget budget(20);
    SteadyTime now = kStart;
    std::uint64_t all_calls = 0, all_repeats = 0;
    std::deque<SteadyTime> calls, repeats;
    for (int step = 0; step < 3'000; ++step) {
      now += std::chrono::milliseconds(random() % (step % 1'000 < 500 ? 10 : 200));
      budget.count_call(now);
      calls.push_back(now);
      ++all_calls;
      for (int tries = 0; tries < 3; ++tries) {  // everything fails
        if (!budget.take(now)) break;
        repeats.push_back(now);
        ++all_repeats;
      }
      while (now - calls.front() >= 10s) calls.pop_front();
      while (!repeats.empty() && now - repeats.front() >= 9s) repeats.pop_front();
      ASSERT_LE(repeats.size(), std::max<std::size_t>(RetryBudget::kAlways, calls.size() / 5 + 1));
    }
    EXPECT_LE(all_repeats, all_calls * 20 / 100 + 10);
  }
}

}  // namespace
}  // namespace farebox
