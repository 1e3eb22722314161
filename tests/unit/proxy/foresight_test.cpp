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

// What stores made of it keep; it outlives them.
struct Paper {
  class Store final : public OctetStore {
   public:
    explicit Store(Paper& paper) : paper_(paper) {}
    Result<std::string> load() override {
      if (!paper_.octets) return Error(ErrorCode::not_found, "nothing yet");
      return *paper_.octets;
    }
    Result<void> save(std::string_view octets) override { return paper_.octets = octets, Result<void>(); }
    Result<std::string> set_aside() override { return paper_.octets.reset(), std::string("aside"); }

   private:
    Paper& paper_;
  };
  std::unique_ptr<OctetStore> store() { return std::make_unique<Store>(*this); }
  std::optional<std::string> octets;
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
  Paper retries;
  Governor governor{1, 100, clock};
  BudgetShelf shelf{*documents, governor, ledger, clock, log};
  AlertDesk desk{*documents, governor, shelf, ledger, metrics, clock, log};
  Foresight foresight{ledger, governor, desk, metrics, retries.store(), clock, log};
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

// An hour of a hundred calls, of which so many repeat one that failed.
void hour_of_calls(World& world, MetricsShard& shard, int retries) {
  Record record;
  record.provider = "openai";
  record.project = "search";
  record.key_name = "ci";
  record.model = "gpt";
  for (int i = 0; i < 100; ++i) shard.count_arrival(record, i < retries ? "2" : "0");
  world.clock.now += 1h;
  world.foresight.look();
}

// Nothing counted x-stainless-retry-count: the watch for storms was there and nobody fed it.
TEST(Foresight, AStormOfRetriesIsToldWithWhoMakesIt) {
  World world(Money::dollars(1'000'000));
  MetricsShard& shard = world.metrics.add_shard();
  world.foresight.look();
  for (int hour = 0; hour < 168; ++hour) hour_of_calls(world, shard, 1);
  EXPECT_TRUE(world.kinds().empty());
  hour_of_calls(world, shard, 60);
  EXPECT_EQ(world.kinds(), (Kinds{"retry_storm", "retry_storm"}));
  const auto alerts = world.desk.list();
  EXPECT_EQ(alerts[0].change.subject, "project=search");
  EXPECT_EQ(alerts[1].change.subject, "all");
  EXPECT_NE(alerts[1].text.find("60 of 100 requests"), std::string::npos) << alerts[1].text;
  EXPECT_NE(alerts[1].text.find("key ci 60, model gpt 60, project search 60"), std::string::npos)
      << alerts[1].text;
  hour_of_calls(world, shard, 60);
  EXPECT_EQ(world.kinds().size(), 2U) << "it goes on, and was told";
  hour_of_calls(world, shard, 1);
  hour_of_calls(world, shard, 60);
  EXPECT_EQ(world.kinds().size(), 4U) << "another one";
}

TEST(Foresight, ARestartKnowsWhatIsUsualOfRetries) {
  World world(Money::dollars(1'000'000));
  MetricsShard& shard = world.metrics.add_shard();
  world.foresight.look();
  for (int hour = 0; hour < 168; ++hour) hour_of_calls(world, shard, 1);
  Foresight next{world.ledger, world.governor, world.desk, world.metrics, world.retries.store(),
                 world.clock, world.log};
  next.look();
  Record record;
  for (int i = 0; i < 100; ++i) shard.count_arrival(record, "1");
  world.clock.now += 1h;
  next.look();
  EXPECT_EQ(world.kinds(), Kinds{"retry_storm"});
  world.retries.octets = "{\"scopes\":7}";
  Foresight other{world.ledger, world.governor, world.desk, world.metrics, world.retries.store(),
                  world.clock, world.log};
  other.look();  // it learns anew
  for (int i = 0; i < 100; ++i) shard.count_arrival(record, "1");
  world.clock.now += 1h;
  other.look();
  EXPECT_EQ(world.kinds().size(), 1U);
}

}  // namespace
}  // namespace farebox
