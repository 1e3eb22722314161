// What the ledger's sums foretell becomes alerts, once an hour.
#include "proxy/foresight.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>

#include "storage/memory_ledger.hpp"

namespace farebox {
namespace {

using namespace std::chrono_literals;

struct SetClock final : Clock {
  SteadyTime steady_now() const override { return SteadyTime(1h); }
  WallTime wall_now() const override { return now; }
  WallTime now = std::chrono::sys_days(std::chrono::year(2026) / 4 / 1);
};

// Two weeks of ten dollars an hour, under a monthly budget of that limit.
struct World {
  explicit World(Money limit) {
    for (int hour = 0; hour < 14 * 24; ++hour, clock.now += 1h) call(10);
    Settings settings;
    BudgetSettings& budget = settings.budgets.emplace_back();
    budget.name = "month";
    budget.limit = limit;
    EXPECT_TRUE(shelf.adopt(settings, 0ms));
  }
  void call(std::int64_t dollars) {
    Record record;
    record.time = clock.now + 5min;
    record.model = "m";
    record.key_name = "k";
    record.metered = record.priced = true;
    record.cost = Money::dollars(dollars);
    ledger.append(record);
  }
  std::vector<std::string> kinds() const {
    std::vector<std::string> kinds;
    for (const StoredAlert& alert : desk.list()) kinds.emplace_back(name_of(alert.change.kind));
    return kinds;
  }

  SetClock clock;
  Logger log{::open("/dev/null", O_WRONLY | O_CLOEXEC), Level::error, Logger::Format::json, clock};
  MemoryLedger ledger{10'000};
  std::unique_ptr<DocumentStore> documents = make_memory_document_store();
  Metrics metrics{10};
  Governor governor{1, 100, clock};
  BudgetShelf shelf{*documents, governor, ledger, clock, log};
  AlertDesk desk{*documents, governor, shelf, ledger, metrics, clock, log};
  Foresight foresight{ledger, governor, desk, clock, log};
};

using Kinds = std::vector<std::string>;

TEST(Foresight, ABudgetThatWillBeSpentIsToldOnce) {
  World world(Money::dollars(5'000));  // 3,360 are spent, and 7,200 will be
  world.foresight.look();
  EXPECT_EQ(world.kinds(), Kinds{"budget_forecast"});
  world.clock.now += 1h;
  world.foresight.look();
  EXPECT_EQ(world.kinds(), Kinds{"budget_forecast"});
}

TEST(Foresight, ABudgetThatWillDoIsLeftAlone) {
  World world(Money::dollars(20'000));
  world.foresight.look();
  EXPECT_TRUE(world.kinds().empty());
}

TEST(Foresight, AnHourFarAboveTheUsualIsToldWhenItIsOver) {
  World world(Money::dollars(1'000'000));
  world.foresight.look();
  EXPECT_TRUE(world.kinds().empty());
  world.call(300);
  world.foresight.look();
  EXPECT_TRUE(world.kinds().empty()) << "the hour isn't over";
  world.clock.now += 1h + 1min;
  world.foresight.look();
  const Kinds kinds = world.kinds();
  EXPECT_NE(std::find(kinds.begin(), kinds.end(), "spend_rise"), kinds.end());
  for (const StoredAlert& alert : world.desk.list()) EXPECT_TRUE(alert.ended) << "it is an event";
}

}  // namespace
}  // namespace farebox
