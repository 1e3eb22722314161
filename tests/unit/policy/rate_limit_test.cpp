#include "policy/rate_limit.hpp"

#include <gtest/gtest.h>

#include <map>
#include <random>

namespace farebox {
namespace {

using namespace std::chrono_literals;
using Verdict = LimitAnswer::Verdict;

const SteadyTime kStart{1h};

Scope scope(const ScopeSettings& said) {
  const auto made = Scope::make(said);
  EXPECT_TRUE(made) << made.error().context;
  return made ? *made : Scope();
}

LimitRule rule(std::string name, const ScopeSettings& said, std::vector<Rate> rates,
               std::uint64_t parallel = 0) {
  return {std::move(name), scope(said), std::move(rates), parallel};
}

ScopeValues of_key(std::string_view key, std::string_view project = "") {
  ScopeValues values;
  values.key = key;
  values.project = project;
  return values;
}

class RateLimit : public ::testing::Test {
 protected:
  LimitAnswer ask(const ScopeValues& values, SteadyTime now, RateUse use = {}) {
    LimitHold hold;
    const LimitAnswer answer = book_.admit(values, use, now, hold);
    if (answer.verdict == Verdict::admitted) book_.finish(hold, use, now);
    return answer;
  }
  bool passes(const ScopeValues& values, SteadyTime now, RateUse use = {}) {
    return ask(values, now, use).verdict == Verdict::admitted;
  }

  RateBook book_{17, 1'000};
};

TEST_F(RateLimit, AsManyAtOnceAsTheLimitAndThenSteadily) {
  book_.add(rule("l", {}, {{RateKind::requests, 60, 60s}}));
  for (int i = 0; i < 60; ++i) ASSERT_TRUE(passes({}, kStart)) << i;
  const LimitAnswer refused = ask({}, kStart);
  EXPECT_EQ(refused.verdict, Verdict::rate);
  EXPECT_EQ(refused.retry_after, 1s);
  EXPECT_FALSE(passes({}, kStart + 1s - 1ns));
  EXPECT_TRUE(passes({}, kStart + 1s));
  EXPECT_FALSE(passes({}, kStart + 1s));
  EXPECT_TRUE(passes({}, kStart + 2s));
}

TEST_F(RateLimit, EachValueOfAStarHasItsOwn) {
  book_.add(rule("l", {{"key", "*"}}, {{RateKind::requests, 1, 60s}}));
  EXPECT_TRUE(passes(of_key("a"), kStart));
  EXPECT_FALSE(passes(of_key("a"), kStart));
  EXPECT_TRUE(passes(of_key("b"), kStart));
  for (int i = 0; i < 5; ++i) EXPECT_TRUE(passes({}, kStart)) << "without a key it is no key's";
}

TEST_F(RateLimit, TokensAreReservedAndTruedUp) {
  book_.add(rule("l", {}, {{RateKind::tokens, 1'000, 60s}}));
  LimitHold hold;
  ASSERT_EQ(book_.admit({}, {100, 900}, kStart, hold).verdict, Verdict::admitted);
  EXPECT_FALSE(passes({}, kStart, {1, 0})) << "all of it is reserved";
  book_.finish(hold, {100, 300}, kStart);
  EXPECT_EQ(ask({}, kStart, {0, 0}).tokens->remaining, 600u);

  // More than was reserved is owed.
  ASSERT_EQ(book_.admit({}, {100, 100}, kStart, hold).verdict, Verdict::admitted);
  book_.finish(hold, {100, 1'100}, kStart);
  const LimitAnswer refused = ask({}, kStart, {1, 0});
  EXPECT_EQ(refused.tokens->remaining, 0u);
  EXPECT_EQ(refused.retry_after, 36s + 60ms) << "601 of 1,000 a minute";
}

TEST_F(RateLimit, ACallAboveTheWholeLimitWaitsForAFullBucket) {
  book_.add(rule("l", {}, {{RateKind::tokens, 1'000, 60s}}));
  EXPECT_TRUE(passes({}, kStart, {5'000, 0}));
  const LimitAnswer refused = ask({}, kStart, {5'000, 0});
  EXPECT_EQ(refused.verdict, Verdict::rate);
  EXPECT_EQ(refused.retry_after, 300s) << "what it really took is owed";
  EXPECT_TRUE(passes({}, kStart + 300s, {5'000, 0}));
}

TEST_F(RateLimit, InputAndOutputMayBeLimitedApart) {
  book_.add(rule("l", {}, {{RateKind::input_tokens, 100, 1s}, {RateKind::output_tokens, 10, 1s}}));
  EXPECT_TRUE(passes({}, kStart, {50, 5}));
  EXPECT_FALSE(passes({}, kStart, {50, 6}));
  EXPECT_FALSE(passes({}, kStart, {51, 5}));
  EXPECT_TRUE(passes({}, kStart, {50, 5}));
}

TEST_F(RateLimit, ParallelCallsComeBackByThemselves) {
  book_.add(rule("l", {}, {}, 2));
  LimitHold holds[3];
  EXPECT_EQ(book_.admit({}, {}, kStart, holds[0]).verdict, Verdict::admitted);
  EXPECT_EQ(book_.admit({}, {}, kStart, holds[1]).verdict, Verdict::admitted);
  EXPECT_EQ(book_.admit({}, {}, kStart, holds[2]).verdict, Verdict::parallel);
  EXPECT_TRUE(holds[2].empty());
  book_.finish(holds[2], {}, kStart);  // nothing to give back
  book_.finish(holds[0], {}, kStart);
  book_.finish(holds[0], {}, kStart);  // only once
  EXPECT_EQ(book_.admit({}, {}, kStart, holds[2]).verdict, Verdict::admitted);
  EXPECT_EQ(book_.admit({}, {}, kStart, holds[0]).verdict, Verdict::parallel);
}

TEST_F(RateLimit, ARefusalLeavesEveryOtherLimitAsItWas) {
  book_.add(rule("wide", {{"project", "p"}}, {{RateKind::requests, 100, 60s}, {RateKind::tokens, 1'000, 60s}}, 5));
  book_.add(rule("narrow", {{"key", "*"}}, {{RateKind::requests, 1, 60s}}));
  EXPECT_TRUE(passes(of_key("a", "p"), kStart, {10, 0}));
  for (int i = 0; i < 50; ++i) {
    const LimitAnswer refused = ask(of_key("a", "p"), kStart, {10, 0});
    ASSERT_EQ(refused.verdict, Verdict::rate);
    ASSERT_EQ(refused.by->name, "narrow");
  }
  const LimitAnswer answer = ask(of_key("b", "p"), kStart, {10, 0});
  EXPECT_EQ(answer.verdict, Verdict::admitted);
  EXPECT_EQ(answer.tokens->remaining, 980u);
  for (int i = 0; i < 5; ++i) EXPECT_TRUE(passes(of_key("c" + std::to_string(i), "p"), kStart));
}

TEST_F(RateLimit, TheLongestWaitIsTold) {
  book_.add(rule("minute", {}, {{RateKind::requests, 1, 60s}}));
  book_.add(rule("day", {{"key", "*"}}, {{RateKind::requests, 1, 86'400s}}));
  EXPECT_TRUE(passes(of_key("a"), kStart));
  const LimitAnswer refused = ask(of_key("a"), kStart);
  EXPECT_EQ(refused.by->name, "day");
  EXPECT_EQ(refused.retry_after, 24h);
}

TEST_F(RateLimit, TheTightestIsShown) {
  book_.add(rule("wide", {}, {{RateKind::requests, 1'000, 60s}}));
  book_.add(rule("narrow", {{"key", "*"}}, {{RateKind::requests, 10, 60s}}));
  const LimitAnswer answer = ask(of_key("a"), kStart);
  EXPECT_EQ(answer.requests->limit, 10u);
  EXPECT_EQ(answer.requests->remaining, 9u);
  EXPECT_EQ(answer.requests->reset, 6s);
  EXPECT_FALSE(answer.tokens.has_value());
}

// Names that anybody can invent don't cost memory without end, and what is in use stays.
TEST_F(RateLimit, ValuesAreBounded) {
  book_.add(rule("l", {{"user", "*"}}, {{RateKind::requests, 1, 60s}}));
  ScopeValues values;
  for (int i = 0; i < 1'000; ++i) {
    const std::string name = "user-" + std::to_string(i);
    values.user = name;
    ASSERT_TRUE(passes(values, kStart));
  }
  values.user = "one more";
  EXPECT_EQ(ask(values, kStart).verdict, Verdict::too_many_values);
  EXPECT_EQ(book_.counters(), 1'000u);
  values.user = "user-7";
  EXPECT_FALSE(passes(values, kStart)) << "the others keep their counters";
  values.user = "one more";
  EXPECT_TRUE(passes(values, kStart + 2min) || passes(values, kStart + 3min) || [&] {
    for (int i = 0; i < 1'024; ++i) {
      if (passes(values, kStart + 3min)) return true;
    }
    return false;
  }()) << "idle ones make room";
  EXPECT_LT(book_.counters(), 1'000u);
}

// Sweeping for the second counter of a call must not take the first one away.
TEST_F(RateLimit, ACallsOwnCountersAreNotSwept) {
  RateBook book(3, 2);
  book.add(rule("a", {{"user", "*"}}, {{RateKind::requests, 10, 60s}}));
  book.add(rule("b", {{"key", "*"}}, {{RateKind::requests, 10, 60s}}));
  ScopeValues values;
  values.user = "u";
  LimitHold hold;
  for (int i = 0; i < 5'000; ++i) {
    const std::string user = "user" + std::to_string(i);
    const std::string key = "key" + std::to_string(i);
    values.user = user;
    values.key = key;
    const SteadyTime now = kStart + std::chrono::minutes(2 * i);
    if (book.admit(values, {}, now, hold).verdict == Verdict::admitted) book.finish(hold, {}, now);
  }
  EXPECT_LE(book.counters(), 2u);
}

// Against a model with plain numbers: any order of calls, several limits, any clock.
TEST_F(RateLimit, NeverMoreThanItSaysAndNeverLess) {
  std::mt19937_64 random(2026);
  for (int round = 0; round < 200; ++round) {
    RateBook book(random(), 100);
    const std::uint64_t amount = 1 + random() % 50;
    const std::chrono::seconds span(1 + random() % 100);
    book.add(rule("l", {}, {{RateKind::tokens, amount, span}}));
    const auto drain = static_cast<__int128>(amount);
    const auto each = static_cast<__int128>(std::chrono::nanoseconds(span).count());
    __int128 debt = 0;
    SteadyTime now = kStart;
    for (int step = 0; step < 300; ++step) {
      const auto pause = std::chrono::nanoseconds(random() % (2 * static_cast<std::uint64_t>(each) / amount));
      now += pause;
      debt = std::max<__int128>(0, debt - drain * pause.count());
      const Tokens wanted = random() % (amount + 5);
      const Tokens reserved = std::min<Tokens>(wanted, amount);
      LimitHold hold;
      const LimitAnswer answer = book.admit({}, {wanted, 0}, now, hold);
      const bool fits = debt + each * reserved <= drain * each;
      ASSERT_EQ(answer.verdict == Verdict::admitted, fits);
      if (!fits) {
        // It fits after the wait it was told, and not a nanosecond before.
        LimitHold later;
        now += answer.retry_after - 1ns;
        ASSERT_NE(book.admit({}, {wanted, 0}, now, later).verdict, Verdict::admitted);
        now += 1ns;
        ASSERT_EQ(book.admit({}, {wanted, 0}, now, later).verdict, Verdict::admitted);
        book.finish(later, {0, 0}, now);
        debt = std::max<__int128>(0, debt - drain * answer.retry_after.count());
        continue;
      }
      const Tokens used = random() % 3 == 0 ? wanted : random() % (2 * amount);
      book.finish(hold, {0, used}, now);
      debt = std::max<__int128>(0, debt + each * used);
      ASSERT_EQ(book.admit({}, {}, now, hold).tokens->remaining,
                static_cast<std::uint64_t>(std::max<__int128>(0, drain * each - debt) / each));
      book.finish(hold, {}, now);
    }
  }
}

TEST_F(RateLimit, NumbersBeyondAllMeasureDoNotWrap) {
  book_.add(rule("l", {}, {{RateKind::tokens, ~std::uint64_t{0}, 86'400s}}));
  const Tokens most = ~Tokens{0};
  EXPECT_TRUE(passes({}, kStart, {most, most}));
  EXPECT_FALSE(passes({}, kStart, {most, 0}));
  EXPECT_TRUE(passes({}, kStart + 24h, {most, 0}));
}

TEST(Scope, SaysWhatIsWrong) {
  EXPECT_NE(Scope::make({{"team", "x"}}).error().context.find("tag.<name>"), std::string::npos);
  EXPECT_NE(Scope::make({{"user", ""}}).error().context.find("empty"), std::string::npos);
  EXPECT_FALSE(Scope::make({{"tag.", "x"}}));
}

TEST(Scope, AllPartsMustMatch) {
  const std::map<std::string, std::string> tags = {{"team", "a"}};
  ScopeValues values;
  values.org = "acme";
  values.model = "gpt-4.1";
  values.tags = &tags;
  EXPECT_TRUE(scope({}).matches(values));
  EXPECT_TRUE(scope({{"org", "acme"}, {"tag.team", "a"}}).matches(values));
  EXPECT_TRUE(scope({{"org", "*"}, {"model", "gpt-4.1"}}).matches(values));
  EXPECT_FALSE(scope({{"org", "acme"}, {"tag.team", "b"}}).matches(values));
  EXPECT_FALSE(scope({{"org", "acme"}, {"user", "*"}}).matches(values)) << "it has no user";
  EXPECT_FALSE(scope({{"tag.other", "*"}}).matches(values));
}

}  // namespace
}  // namespace farebox
