// How long a configuration lives on a worker, and its pools with it.
#include "proxy/tenure.hpp"

#include <gtest/gtest.h>

#include "storage/memory_ledger.hpp"

namespace farebox {
namespace {

ProviderSettings provider(const std::string& name, Milliseconds idle = Milliseconds(1'000)) {
  ProviderSettings settings;
  settings.name = name;
  settings.base_url = "http://127.0.0.1:9";
  settings.timeouts.idle = idle;
  return settings;
}

std::shared_ptr<const Configuration> configured(std::vector<ProviderSettings> providers,
                                                const Configuration* before = nullptr) {
  Settings settings;
  settings.providers = std::move(providers);
  auto made = Configuration::make(std::move(settings), before);
  EXPECT_TRUE(made);
  return *made;
}

struct World {
  SystemClock clock;
  MemoryLedger ledger{10};
  std::unique_ptr<DocumentStore> documents = make_memory_document_store();
  Logger log{2, Level::error, Logger::Format::json, clock};
  Metrics metrics{10};
  Admission admission;
  TokenDesk tokens;
  KeyDesk keys{*documents, log, clock};
  Governor governor{1, 100, clock};
  BudgetShelf budgets{*documents, governor, ledger, clock, log};
  AuditLog audit{ledger, *documents, clock, log};
  AlertDesk alerts{*documents, governor, budgets, ledger, metrics, clock, log};
  AnswerDesk answers{"", log, clock};
  Foundation foundation{ledger,    *documents, keys,   log,      metrics, clock,
                        admission, tokens,     governor, budgets, audit,
                        alerts,    answers,    "farebox-test"};
  Tenures tenures{foundation};
  asio::io_context context{1};

  void begin(std::shared_ptr<const Configuration> next) {
    tenures.begin(std::move(next), context.get_executor());
  }
};

TEST(Configuration, SharesProvidersNobodyChanged) {
  const auto first = configured({provider("a"), provider("b")});
  const auto second =
      configured({provider("b"), provider("a", Milliseconds(2'000)), provider("c")}, first.get());
  EXPECT_EQ(second->providers[0], first->providers[1]);
  EXPECT_NE(second->providers[1], first->providers[0]);
  EXPECT_EQ(second->directory.find("/a/x", {}).provider, second->providers[1].get());
}

TEST(Tenures, OneWithoutRequestsEndsWhenTheNextBegins) {
  World world;
  auto first = configured({provider("a")});
  const std::weak_ptr<const Configuration> watched = first;
  const auto second = configured({provider("a", Milliseconds(2'000))}, first.get());
  world.begin(std::move(first));
  EXPECT_FALSE(watched.expired());
  world.begin(second);
  EXPECT_TRUE(watched.expired());
}

TEST(Tenures, OneWithRequestsLivesUntilTheLastHasLeft) {
  World world;
  auto first = configured({provider("a")});
  const std::weak_ptr<const Configuration> watched = first;
  const auto second = configured({provider("b")}, first.get());
  world.begin(std::move(first));
  Tenure& one = world.tenures.join();
  Tenure& two = world.tenures.join();
  EXPECT_EQ(&one, &two);
  world.begin(second);
  EXPECT_NE(&world.tenures.current(), &one);
  EXPECT_EQ(&world.tenures.current().services().settings, &second->settings);
  // Its requests still find their pool.
  const Provider& old = *one.configuration().providers.front();
  EXPECT_EQ(&world.tenures.pool(old).provider(), &old);
  world.tenures.leave(two);
  EXPECT_FALSE(watched.expired());
  world.tenures.leave(one);
  EXPECT_TRUE(watched.expired());
}

TEST(Tenures, ThePoolOfAnUnchangedProviderStays) {
  World world;
  const auto first = configured({provider("a"), provider("b")});
  const auto second = configured({provider("a"), provider("b", Milliseconds(2'000))}, first.get());
  world.begin(first);
  UpstreamPool* const kept = &world.tenures.pool(*first->providers[0]);
  world.begin(second);
  EXPECT_EQ(&world.tenures.pool(*second->providers[0]), kept);
  EXPECT_EQ(world.tenures.gauges().size(), 2u);
}

TEST(Tenures, AnIdleOldOneEndsBehindABusyOlderOne) {
  World world;
  const auto first = configured({provider("a")});
  auto second = configured({provider("b")}, first.get());
  const auto third = configured({provider("c")}, second.get());
  const std::weak_ptr<const Configuration> middle = second;
  world.begin(first);
  Tenure& oldest = world.tenures.join();
  world.begin(std::move(second));
  world.begin(third);
  EXPECT_TRUE(middle.expired());
  world.tenures.leave(oldest);
  EXPECT_EQ(&world.tenures.current().configuration(), third.get());
}

}  // namespace
}  // namespace farebox
