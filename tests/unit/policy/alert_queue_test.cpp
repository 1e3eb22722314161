#include "policy/alert_queue.hpp"

#include <gtest/gtest.h>

namespace farebox {
namespace {

using namespace std::chrono_literals;
using After = AlertQueue::After;
using Result = AlertQueue::Result;

const WallTime kNow = std::chrono::sys_days(std::chrono::year(2026) / 11 / 21);
constexpr std::uint32_t kMiddle = 500;

AlertDelivery one(std::string alert, std::string channel = "ops", WallTime since = kNow) {
  return {std::move(alert), std::move(channel), 0, since, since};
}

TEST(AlertQueue, GivesThemInTheirOrder) {
  AlertQueue queue;
  for (const char* const alert : {"a", "b", "c"}) queue.add(one(alert));
  for (const char* const alert : {"a", "b", "c"}) {
    auto delivery = queue.take(kNow);
    ASSERT_TRUE(delivery);
    EXPECT_EQ(delivery->alert, alert);
    queue.done(*delivery, Result::delivered, kNow, kMiddle);
  }
  EXPECT_FALSE(queue.take(kNow));
  EXPECT_FALSE(queue.next());
}

TEST(AlertQueue, PausesDoubleUpToAQuarterOfAnHourAndADayIsTheEnd) {
  AlertQueue queue;
  queue.add(one("a"));
  WallTime now = kNow;
  std::vector<std::int64_t> pauses;
  while (true) {
    auto delivery = queue.take(now);
    ASSERT_TRUE(delivery);
    if (queue.done(*delivery, Result::failed, now, kMiddle) == After::undeliverable) break;
    EXPECT_FALSE(queue.take(*queue.next() - 1us));
    pauses.push_back(std::chrono::duration_cast<std::chrono::seconds>(*queue.next() - now).count());
    now = *queue.next();
  }
  EXPECT_EQ((std::vector<std::int64_t>(pauses.begin(), pauses.begin() + 12)),
            (std::vector<std::int64_t>{1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900}));
  EXPECT_GE(now - kNow, AlertQueue::kGiveUp);
  EXPECT_LE(now - kNow, AlertQueue::kGiveUp + 15min);
  EXPECT_EQ(queue.size(), 0u);
}

TEST(AlertQueue, ChanceSpreadsThemByAQuarter) {
  for (const auto& [chance, least, most] :
       {std::tuple(0u, 750ms, 750ms), std::tuple(999u, 1249ms, 1250ms), std::tuple(5'000u, 1249ms, 1250ms)}) {
    AlertQueue queue;
    queue.add(one("a"));
    auto delivery = queue.take(kNow);
    queue.done(*delivery, Result::failed, kNow, chance);
    EXPECT_GE(*queue.next() - kNow, least);
    EXPECT_LE(*queue.next() - kNow, most);
  }
}

TEST(AlertQueue, AChannelThatIsDownCostsOneAttemptAndDelaysNoOther) {
  AlertQueue queue;
  for (const char* const alert : {"a", "b", "c"}) queue.add(one(alert, "down"));
  queue.add(one("a", "up"));
  auto first = queue.take(kNow);
  EXPECT_EQ(first->channel, "down");
  EXPECT_EQ(queue.done(*first, Result::failed, kNow, kMiddle), After::waiting);
  auto other = queue.take(kNow);
  EXPECT_EQ(other->channel, "up");
  EXPECT_EQ(queue.done(*other, Result::delivered, kNow, kMiddle), After::delivered);
  EXPECT_FALSE(queue.take(kNow));
  // What wasn't tried goes first; once it answers, all of it goes.
  WallTime now = *queue.next();
  for (const char* const alert : {"b", "c", "a"}) {
    auto delivery = queue.take(now);
    ASSERT_TRUE(delivery);
    EXPECT_EQ(delivery->alert, alert);
    queue.done(*delivery, Result::delivered, now, kMiddle);
  }
}

// One thread sent to all channels, so that one which was silent kept the others waiting.
TEST(AlertQueue, AChannelHasOneOnItsWayAndOthersGoOn) {
  AlertQueue queue;
  queue.add(one("a", "slow"));
  queue.add(one("b", "slow"));
  queue.add(one("a", "quick"));
  auto slow = queue.take(kNow);
  EXPECT_EQ(slow->channel, "slow");
  auto quick = queue.take(kNow);
  ASSERT_TRUE(quick);
  EXPECT_EQ(quick->channel, "quick");
  EXPECT_FALSE(queue.take(kNow));
  EXPECT_FALSE(queue.next()) << "when one is done there may be";
  queue.leave(*quick);
  queue.done(*slow, Result::delivered, kNow, kMiddle);
  EXPECT_EQ(queue.take(kNow)->alert, "b");
}

TEST(AlertQueue, WhatIsRefusedWaitsByItself) {
  AlertQueue queue;
  queue.add(one("odd"));
  queue.add(one("good"));
  auto odd = queue.take(kNow);
  EXPECT_EQ(queue.done(*odd, Result::refused, kNow, kMiddle), After::waiting);
  EXPECT_EQ(queue.take(kNow)->alert, "good");
  EXPECT_FALSE(queue.take(kNow));
}

TEST(AlertQueue, AClockThatIsSetBackKeepsNothing) {
  AlertQueue queue;
  queue.add(one("a"));
  auto delivery = queue.take(kNow);
  queue.done(*delivery, Result::failed, kNow, kMiddle);
  EXPECT_FALSE(queue.take(kNow));
  EXPECT_TRUE(queue.take(kNow - 5h));
}

TEST(AlertQueue, DropsTheOldestAndSaysSo) {
  AlertQueue queue(3);
  for (int i = 0; i < 3; ++i) EXPECT_FALSE(queue.add(one(std::to_string(i), "ops", kNow + i * 1s)));
  const auto dropped = queue.add(one("3", "ops", kNow + 3s));
  ASSERT_TRUE(dropped);
  EXPECT_EQ(dropped->alert, "0");
  EXPECT_EQ(queue.size(), 3u);
}

TEST(AlertQueue, OtherSettingsOfAChannelApplyAtOnce) {
  AlertQueue queue;
  queue.add(one("a"));
  auto delivery = queue.take(kNow);
  queue.done(*delivery, Result::failed, kNow, kMiddle);
  EXPECT_FALSE(queue.take(kNow));
  queue.hurry("ops", kNow);
  EXPECT_EQ(queue.take(kNow)->alert, "a");
}

TEST(AlertQueue, ChannelsThatAreGoneTakeTheirDeliveriesAlong) {
  AlertQueue queue;
  queue.add(one("a", "old"));
  queue.add(one("a", "ops"));
  const auto removed = queue.remove([](const std::string& name) { return name == "ops"; });
  ASSERT_EQ(removed.size(), 1u);
  EXPECT_EQ(removed.front().channel, "old");
  EXPECT_EQ(queue.by_channel(), (std::map<std::string, std::size_t>{{"ops", 1}}));
}

}  // namespace
}  // namespace farebox
