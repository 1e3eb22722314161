#include "policy/circuit_breaker.hpp"

#include <gtest/gtest.h>

#include <random>
#include <vector>

namespace farebox {
namespace {

using namespace std::chrono_literals;
using State = CircuitBreaker::State;
using Verdict = BreakerVerdict;
using Admission = CircuitBreaker::Admission;

const SteadyTime kStart{1h};

class Breaker : public ::testing::Test {
 protected:
  void make(const BreakerSettings& settings) { breaker_.emplace(settings, 7); }

  // One call that ends at once.
  bool call(Verdict verdict) {
    Admission admission = breaker_->admit(now_);
    if (admission.allowed) breaker_->report(admission, verdict, now_);
    return admission.allowed;
  }
  void calls(int count, Verdict verdict) {
    for (int i = 0; i < count; ++i) call(verdict);
  }
  State state() const { return breaker_->state(); }
  void open() {
    calls(5, Verdict::failure);
    ASSERT_EQ(state(), State::open);
  }
  void half_open() {
    open();
    now_ = breaker_->retry_at();
  }

  std::optional<CircuitBreaker> breaker_{std::in_place, BreakerSettings{}, 7};
  SteadyTime now_ = kStart;
};

TEST_F(Breaker, OpensAfterFailuresInARow) {
  calls(4, Verdict::failure);
  EXPECT_EQ(state(), State::closed);
  call(Verdict::failure);
  EXPECT_EQ(state(), State::open);
  EXPECT_EQ(breaker_->since(), now_);
  EXPECT_EQ(breaker_->times_opened(), 1u);
  const Admission refused = breaker_->admit(now_);
  EXPECT_FALSE(refused.allowed);
  EXPECT_EQ(refused.retry_at, now_ + 60s);
}

TEST_F(Breaker, ASuccessBetweenBeginsTheRowAnew) {
  for (int i = 0; i < 4; ++i) {
    calls(4, Verdict::failure);
    calls(8, Verdict::ok);  // below half of them fail
  }
  EXPECT_EQ(state(), State::closed);
}

// A provider all of whose streams begin and break off never opened its breaker: each beginning
// ended the row.
TEST_F(Breaker, AnswersThatBeginWellAndBreakOffAreARow) {
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(state(), State::closed) << i;
    Admission admission = breaker_->admit(now_);
    breaker_->report(admission, Verdict::ok, now_);
    breaker_->report(admission, Verdict::failure, now_);
  }
  EXPECT_EQ(state(), State::open);
}

TEST_F(Breaker, WhatSaysNothingNeitherCountsNorBreaksTheRow) {
  for (int i = 0; i < 4; ++i) {
    call(Verdict::failure);
    calls(50, Verdict::alive);
    calls(50, Verdict::neither);
  }
  EXPECT_EQ(state(), State::closed);
  call(Verdict::failure);
  EXPECT_EQ(state(), State::open);
}

TEST_F(Breaker, OpensAtAPercentageOfEnoughCalls) {
  struct Row {
    int ok, failed;
    State state;
  };
  const Row rows[] = {
      {10, 9, State::closed},   // 19 are too few
      {10, 10, State::open},    // 20, and half of them
      {11, 10, State::closed},  // below half
      {100, 99, State::closed}, {100, 100, State::open},
  };
  for (const Row& row : rows) {
    BreakerSettings settings;
    settings.failure_threshold = 1'000;
    make(settings);
    calls(row.ok, Verdict::ok);
    calls(row.failed, Verdict::failure);
    EXPECT_EQ(state(), row.state) << row.ok << " " << row.failed;
  }
}

TEST_F(Breaker, ForgetsWhatLeftTheWindow) {
  BreakerSettings settings;
  settings.failure_threshold = 1'000;
  make(settings);
  calls(10, Verdict::ok);
  calls(9, Verdict::failure);
  now_ += 31s;
  calls(10, Verdict::ok);
  calls(9, Verdict::failure);
  EXPECT_EQ(state(), State::closed);
  now_ += 15s;
  call(Verdict::failure);
  EXPECT_EQ(state(), State::open);
}

TEST_F(Breaker, HalfOpenLetsAFewTryAndClosesWhenAllWentWell) {
  half_open();
  now_ -= 1ns;
  EXPECT_FALSE(breaker_->admit(now_).allowed);
  now_ += 1ns;
  std::vector<Admission> probes;
  for (int i = 0; i < 3; ++i) {
    probes.push_back(breaker_->admit(now_));
    EXPECT_TRUE(probes.back().allowed);
    EXPECT_TRUE(probes.back().probe);
  }
  EXPECT_EQ(state(), State::half_open);
  const Admission fourth = breaker_->admit(now_);
  EXPECT_FALSE(fourth.allowed);
  EXPECT_GT(fourth.retry_at, now_);
  breaker_->report(probes[0], Verdict::ok, now_);
  breaker_->report(probes[1], Verdict::ok, now_);
  EXPECT_EQ(state(), State::half_open);
  breaker_->report(probes[2], Verdict::ok, now_);
  EXPECT_EQ(state(), State::closed);
}

// A caller with a bad key, a list of models and the health check closed breakers that had opened
// as all models failed, time and again.
TEST_F(Breaker, WhoAnswersWithoutAModelClosesWhatNobodyAnswered) {
  for (const Verdict opened_by : {Verdict::failure, Verdict::unreached}) {
    make(BreakerSettings());
    calls(5, opened_by);
    ASSERT_EQ(state(), State::open);
    now_ = breaker_->retry_at();
    for (int i = 0; i < 20; ++i) EXPECT_TRUE(call(Verdict::alive)) << i;
    EXPECT_EQ(state(), opened_by == Verdict::unreached ? State::closed : State::half_open);
    calls(3, Verdict::ok);
    EXPECT_EQ(state(), State::closed);
  }
}

TEST_F(Breaker, OneFailedProbeOpensAgain) {
  half_open();
  Admission first = breaker_->admit(now_);
  Admission second = breaker_->admit(now_);
  breaker_->report(first, Verdict::ok, now_);
  breaker_->report(second, Verdict::failure, now_);
  EXPECT_EQ(state(), State::open);
  EXPECT_EQ(breaker_->times_opened(), 2u);
  EXPECT_FALSE(breaker_->admit(now_).allowed);
}

TEST_F(Breaker, AnAbandonedProbeGivesItsPlaceBack) {
  half_open();
  for (int i = 0; i < 100; ++i) EXPECT_TRUE(call(Verdict::neither)) << i;
  EXPECT_EQ(state(), State::half_open);
  EXPECT_TRUE(call(Verdict::ok));
}

TEST_F(Breaker, WaitsLongerAfterEachFailedProbeUpToTheMost) {
  open();
  std::chrono::nanoseconds last = breaker_->retry_at() - now_;
  EXPECT_EQ(last, 60s);
  for (int i = 0; i < 12; ++i) {
    now_ = breaker_->retry_at();
    call(Verdict::failure);
    ASSERT_EQ(state(), State::open);
    const std::chrono::nanoseconds pause = breaker_->retry_at() - now_;
    EXPECT_LE(pause, std::min<std::chrono::nanoseconds>(2 * last, 600s));
    EXPECT_GE(pause, std::min<std::chrono::nanoseconds>(last + last / 2 - 1ns, 600s));
    last = pause;
  }
  EXPECT_EQ(last, 600s);
  // Once it closed it begins with the first again.
  now_ = breaker_->retry_at();
  calls(3, Verdict::ok);
  ASSERT_EQ(state(), State::closed);
  open();
  EXPECT_EQ(breaker_->retry_at() - now_, 60s);
}

TEST_F(Breaker, LateResultsOfAnEarlierStateDontCount) {
  std::vector<Admission> early;
  for (int i = 0; i < 20; ++i) early.push_back(breaker_->admit(now_));
  half_open();
  Admission probe = breaker_->admit(now_);
  for (std::size_t i = 0; i < 10; ++i) breaker_->report(early[i], Verdict::ok, now_);
  EXPECT_EQ(state(), State::half_open);
  breaker_->report(early[10], Verdict::failure, now_);
  EXPECT_EQ(state(), State::half_open);
  breaker_->report(probe, Verdict::ok, now_);
  calls(2, Verdict::ok);
  EXPECT_EQ(state(), State::closed);
  for (std::size_t i = 11; i < 20; ++i) breaker_->report(early[i], Verdict::failure, now_);
  EXPECT_EQ(state(), State::closed);
}

TEST_F(Breaker, AProbeThatBreaksOffLaterOpensItButHasOnePlaceOnly) {
  half_open();
  Admission probe = breaker_->admit(now_);
  breaker_->report(probe, Verdict::ok, now_);
  breaker_->report(probe, Verdict::ok, now_);
  breaker_->report(probe, Verdict::ok, now_);
  EXPECT_EQ(state(), State::half_open);
  breaker_->report(probe, Verdict::failure, now_);
  EXPECT_EQ(state(), State::open);
}

TEST_F(Breaker, SwitchedOffItAllowsAll) {
  BreakerSettings settings;
  settings.enabled = false;
  make(settings);
  for (int i = 0; i < 1'000; ++i) ASSERT_TRUE(call(Verdict::failure));
  EXPECT_EQ(state(), State::closed);
  EXPECT_EQ(breaker_->times_opened(), 0u);
}

TEST_F(Breaker, StatesHaveTheirNames) {
  EXPECT_EQ(name_of(State::closed), "CLOSED");
  EXPECT_EQ(name_of(State::open), "OPEN");
  EXPECT_EQ(name_of(State::half_open), "HALF_OPEN");
}

// Whatever happens: no more probes at once than allowed, nothing passes while it is open,
// and a provider that has healed is used again.
TEST(BreakerProperty, HoldsOverRandomSchedules) {
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    std::mt19937_64 random(seed);
    BreakerSettings settings;
    settings.failure_threshold = 1 + static_cast<std::uint32_t>(random() % 6);
    settings.half_open_requests = 1 + static_cast<std::uint32_t>(random() % 4);
    settings.min_requests = 2 + static_cast<std::uint32_t>(random() % 30);
    settings.reset_timeout = Milliseconds(100 + random() % 5'000);
    settings.max_reset_timeout = settings.reset_timeout * (1 + random() % 8);
    CircuitBreaker breaker(settings, seed);
    SteadyTime now = kStart;
    std::vector<Admission> running;
    const auto probes = [&] {
      std::size_t count = 0;
      for (const Admission& one : running) {
        count += one.probe && one.generation == breaker.generation();
      }
      return count;
    };
    for (int step = 0; step < 2'000; ++step) {
      now += std::chrono::milliseconds(random() % 40);
      if (random() % 2 == 0) {
        const bool must_refuse = breaker.state() == State::open && now < breaker.retry_at();
        const Admission admission = breaker.admit(now);
        ASSERT_TRUE(!must_refuse || !admission.allowed);
        if (admission.allowed) {
          running.push_back(admission);
        } else {
          ASSERT_GT(admission.retry_at, now);
          ASSERT_LE(admission.retry_at - now, settings.max_reset_timeout + 1s);
        }
        ASSERT_LE(probes(), settings.half_open_requests);
      } else if (!running.empty()) {
        const std::size_t which = random() % running.size();
        breaker.report(running[which], static_cast<Verdict>(random() % 4), now);
        running.erase(running.begin() + static_cast<std::ptrdiff_t>(which));
      }
    }
    for (Admission& one : running) breaker.report(one, Verdict::neither, now);
    now += settings.max_reset_timeout + 1s;
    for (std::uint32_t i = 0; i < settings.half_open_requests; ++i) {
      Admission admission = breaker.admit(now);
      ASSERT_TRUE(admission.allowed);
      breaker.report(admission, Verdict::ok, now);
    }
    ASSERT_EQ(breaker.state(), State::closed);
  }
}

}  // namespace
}  // namespace farebox
