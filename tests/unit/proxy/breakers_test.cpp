#include "proxy/breakers.hpp"

#include <gtest/gtest.h>

#include <random>
#include <thread>

namespace farebox {
namespace {

using namespace std::chrono_literals;
using State = CircuitBreaker::State;

const SteadyTime kStart{1h};

bool call(Breakers& breakers, std::string_view model, Failure failure, SteadyTime now = kStart) {
  BreakerPass pass = breakers.admit(model, now);
  if (pass.allowed()) pass.report(failure, now);
  return pass.allowed();
}

BreakerSettings per_model() {
  BreakerSettings settings;
  settings.per_model = true;
  return settings;
}

TEST(Breakers, RefuseWhenOpenAndSayWhen) {
  Breakers breakers{BreakerSettings{}};
  for (int i = 0; i < 5; ++i) EXPECT_TRUE(call(breakers, "m", Failure::server_error));
  EXPECT_EQ(breakers.sight().state, State::open);
  const BreakerPass refused = breakers.admit("m", kStart);
  EXPECT_FALSE(refused.allowed());
  EXPECT_EQ(refused.retry_at(), kStart + 60s);
  EXPECT_TRUE(breakers.refuses("m", kStart));
  EXPECT_FALSE(breakers.refuses("m", kStart + 60s));
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(call(breakers, "m", Failure::none, kStart + 60s));
  EXPECT_EQ(breakers.sight().state, State::closed);
  EXPECT_EQ(breakers.sight().times_opened, 1u);
}

TEST(Breakers, ADroppedPassGivesTheProbesPlaceBack) {
  Breakers breakers{BreakerSettings{}};
  for (int i = 0; i < 5; ++i) call(breakers, "m", Failure::reset);
  for (int i = 0; i < 20; ++i) {
    const BreakerPass pass = breakers.admit("m", kStart + 60s);
    EXPECT_TRUE(pass.allowed());
  }
  BreakerPass moved;
  {
    BreakerPass first = breakers.admit("m", kStart + 60s);
    moved = std::move(first);
  }
  const BreakerPass second = breakers.admit("m", kStart + 60s);
  const BreakerPass third = breakers.admit("m", kStart + 60s);
  EXPECT_FALSE(breakers.admit("m", kStart + 60s).allowed());
  moved = BreakerPass();
  EXPECT_TRUE(breakers.admit("m", kStart + 60s).allowed());
}

TEST(Breakers, AModelThatFailsLeavesTheOthersAlone) {
  Breakers breakers(per_model());
  for (int i = 0; i < 5; ++i) EXPECT_TRUE(call(breakers, "bad", Failure::server_error));
  EXPECT_FALSE(call(breakers, "bad", Failure::none));
  EXPECT_TRUE(call(breakers, "good", Failure::none));
  EXPECT_TRUE(breakers.refuses("bad", kStart));
  EXPECT_FALSE(breakers.refuses("good", kStart));
  EXPECT_EQ(breakers.sight().state, State::closed);
  const auto models = breakers.models();
  ASSERT_EQ(models.size(), 1u);
  EXPECT_EQ(models[0].model, "bad");
  EXPECT_EQ(models[0].breaker.state, State::open);
}

TEST(Breakers, WhoeverCantBeReachedIsTheProvidersTrouble) {
  Breakers breakers(per_model());
  for (const char* const model : {"a", "b", "c", "d", "e"}) {
    EXPECT_TRUE(call(breakers, model, Failure::unreachable));
  }
  EXPECT_EQ(breakers.sight().state, State::open);
  EXPECT_FALSE(call(breakers, "f", Failure::none));
  EXPECT_TRUE(breakers.models().empty());
}

TEST(Breakers, AProbeThatItsModelRefusesIsGivenBack) {
  BreakerSettings settings = per_model();
  settings.half_open_requests = 1;
  Breakers breakers(settings);
  for (int i = 0; i < 5; ++i) call(breakers, "bad", Failure::server_error, kStart + 59s);
  for (int i = 0; i < 5; ++i) call(breakers, "x", Failure::unreachable);
  EXPECT_FALSE(call(breakers, "bad", Failure::none, kStart + 60s));
  EXPECT_TRUE(call(breakers, "good", Failure::none, kStart + 60s));
  EXPECT_EQ(breakers.sight().state, State::closed);
}

TEST(Breakers, TooManyModelsShareTheProviders) {
  Breakers breakers(per_model());
  for (std::size_t i = 0; i < Breakers::kMostModels; ++i) {
    call(breakers, "m" + std::to_string(i), Failure::server_error);
  }
  for (int i = 0; i < 5; ++i) call(breakers, "one-more", Failure::server_error);
  EXPECT_EQ(breakers.sight().state, State::open);
}

// 256 made-up names took all the places there are.
TEST(Breakers, NamesThatNeverFailTakeNoPlace) {
  Breakers breakers(per_model());
  for (std::size_t i = 0; i < 2 * Breakers::kMostModels; ++i) {
    call(breakers, "m" + std::to_string(i), i % 2 == 0 ? Failure::client_error : Failure::none);
  }
  for (int i = 0; i < 5; ++i) call(breakers, "bad", Failure::server_error);
  EXPECT_FALSE(call(breakers, "bad", Failure::none));
  EXPECT_EQ(breakers.sight().state, State::closed);
}

TEST(Breakers, SwitchedOffTheyAllowAll) {
  BreakerSettings settings = per_model();
  settings.enabled = false;
  Breakers breakers(settings);
  for (int i = 0; i < 100; ++i) EXPECT_TRUE(call(breakers, "m", Failure::unreachable));
}

// Threads that fail, succeed and go: probes stay within their number, and it heals.
TEST(BreakersThreads, AgreeWhateverComes) {
  BreakerSettings settings = per_model();
  settings.reset_timeout = Milliseconds(1);
  settings.max_reset_timeout = Milliseconds(2);
  Breakers breakers(settings);
  std::vector<std::thread> threads;
  for (std::uint64_t t = 0; t < 4; ++t) {
    threads.emplace_back([&breakers, t] {
      std::mt19937_64 random(t);
      for (int i = 0; i < 20'000; ++i) {
        const SteadyTime now = std::chrono::steady_clock::now();
        const std::string model = "m" + std::to_string(random() % 3);
        BreakerPass pass = breakers.admit(model, now);
        (void)breakers.refuses(model, now);
        if (!pass.allowed() || random() % 10 == 0) continue;
        constexpr Failure kOutcomes[] = {Failure::none, Failure::server_error, Failure::unreachable};
        pass.report(kOutcomes[random() % 3], now);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  const SteadyTime later = std::chrono::steady_clock::now() + 1s;
  for (int i = 0; i < 10; ++i) {
    for (const char* const model : {"m0", "m1", "m2"}) call(breakers, model, Failure::none, later);
  }
  EXPECT_EQ(breakers.sight().state, State::closed);
  for (const auto& model : breakers.models()) EXPECT_EQ(model.breaker.state, State::closed);
}

}  // namespace
}  // namespace farebox
