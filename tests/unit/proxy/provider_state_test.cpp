#include "proxy/provider_state.hpp"

#include <gtest/gtest.h>

#include <set>

namespace farebox {
namespace {

using namespace std::chrono_literals;

const SteadyTime kStart{1h};

class ProviderStateTest : public ::testing::Test {
 protected:
  ProviderState& make(std::size_t keys) {
    for (std::size_t i = 0; i < keys; ++i) {
      settings_.api_keys.emplace_back("key-" + std::to_string(i));
    }
    return state_.emplace(settings_);
  }
  // A call with `key` that ends now and is answered with these fields.
  void try_once(Failure failure, std::size_t key,
                std::vector<std::pair<const char*, const char*>> fields = {},
                std::chrono::nanoseconds took = 100ms) {
    ProviderLimits limits{WallTime{}};
    for (const auto& [name, value] : fields) limits.read(name, value);
    BreakerPass pass = state_->breakers().admit("m", now_);
    state_->tried(pass, {failure, key, &limits, now_ - took, now_});
  }
  FailedTry failed(Failure failure) const {
    FailedTry made;
    made.failure = failure;
    made.repeatable = true;
    made.now = now_;
    made.deadline = now_ + 1h;
    return made;
  }

  ProviderSettings settings_;
  std::optional<ProviderState> state_;
  SteadyTime now_ = kStart;
};

TEST_F(ProviderStateTest, WithoutKeysTheCallersOwnIsAlwaysReady) {
  ProviderState& state = make(0);
  try_once(Failure::rate_limited, 0, {{"retry-after", "60"}});
  const ProviderState::Key key = state.pick_key(now_);
  EXPECT_EQ(key.secret, nullptr);
  EXPECT_TRUE(key.ready);
  EXPECT_FALSE(state.facts("m", now_).saturated);
  EXPECT_TRUE(state.cooling(now_).empty());
}

// A reload that changed no more than a timeout closed the breaker and woke all keys.
TEST_F(ProviderStateTest, WhatWasLearntOutlivesAChangeOfSettings) {
  make(2);
  try_once(Failure::rate_limited, 1, {{"retry-after", "100"}});
  for (int i = 0; i < 5; ++i) try_once(Failure::server_error, 0);
  state_->note_error("it broke", WallTime{});
  ProviderSettings changed = settings_;
  changed.api_keys = {settings_.api_keys[1], Secret("key-new")};
  ProviderState after(changed);
  after.take_over(*state_);
  EXPECT_EQ(after.breakers().sight().state, CircuitBreaker::State::open);
  EXPECT_EQ(after.breakers().sight().retry_at, state_->breakers().sight().retry_at);
  EXPECT_FALSE(after.breakers().admit("m", now_).allowed());
  ASSERT_EQ(after.cooling(now_).size(), 1u);
  EXPECT_EQ(after.cooling(now_)[0].index, 0u);
  EXPECT_EQ(after.last_error()->what, "it broke");
  // Calls that are under way report to what they began with.
  try_once(Failure::none, 0);
  EXPECT_EQ(after.breakers().sight().state, CircuitBreaker::State::open);
}

TEST_F(ProviderStateTest, ARefusedKeyCoolsAndTheOthersGoOn) {
  ProviderState& state = make(3);
  EXPECT_EQ(state.pick_key(now_).secret->reveal(), "key-0");
  EXPECT_EQ(state.pick_key(now_).secret->reveal(), "key-1");
  try_once(Failure::rate_limited, 2, {{"retry-after", "5"}});
  std::set<std::size_t> used;
  for (int i = 0; i < 10; ++i) used.insert(state.pick_key(now_).index);
  EXPECT_EQ(used, (std::set<std::size_t>{0, 1}));
  const auto cooling = state.cooling(now_);
  ASSERT_EQ(cooling.size(), 1u);
  EXPECT_EQ(cooling[0].index, 2u);
  EXPECT_EQ(cooling[0].until, now_ + 5s);
  EXPECT_TRUE(state.cooling(now_ + 5s).empty());
}

TEST_F(ProviderStateTest, ASingleKeyThatCoolsSaysUntilWhen) {
  ProviderState& state = make(1);
  EXPECT_TRUE(state.pick_key(now_).ready);
  try_once(Failure::rate_limited, 0, {{"retry-after-ms", "1500"}});
  const ProviderState::Key key = state.pick_key(now_);
  EXPECT_FALSE(key.ready);
  EXPECT_EQ(key.ready_at, now_ + 1500ms);
  EXPECT_TRUE(state.facts("m", now_).saturated);
  EXPECT_FALSE(state.facts("m", now_ + 2s).saturated);
}

TEST_F(ProviderStateTest, AnAnswerThatSaysNothingIsLeftPacesTheKey) {
  ProviderState& state = make(2);
  try_once(Failure::none, 0,
           {{"x-ratelimit-limit-requests", "60"},
            {"x-ratelimit-remaining-requests", "0"},
            {"x-ratelimit-reset-requests", "60s"}});
  for (int i = 0; i < 4; ++i) EXPECT_EQ(state.pick_key(now_).index, 1u);
  EXPECT_EQ(state.cooling(now_).size(), 1u);
}

// Before its first 429 a single key was asked on and on, though its provider had said that
// nothing was left.
TEST_F(ProviderStateTest, ASingleKeyIsPacedByModelBeforeItIsRefused) {
  using Pace = ProviderState::Key::Pace;
  ProviderState& state = make(1);
  ProviderLimits limits{WallTime{}};
  limits.read("x-ratelimit-limit-requests", "60");
  limits.read("x-ratelimit-remaining-requests", "0");
  limits.read("x-ratelimit-reset-requests", "60s");
  BreakerPass pass = state.breakers().admit("large", now_);
  state.tried(pass, {Failure::none, 0, &limits, now_ - 100ms, now_, "large"});
  EXPECT_TRUE(state.facts("large", now_).saturated);
  EXPECT_FALSE(state.facts("small", now_).saturated);
  EXPECT_TRUE(state.pick_key(now_, "small", now_ + 10s).ready);

  const ProviderState::Key first = state.pick_key(now_, "large", now_ + 2s);
  EXPECT_FALSE(first.ready);
  EXPECT_EQ(first.pace, Pace::turn);
  EXPECT_EQ(first.ready_at, now_ + 1s);
  const ProviderState::Key second = state.pick_key(now_, "large", now_ + 2s);
  EXPECT_EQ(second.pace, Pace::too_late);
  EXPECT_EQ(second.ready_at, now_ + 2s);
  EXPECT_NE(second.secret, nullptr);

  // What was asked since then says that something is left.
  ProviderLimits more{WallTime{}};
  more.read("x-ratelimit-remaining-requests", "30");
  state.tried(pass, {Failure::none, 0, &more, now_ + 1s, now_ + 2s, "large"});
  EXPECT_TRUE(state.pick_key(now_ + 2s, "large", now_ + 3s).ready);
  EXPECT_TRUE(state.cooling(now_).empty());
}

TEST_F(ProviderStateTest, AKeyWithoutMoneyRestsLongAndTheOthersGoOn) {
  ProviderState& state = make(2);
  try_once(Failure::quota_spent, 0, {{"retry-after", "1"}});
  for (int i = 0; i < 4; ++i) EXPECT_EQ(state.pick_key(now_ + 4min).index, 1u);
  FailedTry one = failed(Failure::quota_spent);
  one.should_retry = false;  // it speaks of this key
  EXPECT_EQ(state.next_try(one, 0).stop, RetryStop::none);
  EXPECT_EQ(state.next_try(one, 0).wait, 0ns);
  try_once(Failure::quota_spent, 1);
  EXPECT_EQ(state.next_try(one, 1).stop, RetryStop::useless);
}

TEST_F(ProviderStateTest, ARefusalIsRepeatedAtOnceWithAnotherKey) {
  ProviderState& state = make(2);
  try_once(Failure::rate_limited, 0, {{"retry-after", "60"}});
  FailedTry one = failed(Failure::rate_limited);
  one.retry_after = 60s;
  EXPECT_EQ(state.next_try(one, 0).stop, RetryStop::none);
  EXPECT_EQ(state.next_try(one, 0).wait, 0ns);
  EXPECT_EQ(state.next_try(one, 1).stop, RetryStop::retry_after);  // 0 cools
}

TEST_F(ProviderStateTest, RepeatsAreAPartOfTheCalls) {
  ProviderState& state = make(0);
  for (int i = 0; i < 100; ++i) state.count_call(now_);
  int repeated = 0;
  for (int i = 0; i < 100; ++i) {
    repeated += state.next_try(failed(Failure::server_error), 0).stop == RetryStop::none;
  }
  EXPECT_EQ(repeated, 20);
}

TEST_F(ProviderStateTest, LatencyIsSmoothedOverAnswersThatWentWell) {
  ProviderState& state = make(0);
  EXPECT_EQ(state.latencies().of_all(), std::nullopt);
  try_once(Failure::server_error, 0, {}, 1ms);
  EXPECT_EQ(state.latencies().of_all(), std::nullopt);
  try_once(Failure::none, 0, {}, 100ms);
  EXPECT_EQ(state.latencies().of_all(), 100ms);
  try_once(Failure::none, 0, {}, 900ms);
  EXPECT_EQ(state.latencies().of_all(), 200ms);
  // Another model's latency says nothing about this one's.
  EXPECT_EQ(state.facts("m", now_).latency, std::nullopt);
}

TEST_F(ProviderStateTest, AnOpenBreakerShowsInTheFacts) {
  ProviderState& state = make(0);
  EXPECT_FALSE(state.facts("m", now_).open);
  for (int i = 0; i < 5; ++i) try_once(Failure::unreachable, 0);
  EXPECT_TRUE(state.facts("m", now_).open);
  EXPECT_FALSE(state.facts("m", now_ + 60s).open);
}

TEST_F(ProviderStateTest, TheLastErrorIsKeptShort) {
  ProviderState& state = make(0);
  EXPECT_FALSE(state.last_error());
  state.note_error(std::string(1'000, 'x'), WallTime{7s});
  state.note_error("nothing listens there", WallTime{8s});
  EXPECT_EQ(state.last_error()->what, "nothing listens there");
  EXPECT_EQ(state.last_error()->when, WallTime{8s});
  state.note_error(std::string(1'000, 'x'), WallTime{9s});
  EXPECT_EQ(state.last_error()->what.size(), ProviderState::kLongestError);
}

}  // namespace
}  // namespace farebox
