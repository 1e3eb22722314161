#include "policy/model_pace.hpp"

#include <gtest/gtest.h>

namespace farebox {
namespace {

using namespace std::chrono_literals;

const SteadyTime kStart{1h};
constexpr ProviderLimits::UsedUp kSixtyAMinute{60s, 1s};

TEST(ModelPace, WhoIsNotUsedUpGoesAtOnce) {
  ModelPace pace;
  const auto turn = pace.take("m", kStart, kStart + 1h);
  EXPECT_TRUE(turn.taken);
  EXPECT_EQ(turn.at, kStart);
  EXPECT_FALSE(pace.rests("m", kStart));
}

TEST(ModelPace, CallsTakeTurnsAsTheProviderRefills) {
  ModelPace pace;
  pace.used_up("m", kSixtyAMinute, kStart);
  EXPECT_TRUE(pace.rests("m", kStart));
  EXPECT_FALSE(pace.rests("another", kStart));
  for (int i = 1; i <= 9; ++i) {
    const auto turn = pace.take("m", kStart, kStart + 10s);
    EXPECT_TRUE(turn.taken);
    EXPECT_EQ(turn.at, kStart + i * 1s);
  }
  // The tenth would come too late: it says when, and takes nobody's turn.
  for (int i = 0; i < 3; ++i) {
    const auto late = pace.take("m", kStart, kStart + 10s);
    EXPECT_FALSE(late.taken);
    EXPECT_EQ(late.at, kStart + 10s);
  }
  EXPECT_EQ(pace.take("another", kStart, kStart).at, kStart);
}

// Calls that were opened and closed again took the turns of all who came behind them.
TEST(ModelPace, ATurnThatNobodyUsesGoesToTheNext) {
  ModelPace pace;
  pace.used_up("m", kSixtyAMinute, kStart);
  const auto take = [&](SteadyTime now) { return pace.take("m", now, kStart + 10s).at - kStart; };
  for (int i = 1; i <= 4; ++i) EXPECT_EQ(take(kStart), i * 1s);
  pace.give_back("m", kStart + 2s);
  EXPECT_EQ(take(kStart), 2s);
  EXPECT_EQ(take(kStart), 5s);
  // The last ones, in any order, are as if they had never been taken.
  pace.give_back("m", kStart + 4s);
  pace.give_back("m", kStart + 5s);
  pace.give_back("m", kStart + 3s);
  EXPECT_EQ(take(kStart), 3s);
  EXPECT_EQ(take(kStart), 4s);
  // Of those whose time has passed, one.
  pace.give_back("m", kStart + 1s);
  pace.give_back("m", kStart + 2s);
  pace.give_back("m", kStart + 3s);
  EXPECT_FALSE(pace.rests("m", kStart + 3500ms));
  EXPECT_EQ(take(kStart + 3500ms), 3500ms);
  EXPECT_TRUE(pace.rests("m", kStart + 3500ms));
  EXPECT_EQ(take(kStart + 3500ms), 5s);
  pace.give_back("another", kStart);
}

TEST(ModelPace, AnAnswerThatSaysSomethingIsLeftEndsIt) {
  ModelPace pace;
  pace.used_up("m", kSixtyAMinute, kStart);
  pace.refilled("m", kStart - 1s);  // to what was asked before
  EXPECT_TRUE(pace.rests("m", kStart));
  pace.refilled("m", kStart + 1s);
  EXPECT_FALSE(pace.rests("m", kStart));
}

TEST(ModelPace, NothingIsBelievedForLong) {
  ModelPace pace;
  pace.used_up("m", {24h, 24h}, kStart);
  EXPECT_EQ(pace.take("m", kStart, kStart + 1h).at, kStart + ModelPace::kLongest);
  EXPECT_FALSE(pace.rests("m", kStart + 2 * ModelPace::kLongest));
  const SteadyTime later = kStart + 3 * ModelPace::kLongest;
  EXPECT_EQ(pace.take("m", later, later + 1s).at, later);
  EXPECT_TRUE(pace.empty());
}

TEST(ModelPace, KeepsSoManyModelsAndNoMore) {
  ModelPace pace;
  for (int i = 0; i < 100'000; ++i) pace.used_up("m" + std::to_string(i), kSixtyAMinute, kStart);
  EXPECT_FALSE(pace.rests("m99999", kStart));
  EXPECT_TRUE(pace.rests("m0", kStart));
  pace.used_up("new", kSixtyAMinute, kStart + 61s);  // the others are whole again
  EXPECT_TRUE(pace.rests("new", kStart + 61s));
}

}  // namespace
}  // namespace farebox
