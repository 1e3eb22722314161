// The desk with its threads, over a governor and a store of its own; without a network.
#include "proxy/alert_desk.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <functional>

#include "tests/unit/proxy/governor_support.hpp"

namespace farebox {
namespace {

using namespace std::chrono_literals;

// A store whose disk may be full.
class FickleDocuments final : public DocumentStore {
 public:
  Result<void> put(std::string_view kind, std::string_view id, std::string_view json) override {
    if (full) return Error(ErrorCode::io_failed, "no space left on device");
    return inner->put(kind, id, json);
  }
  Result<void> erase(std::string_view kind, std::string_view id) override { return inner->erase(kind, id); }
  Result<std::optional<std::string>> get(std::string_view kind, std::string_view id) override {
    return inner->get(kind, id);
  }
  Result<void> each(std::string_view kind, const Visit& visit) override { return inner->each(kind, visit); }
  std::size_t count(std::string_view kind) {
    std::size_t count = 0;
    EXPECT_TRUE(each(kind, [&](std::string_view, std::string_view) { return ++count, true; }));
    return count;
  }

  std::unique_ptr<DocumentStore> inner = make_memory_document_store();
  std::atomic<bool> full{false};
};

struct Office : GovernorWorld {
  Office() { open(); }
  ~Office() { desk.reset(); }

  void open() {
    desk.reset();
    desk.emplace(documents, governor, shelf, ledger, metrics, clock, log);
    EXPECT_TRUE(desk->open());
    desk->adopt(channels);
  }
  void budgets(std::vector<BudgetSettings> said) {
    Settings settings;
    settings.budgets = std::move(said);
    EXPECT_TRUE(shelf.adopt(settings, kLongest));
  }
  BudgetSettings budget(std::string name, Money limit, ScopeSettings scope) {
    BudgetSettings said;
    said.name = std::move(name);
    said.scope = std::move(scope);
    said.limit = limit;
    said.period = BudgetPeriod::daily;
    said.on_exceeded = OnExceeded::audit;
    return said;
  }
  // "budget_warning active", the newest first, once there are as many.
  std::vector<std::string> kinds(std::size_t count) {
    std::vector<std::string> kinds;
    for (int i = 0; i < 500; ++i) {
      kinds.clear();
      for (const StoredAlert& alert : desk->list()) {
        kinds.push_back(std::string(name_of(alert.change.kind)) + (alert.ended ? " ended" : ""));
      }
      if (kinds.size() >= count) break;
      std::this_thread::sleep_for(10ms);
    }
    return kinds;
  }
  bool wait(const std::function<bool()>& is) {
    for (int i = 0; i < 800 && !is(); ++i) std::this_thread::sleep_for(10ms);
    return is();
  }
  // Everything has been looked at once more.
  void settle() { std::this_thread::sleep_for(700ms); }

  FickleDocuments documents;
  Logger log{::open("/dev/null", O_WRONLY | O_CLOEXEC), Level::error, Logger::Format::json, clock};
  Metrics metrics{100};
  BudgetShelf shelf{documents, governor, ledger, clock, log};
  AlertSettings channels;
  std::optional<AlertDesk> desk;
};

using Kinds = std::vector<std::string>;

TEST(AlertDesk, WhatFiredDoesntFireAgainAfterARestart) {
  Office office;
  office.budgets({office.budget("team", Money::dollars(1), {{"project", "a"}})});
  TestCall(office, "a").end(*Money::parse("0.9"));
  EXPECT_EQ(office.kinds(1), Kinds{"budget_warning"});
  office.open();
  office.settle();
  EXPECT_EQ(office.kinds(1), Kinds{"budget_warning"});
  TestCall(office, "a").end(*Money::parse("0.2"));
  EXPECT_EQ(office.kinds(3), (Kinds{"budget_exceeded", "budget_critical", "budget_warning"}));
  const auto alerts = office.desk->list();
  EXPECT_LT(alerts[2].id, alerts[1].id) << "ids go up over a restart";
}

TEST(AlertDesk, WhatCrossedWhileNobodyLookedIsTold) {
  Office office;
  office.desk.reset();
  office.budgets({office.budget("team", Money::dollars(1), {{"project", "a"}})});
  TestCall(office, "a").end(*Money::parse("0.9"));
  office.open();
  EXPECT_EQ(office.kinds(1), Kinds{"budget_warning"});
}

TEST(AlertDesk, MoreCrossingsThanAreNotedAreAllFound) {
  Office wide;
  wide.budgets({wide.budget("each", Money::dollars(1), {{"project", "*"}})});
  wide.desk.reset();
  for (int i = 0; i < 900; ++i) {
    TestCall(wide, "p" + std::to_string(i)).end(*Money::parse("0.85"));
    TestCall(wide, "p" + std::to_string(i)).end(*Money::parse("0.12"));  // 1,800 crossings
  }
  wide.open();
  EXPECT_TRUE(wide.wait([&] { return wide.desk->list().size() == 1'800; })) << wide.desk->list().size();
}

TEST(AlertDesk, KeepsABoundedNumber) {
  Office office;
  office.budgets({office.budget("each", Money::dollars(1), {{"project", "*"}})});
  for (int i = 0; i < 990; ++i) TestCall(office, "p" + std::to_string(i)).end(Money::dollars(1));
  // Each of them fires three, of which the newest are kept.
  EXPECT_TRUE(office.wait([&] { return office.desk->gauges().fired["budget_exceeded"] == 990; }));
  office.settle();
  EXPECT_EQ(office.desk->list().size(), AlertDesk::kMostAlerts);
  EXPECT_EQ(office.documents.count("alert"), AlertDesk::kMostAlerts);
}

TEST(AlertDesk, AStoreThatIsFullKeepsNothingAndForgetsNothing) {
  Office office;
  office.budgets({office.budget("team", Money::dollars(1), {{"project", "a"}})});
  office.documents.full = true;
  TestCall(office, "a").end(*Money::parse("0.9"));
  EXPECT_EQ(office.kinds(1), Kinds{"budget_warning"});
  office.settle();
  EXPECT_EQ(office.documents.count("alert"), 0u);
  office.documents.full = false;
  office.clock.pass(10s);
  EXPECT_TRUE(office.wait([&] { return office.documents.count("alert") == 1; }));
}

TEST(AlertDesk, AWindowsEndEndsItsAlerts) {
  Office office;
  office.budgets({office.budget("team", Money::dollars(1), {{"project", "a"}})});
  TestCall(office, "a").end(*Money::parse("0.9"));
  EXPECT_EQ(office.kinds(1), Kinds{"budget_warning"});
  office.clock.pass(24h);
  EXPECT_TRUE(office.wait([&] { return office.desk->list()[0].ended.has_value(); }));
  TestCall(office, "a").end(*Money::parse("0.9"));
  EXPECT_EQ(office.kinds(2), (Kinds{"budget_warning", "budget_warning ended"}));
}

TEST(AlertDesk, AnOverrideThatEndsIsLookedAt) {
  Office office;
  office.budgets({office.budget("team", Money::dollars(1), {{"project", "a"}})});
  EXPECT_TRUE(office.shelf.override_limit("team", BudgetRule::Override{Money::dollars(9), office.clock.wall + 1h}, ""));
  TestCall(office, "a").end(*Money::parse("0.9"));
  office.settle();
  EXPECT_TRUE(office.desk->list().empty());
  office.clock.pass(1h);
  EXPECT_EQ(office.kinds(1), Kinds{"budget_warning"});
}

TEST(AlertDesk, BreakersForecastsAndABudgetThatIsGone) {
  Office office;
  office.budgets({office.budget("team", Money::dollars(1), {{"project", "a"}})});
  office.desk->note_breaker("openai", true);
  office.desk->note_breaker("openai", true);
  EXPECT_EQ(office.kinds(1), Kinds{"breaker_open"});
  office.desk->note_breaker("openai", false);
  EXPECT_TRUE(office.wait([&] { return office.desk->list()[0].ended.has_value(); }));
  BudgetSight sight;
  office.governor.each_budget([&](const BudgetRule& rule, const BudgetStanding& standing) { sight = sight_of(rule, standing); });
  const BudgetForecast forecast{Money::dollars(3), Money::dollars(2), Money::dollars(4), office.clock.wall + 1h};
  office.desk->note_forecast(sight, forecast);
  office.desk->note_forecast(sight, forecast);
  EXPECT_EQ(office.kinds(2), (Kinds{"budget_forecast", "breaker_open ended"}));
  EXPECT_NE(office.desk->list()[0].text.find("$3.00 are foreseen"), std::string::npos);
  office.budgets({});
  EXPECT_TRUE(office.wait([&] { return office.desk->list()[0].ended.has_value(); }));
}

TEST(AlertDesk, WaitingDeliveriesComeBackAfterARestart) {
  Office office;
  AlertChannel channel;
  channel.name = "ops";
  channel.url = Secret("http://127.0.0.1:9/nobody");
  office.channels.channels = {channel};
  office.open();
  office.budgets({office.budget("team", Money::dollars(1), {{"project", "a"}})});
  TestCall(office, "a").end(*Money::parse("0.9"));
  EXPECT_EQ(office.kinds(1), Kinds{"budget_warning"});
  EXPECT_TRUE(office.wait([&] { return office.desk->list()[0].sends[0].delivery.attempts == 1; }));
  EXPECT_TRUE(office.wait([&] { return office.desk->gauges().queued == 1; }));
  EXPECT_FALSE(office.desk->channels()[0].error.empty());
  EXPECT_TRUE(office.desk->channels()[0].channel.url.empty()) << "a secret";
  office.open();
  // A start tries at once, whatever pause there was.
  EXPECT_TRUE(office.wait([&] { return office.desk->list()[0].sends[0].delivery.attempts == 2; }));
  EXPECT_TRUE(office.wait([&] { return office.desk->gauges().queued == 1; }));
  office.channels.channels.clear();
  office.desk->adopt(office.channels);
  EXPECT_EQ(office.desk->list()[0].sends[0].state, AlertSend::State::dropped);
  EXPECT_EQ(office.desk->gauges().queued, 0u);
}

}  // namespace
}  // namespace farebox
