#include "policy/key_cooldown.hpp"

#include <gtest/gtest.h>

#include <random>

namespace farebox {
namespace {

using namespace std::chrono_literals;

const SteadyTime kStart{1h};

TEST(KeyCooldown, KeysTakeTurns) {
  KeyCooldown keys(3);
  for (std::size_t i = 0; i < 9; ++i) EXPECT_EQ(keys.pick(kStart).index, i % 3);
}

TEST(KeyCooldown, ARefusedKeyIsLeftOutForAsLongAsItIsAsked) {
  KeyCooldown keys(3);
  keys.refused(1, 5s, kStart);
  for (const SteadyTime now : {kStart, kStart + 5s - 1ns}) {
    EXPECT_TRUE(keys.cools(1, now));
    for (int i = 0; i < 6; ++i) EXPECT_NE(keys.pick(now).index, 1u);
  }
  bool used = false;
  for (int i = 0; i < 3; ++i) used |= keys.pick(kStart + 5s).index == 1;
  EXPECT_TRUE(used);
}

TEST(KeyCooldown, WhenAllCoolTheFirstToBeReadyIsNamed) {
  KeyCooldown keys(3);
  keys.refused(0, 30s, kStart);
  keys.refused(1, 10s, kStart);
  EXPECT_TRUE(keys.another_ready(0, kStart));
  keys.refused(2, 20s, kStart);
  EXPECT_FALSE(keys.another_ready(0, kStart));
  const KeyCooldown::Pick pick = keys.pick(kStart + 1s);
  EXPECT_FALSE(pick.ready);
  EXPECT_EQ(pick.index, 1u);
  EXPECT_EQ(pick.ready_at, kStart + 10s);
  EXPECT_TRUE(keys.pick(kStart + 10s).ready);
}

TEST(KeyCooldown, WithoutAWordItWaitsLongerEachTime) {
  KeyCooldown keys(1);
  SteadyTime now = kStart;
  for (const std::chrono::seconds wait : {1s, 2s, 4s, 8s, 16s, 32s, 60s, 60s}) {
    keys.refused(0, {}, now);
    keys.refused(0, {}, now);  // one that was under way beside it
    keys.worked(0, now);       // and one that was asked before
    EXPECT_EQ(keys.pick(now).ready_at, now + wait);
    now += wait;
  }
  keys.worked(0, now);
  keys.refused(0, {}, now);
  EXPECT_EQ(keys.pick(now).ready_at, now + 1s);
}

TEST(KeyCooldown, PacesBeforeTheRefusal) {
  KeyCooldown keys(2);
  keys.used_up(0, {.whole = 60s, .next = 1s}, kStart);
  for (int i = 0; i < 4; ++i) EXPECT_EQ(keys.pick(kStart).index, 1u);
  // It could serve a call by now, but the other is whole.
  for (int i = 0; i < 4; ++i) EXPECT_EQ(keys.pick(kStart + 2s).index, 1u);
  keys.refused(1, 30s, kStart + 2s);
  const KeyCooldown::Pick spared = keys.pick(kStart + 3s);
  EXPECT_EQ(spared.index, 0u);
  EXPECT_TRUE(spared.ready);
  EXPECT_EQ(keys.pick(kStart + 33s).index, 1u);
  EXPECT_NE(keys.pick(kStart + 60s).index, keys.pick(kStart + 60s).index);
}

TEST(KeyCooldown, NothingIsBelievedForLong) {
  KeyCooldown keys(1);
  keys.refused(0, 24h, kStart);
  keys.used_up(0, {.whole = 24h, .next = 24h}, kStart);
  EXPECT_EQ(keys.pick(kStart).ready_at, kStart + KeyCooldown::kLongest);
  EXPECT_TRUE(keys.pick(kStart + KeyCooldown::kLongest).ready);
}

TEST(KeyCooldown, AShorterWordDoesNotShortenALongerOne) {
  KeyCooldown keys(1);
  keys.refused(0, 30s, kStart);
  keys.refused(0, 1s, kStart);
  EXPECT_EQ(keys.pick(kStart).ready_at, kStart + 30s);
}

// A key that is ready is never passed over for one that isn't, and all have their turn.
TEST(KeyCooldown, NeverPicksACoolingKeyWhileAnotherIsReady) {
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    std::mt19937_64 random(seed);
    const std::size_t count = 1 + random() % 6;
    KeyCooldown keys(count);
    SteadyTime now = kStart;
    for (int step = 0; step < 1'000; ++step) {
      now += std::chrono::milliseconds(random() % 500);
      const KeyCooldown::Pick pick = keys.pick(now);
      ASSERT_LT(pick.index, count);
      ASSERT_EQ(pick.ready, !keys.cools(pick.index, now));
      if (!pick.ready) {
        for (std::size_t i = 0; i < count; ++i) {
          ASSERT_TRUE(keys.cools(i, now));
          ASSERT_GE(keys.cools_until(i), pick.ready_at);
        }
      }
      switch (random() % 5) {
        case 0: keys.refused(pick.index, std::chrono::milliseconds(random() % 9'000), now); break;
        case 1: keys.refused(pick.index, {}, now); break;
        case 2: keys.used_up(pick.index, {.whole = 8s, .next = 1s}, now); break;
        default: keys.worked(pick.index, now);
      }
    }
  }
}

}  // namespace
}  // namespace farebox
