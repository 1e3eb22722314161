// What is told of a ledger that is looked at hour by hour.
#include "proxy/anomaly_watch.hpp"

#include <gtest/gtest.h>

#include "storage/memory_ledger.hpp"

namespace farebox {
namespace {

using namespace std::chrono_literals;
using Kind = SpendAnomaly::Kind;

struct World {
  MemoryLedger ledger{100'000};
  AnomalyWatch watch{{TimeZone(), Money::dollars(1), 2}};
  WallTime now = std::chrono::sys_days(std::chrono::year(2026) / 4 / 6);

  void call(const char* project, std::int64_t dollars, const char* model = "gpt", const char* key = "k") {
    Record record;
    record.time = now + 5min;
    record.project = project;
    record.model = model;
    record.key_name = key;
    record.user = "u";
    record.metered = record.priced = true;
    record.cost = Money::dollars(dollars);
    ledger.append(record);
  }
  void usual_hour() {
    call("a", 10);
    call("b", 20);
    call("small", 1);
  }
  // The hour is over.
  std::vector<SpendAnomaly> pass() {
    now += 1h;
    const auto told = watch.look(ledger, now + 1min);
    EXPECT_TRUE(told);
    return told ? *told : std::vector<SpendAnomaly>();
  }
  void weeks(int count) {
    for (int i = 0; i < count * 168; ++i) {
      usual_hour();
      ASSERT_TRUE(pass().empty());
    }
  }
};

TEST(AnomalyWatch, TellsARiseAndWhoMadeIt) {
  World world;
  world.weeks(2);
  world.usual_hour();
  world.call("b", 60, "opus", "k");
  const auto told = world.pass();
  ASSERT_EQ(told.size(), 3U);
  EXPECT_EQ(told[0].scope, "all");
  EXPECT_EQ(told[1].scope, "project=b");
  EXPECT_EQ(told[1].kind, Kind::spend_rise);
  EXPECT_EQ(told[1].hour, world.now - 1h);
  EXPECT_EQ(told[1].seen, Money::dollars(80));
  EXPECT_EQ(told[1].expected, Money::dollars(20));
  ASSERT_FALSE(told[1].contributors.empty());
  EXPECT_EQ(told[1].contributors[0].cost, Money::dollars(60));
  EXPECT_EQ(told[2].kind, Kind::new_model);
  EXPECT_EQ(told[2].scope, "opus");
  world.usual_hour();
  EXPECT_TRUE(world.pass().empty());
}

TEST(AnomalyWatch, ALateStartKnowsTheWeeksBefore) {
  World world;
  for (int i = 0; i < 3 * 168; ++i) {
    world.usual_hour();
    world.now += 1h;
  }
  EXPECT_TRUE(world.pass().empty());
  world.usual_hour();
  world.call("a", 40);
  world.call("b", 1, "gpt", "stolen");
  const auto told = world.pass();
  ASSERT_EQ(told.size(), 3U);
  EXPECT_EQ(told[0].scope, "all");
  EXPECT_EQ(told[1].scope, "project=a");
  EXPECT_EQ(told[2].kind, Kind::new_key);
  EXPECT_EQ(told[2].scope, "stolen");
}

TEST(AnomalyWatch, OnlyTheTopSpendersAreWatched) {
  World world;
  world.weeks(2);
  world.usual_hour();
  world.call("small", 20);
  for (const SpendAnomaly& each : world.pass()) EXPECT_NE(each.scope, "project=small");
}

TEST(AnomalyWatch, AnHourIsLookedAtOnce) {
  World world;
  world.weeks(2);
  world.usual_hour();
  world.call("a", 90);
  EXPECT_FALSE(world.pass().empty());
  const auto again = world.watch.look(world.ledger, world.now + 2min);
  ASSERT_TRUE(again);
  EXPECT_TRUE(again->empty());
}

}  // namespace
}  // namespace farebox
