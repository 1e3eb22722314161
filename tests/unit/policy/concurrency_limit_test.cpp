#include "policy/concurrency_limit.hpp"

#include <gtest/gtest.h>

#include <queue>
#include <random>
#include <vector>

namespace farebox {
namespace {

using namespace std::chrono_literals;
using std::chrono::nanoseconds;
using Went = ConcurrencyLimit::Went;

const SteadyTime kStart{1h};

// A provider that works on `capacity` calls at once; those beyond wait, or are refused at
// once where it refuses. There are always more callers than the limit lets through.
class Provider {
 public:
  Provider(Adaptive kind, std::uint32_t capacity, bool refuses, std::uint64_t seed)
      : limit_(kind, {.least = 2, .most = 1'000}),
        capacity_(capacity),
        refuses_(refuses),
        random_(seed) {}

  void set_capacity(std::uint32_t capacity) { capacity_ = capacity; }
  void set_service(nanoseconds service) { service_ = service; }

  // Runs for a while; the mean limit of its second half.
  double run(nanoseconds span) {
    const SteadyTime begin = now_;
    const SteadyTime end = now_ + span;
    double sum = 0;
    std::uint64_t counted = 0;
    while (now_ < end) {
      send();
      if (ends_.empty()) {
        now_ += 1ms;
        continue;
      }
      const Ending next = ends_.top();
      ends_.pop();
      now_ = next.at;
      const auto in_flight = static_cast<std::uint32_t>(ends_.size() + waiting_.size() + 1);
      if (!next.refused) {
        --working_;
        begin_waiting();
      }
      limit_.add({next.began, now_, in_flight, next.refused ? Went::refused : Went::well});
      if (now_ - begin > span / 2) {
        sum += limit_.limit();
        ++counted;
      }
    }
    return sum / static_cast<double>(counted);
  }

  std::uint64_t refusals = 0, calls = 0;

 private:
  struct Ending {
    SteadyTime at, began;
    bool refused;
    bool operator<(const Ending& other) const { return at > other.at; }
  };

  void send() {
    while (ends_.size() + waiting_.size() < limit_.limit()) {
      ++calls;
      if (refuses_ && working_ >= capacity_) {
        ++refusals;
        ends_.push({now_ + 2ms, now_, true});
        continue;
      }
      waiting_.push(now_);
      begin_waiting();
    }
  }
  void begin_waiting() {
    while (!waiting_.empty() && working_ < capacity_) {
      // Three quarters to five quarters of the mean.
      const auto mean = static_cast<std::uint64_t>(service_.count());
      const nanoseconds takes(static_cast<std::int64_t>(mean * 3 / 4 + random_() % (mean / 2)));
      ends_.push({now_ + takes, waiting_.front(), false});
      waiting_.pop();
      ++working_;
    }
  }

  ConcurrencyLimit limit_;
  std::uint32_t capacity_;
  bool refuses_;
  nanoseconds service_{100ms};
  std::mt19937_64 random_;
  SteadyTime now_ = kStart;
  std::priority_queue<Ending> ends_;
  std::queue<SteadyTime> waiting_;
  std::uint32_t working_ = 0;
};

TEST(ConcurrencyLimit, FixedStaysAsItIs) {
  ConcurrencyLimit limit(Adaptive::off, {.least = 4, .most = 256});
  EXPECT_EQ(limit.limit(), 256u);
  for (int i = 0; i < 1'000; ++i) limit.add({kStart, kStart + 1s, 256, Went::refused});
  EXPECT_EQ(limit.limit(), 256u);
}

TEST(ConcurrencyLimit, BeginsWithinItsBounds) {
  struct Row {
    ConcurrencyLimit::Bounds bounds;
    std::uint32_t limit;
  };
  const Row rows[] = {{{4, 256}, 20}, {{40, 256}, 40}, {{4, 10}, 10}, {{0, 1}, 1},
                      {{9, 3}, 3},    {{0, 0}, 1},     {{1, 1'000'000}, 20}};
  for (const Adaptive kind : {Adaptive::aimd, Adaptive::gradient}) {
    for (const Row& row : rows) {
      EXPECT_EQ(ConcurrencyLimit(kind, row.bounds).limit(), row.limit);
    }
  }
}

TEST(ConcurrencyLimit, NeverLeavesItsBounds) {
  for (const Adaptive kind : {Adaptive::aimd, Adaptive::gradient}) {
    for (std::uint64_t seed = 0; seed < 20; ++seed) {
      std::mt19937_64 random(seed);
      const auto least = 1 + static_cast<std::uint32_t>(random() % 20);
      const auto most = least + static_cast<std::uint32_t>(random() % 100);
      ConcurrencyLimit limit(kind, {least, most});
      SteadyTime now = kStart;
      for (int i = 0; i < 20'000; ++i) {
        now += nanoseconds(random() % 10'000'000);
        const std::uint64_t longest = i % 100 == 0 ? 1ull << 60 : 1ull << 30;
        const SteadyTime began = now - nanoseconds(random() % longest);
        limit.add({began, now, static_cast<std::uint32_t>(random() % (most + 1)),
                   static_cast<Went>(random() % 40 == 0 ? 1 : 0)});
        ASSERT_GE(limit.limit(), least);
        ASSERT_LE(limit.limit(), most);
      }
    }
  }
}

TEST(ConcurrencyLimit, CallsThatWereUnderWayTogetherCountAsOneRefusal) {
  for (const Adaptive kind : {Adaptive::aimd, Adaptive::gradient}) {
    ConcurrencyLimit limit(kind, {.least = 1, .most = 1'000});
    for (int i = 0; i < 20; ++i) limit.add({kStart, kStart + 1s, 20, Went::refused});
    EXPECT_EQ(limit.limit(), 18u);
    limit.add({kStart + 1s, kStart + 2s, 18, Went::refused});
    EXPECT_EQ(limit.limit(), 16u);
    limit.add({kStart + 3s, kStart + 4s, 18, Went::unknown});
    EXPECT_EQ(limit.limit(), 16u);
  }
}

TEST(ConcurrencyLimit, AnIdleProviderTeachesNothing) {
  for (const Adaptive kind : {Adaptive::aimd, Adaptive::gradient}) {
    ConcurrencyLimit limit(kind, {.least = 1, .most = 1'000});
    for (int i = 0; i < 10'000; ++i) {
      limit.add({kStart + i * 1s, kStart + i * 1s + 500ms, 2, Went::well});
    }
    EXPECT_EQ(limit.limit(), 20u);
  }
}

TEST(ConcurrencyLimit, AimdFindsWhereAProviderRefuses) {
  for (const std::uint32_t capacity : {5u, 10u, 40u, 100u, 300u}) {
    Provider provider(Adaptive::aimd, capacity, true, capacity);
    provider.run(300s);
    provider.calls = provider.refusals = 0;
    const double found = provider.run(120s);
    EXPECT_NEAR(found, capacity, capacity * 0.2) << capacity;
    EXPECT_LT(static_cast<double>(provider.refusals), 0.05 * static_cast<double>(provider.calls))
        << capacity;
  }
}

TEST(ConcurrencyLimit, GradientFindsWhereAProviderBeginsToQueue) {
  for (const std::uint32_t capacity : {5u, 10u, 40u, 100u, 300u}) {
    Provider provider(Adaptive::gradient, capacity, false, capacity);
    provider.run(120s);
    EXPECT_NEAR(provider.run(120s), capacity, capacity * 0.2) << capacity;
  }
}

TEST(ConcurrencyLimit, FollowsAProviderThatShrinksAndGrows) {
  for (const bool refuses : {true, false}) {
    const Adaptive kind = refuses ? Adaptive::aimd : Adaptive::gradient;
    Provider provider(kind, 80, refuses, 1);
    EXPECT_NEAR(provider.run(400s), 80, 16) << refuses;
    provider.set_capacity(20);
    EXPECT_NEAR(provider.run(400s), 20, 5) << refuses;
    provider.set_capacity(80);
    EXPECT_NEAR(provider.run(400s), 80, 16) << refuses;
  }
}

TEST(ConcurrencyLimit, GradientRecoversAfterASlowPhase) {
  Provider provider(Adaptive::gradient, 60, false, 2);
  EXPECT_NEAR(provider.run(120s), 60, 12);
  provider.set_service(1s);
  provider.run(120s);
  provider.set_service(100ms);
  provider.run(60s);
  EXPECT_NEAR(provider.run(120s), 60, 12);
}

}  // namespace
}  // namespace farebox
