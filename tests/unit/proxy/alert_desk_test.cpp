// The desk without its threads, over a governor and a store of its own: each step is a call, so
// that nothing sleeps. What is delivered goes to a port of this machine where nobody listens, or
// to a receiver that says yes.
#include "proxy/alert_desk.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>
#include <mutex>
#include <thread>

#include "policy/anomaly.hpp"
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
  bool full = false;
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
  // "budget_warning ended", the newest first, after another look.
  std::vector<std::string> kinds() {
    desk->look();
    std::vector<std::string> kinds;
    for (const StoredAlert& alert : desk->list()) {
      kinds.push_back(std::string(name_of(alert.change.kind)) + (alert.ended ? " ended" : ""));
    }
    return kinds;
  }
  // What is looked at now and then is looked at as well.
  std::vector<std::string> slowly() {
    clock.pass(10s);
    return kinds();
  }

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
  EXPECT_EQ(office.kinds(), Kinds{"budget_warning"});
  office.open();
  EXPECT_EQ(office.slowly(), Kinds{"budget_warning"});
  TestCall(office, "a").end(*Money::parse("0.2"));
  EXPECT_EQ(office.kinds(), (Kinds{"budget_exceeded", "budget_critical", "budget_warning"}));
  const auto alerts = office.desk->list();
  EXPECT_LT(alerts[2].id, alerts[1].id) << "ids go up over a restart";
}

TEST(AlertDesk, WhatCrossedWhileNobodyLookedIsTold) {
  Office office;
  office.desk.reset();
  office.budgets({office.budget("team", Money::dollars(1), {{"project", "a"}})});
  TestCall(office, "a").end(*Money::parse("0.9"));
  office.open();
  EXPECT_EQ(office.kinds(), Kinds{"budget_warning"});
}

TEST(AlertDesk, MoreCrossingsThanAreNotedAreAllFound) {
  Office wide;
  wide.budgets({wide.budget("each", Money::dollars(1), {{"project", "*"}})});
  for (int i = 0; i < 900; ++i) {
    TestCall(wide, "p" + std::to_string(i)).end(*Money::parse("0.85"));
    TestCall(wide, "p" + std::to_string(i)).end(*Money::parse("0.12"));  // 1,800 crossings
  }
  EXPECT_EQ(wide.kinds().size(), 1'800u);
}

TEST(AlertDesk, KeepsABoundedNumber) {
  Office office;
  office.budgets({office.budget("each", Money::dollars(1), {{"project", "*"}})});
  for (int i = 0; i < 990; ++i) TestCall(office, "p" + std::to_string(i)).end(Money::dollars(1));
  // Each of them fires three, of which the newest are kept.
  EXPECT_EQ(office.kinds().size(), AlertDesk::kMostAlerts);
  EXPECT_EQ(office.desk->gauges().fired["budget_exceeded"], 990u);
  EXPECT_EQ(office.documents.count("alert"), AlertDesk::kMostAlerts);
}

TEST(AlertDesk, AStoreThatIsFullKeepsNothingAndForgetsNothing) {
  Office office;
  office.budgets({office.budget("team", Money::dollars(1), {{"project", "a"}})});
  office.documents.full = true;
  TestCall(office, "a").end(*Money::parse("0.9"));
  EXPECT_EQ(office.kinds(), Kinds{"budget_warning"});
  office.slowly();
  EXPECT_EQ(office.documents.count("alert"), 0u);
  office.documents.full = false;
  office.slowly();
  EXPECT_EQ(office.documents.count("alert"), 1u);
}

TEST(AlertDesk, AWindowsEndEndsItsAlerts) {
  Office office;
  office.budgets({office.budget("team", Money::dollars(1), {{"project", "a"}})});
  TestCall(office, "a").end(*Money::parse("0.9"));
  EXPECT_EQ(office.kinds(), Kinds{"budget_warning"});
  office.clock.pass(24h);
  EXPECT_EQ(office.kinds(), Kinds{"budget_warning ended"});
  TestCall(office, "a").end(*Money::parse("0.9"));
  EXPECT_EQ(office.kinds(), (Kinds{"budget_warning", "budget_warning ended"}));
}

TEST(AlertDesk, AnOverrideThatEndsIsLookedAt) {
  Office office;
  office.budgets({office.budget("team", Money::dollars(1), {{"project", "a"}})});
  EXPECT_TRUE(office.shelf.override_limit("team", BudgetRule::Override{Money::dollars(9), office.clock.wall + 1h}, ""));
  TestCall(office, "a").end(*Money::parse("0.9"));
  EXPECT_EQ(office.slowly(), Kinds{});
  office.clock.pass(1h);
  EXPECT_EQ(office.kinds(), Kinds{"budget_warning"});
}

TEST(AlertDesk, BreakersForecastsAndABudgetThatIsGone) {
  Office office;
  office.budgets({office.budget("team", Money::dollars(1), {{"project", "a"}})});
  office.desk->note_breaker("openai", true);
  office.desk->note_breaker("openai", true);
  EXPECT_EQ(office.kinds(), Kinds{"breaker_open"});
  office.desk->note_breaker("openai", false);
  EXPECT_EQ(office.kinds(), Kinds{"breaker_open ended"});
  BudgetSight sight;
  office.governor.each_budget([&](const BudgetRule& rule, const BudgetStanding& standing) { sight = sight_of(rule, standing); });
  const BudgetForecast forecast{Money::dollars(3), Money::dollars(2), Money::dollars(4), office.clock.wall + 1h};
  office.desk->note_forecast(sight, forecast);
  office.desk->note_forecast(sight, forecast);
  EXPECT_EQ(office.kinds(), (Kinds{"budget_forecast", "breaker_open ended"}));
  EXPECT_NE(office.desk->list()[0].text.find("$3.00 are foreseen"), std::string::npos);
  office.budgets({});
  EXPECT_EQ(office.kinds(), (Kinds{"budget_forecast ended", "breaker_open ended"}));
}

// Budgets of the API could be silenced, those of the configuration couldn't.
TEST(AlertDesk, ABudgetOfTheConfigurationIsSilentWhereItSaysSo) {
  Office office;
  BudgetSettings quiet = office.budget("team", Money::dollars(1), {{"project", "a"}});
  quiet.alerts_enabled = false;
  office.budgets({quiet});
  TestCall(office, "a").end(*Money::parse("0.9"));
  EXPECT_EQ(office.slowly(), Kinds{});
  quiet.alerts_enabled = true;
  office.budgets({quiet});
  EXPECT_EQ(office.slowly(), Kinds{"budget_warning"});
}

AlertChannel hook(const std::string& name, int port) {
  AlertChannel channel;
  channel.name = name;
  channel.url = Secret("http://127.0.0.1:" + std::to_string(port) + "/" + name);
  return channel;
}
constexpr int kNobody = 9;

TEST(AlertDesk, WaitingDeliveriesComeBackAfterARestart) {
  Office office;
  office.channels.channels = {hook("ops", kNobody)};
  office.open();
  office.budgets({office.budget("team", Money::dollars(1), {{"project", "a"}})});
  TestCall(office, "a").end(*Money::parse("0.9"));
  EXPECT_EQ(office.kinds(), Kinds{"budget_warning"});
  EXPECT_TRUE(office.desk->deliver());
  EXPECT_FALSE(office.desk->deliver()) << "it is left alone for a while";
  EXPECT_EQ(office.desk->list()[0].sends[0].delivery.attempts, 1u);
  EXPECT_EQ(office.desk->gauges().queued, 1u);
  EXPECT_FALSE(office.desk->channels()[0].error.empty());
  EXPECT_TRUE(office.desk->channels()[0].channel.url.empty()) << "a secret";
  office.open();
  // A start tries at once, whatever pause there was.
  EXPECT_TRUE(office.desk->deliver());
  EXPECT_EQ(office.desk->list()[0].sends[0].delivery.attempts, 2u);
  EXPECT_EQ(office.desk->gauges().queued, 1u);
  office.channels.channels.clear();
  office.desk->adopt(office.channels);
  EXPECT_EQ(office.desk->list()[0].sends[0].state, AlertSend::State::dropped);
  EXPECT_EQ(office.desk->gauges().queued, 0u);
}

// Answers 200 to everything, and keeps the paths and states it was told.
class Receiver {
 public:
  Receiver() {
    listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    socklen_t size = sizeof address;
    ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
    ::listen(listener_, 16);
    thread_ = std::thread([this] { serve(); });
  }
  ~Receiver() {
    ::shutdown(listener_, SHUT_RDWR);
    thread_.join();
    ::close(listener_);
  }
  int port() const { return port_; }
  // "ops resolved", in their order. Only while nothing is delivered.
  std::vector<std::string> told() const {
    const std::lock_guard lock(mutex_);
    return told_;
  }

 private:
  void serve() {
    while (true) {
      const int client = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
      if (client < 0) return;
      std::string text;
      char octets[4096];
      while (true) {
        const std::size_t end = text.find("\r\n\r\n"), length = text.find("Content-Length: ");
        if (end != text.npos && length != text.npos &&
            text.size() >= end + 4 + std::strtoull(text.c_str() + length + 16, nullptr, 10)) {
          break;
        }
        const ssize_t got = ::read(client, octets, sizeof octets);
        if (got <= 0) break;
        text.append(octets, static_cast<std::size_t>(got));
      }
      const auto between = [&](std::string_view before, char after) {
        const std::size_t at = text.find(before);
        if (at == text.npos) return std::string("?");
        const std::size_t from = at + before.size();
        return text.substr(from, text.find(after, from) - from);
      };
      {
        const std::lock_guard lock(mutex_);
        told_.push_back(between("POST /", ' ') + " " + between("\"state\":\"", '"'));
      }
      constexpr std::string_view kYes = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
      EXPECT_EQ(::write(client, kYes.data(), kYes.size()), static_cast<ssize_t>(kYes.size()));
      ::close(client);
    }
  }

  int listener_ = -1, port_ = 0;
  mutable std::mutex mutex_;
  std::vector<std::string> told_;
  std::thread thread_;
};

void deliver_all(AlertDesk& desk) {
  while (desk.deliver()) {
  }
}

// An incident that farebox opened at a pager was never closed.
TEST(AlertDesk, WhoWasToldIsToldOnceThatItIsOver) {
  Receiver receiver;
  Office office;
  AlertChannel quiet = hook("quiet", receiver.port());
  quiet.resolved = false;
  AlertChannel serious = hook("serious", receiver.port());
  serious.at_least = AlertLevel::critical;
  office.channels.channels = {hook("ops", receiver.port()), quiet, serious};
  office.open();
  office.budgets({office.budget("team", Money::dollars(1), {{"project", "a"}})});
  TestCall(office, "a").end(*Money::parse("0.9"));
  office.kinds();
  deliver_all(*office.desk);
  EXPECT_EQ(receiver.told(), (std::vector<std::string>{"ops active", "quiet active"}));
  office.budgets({office.budget("team", Money::dollars(100), {{"project", "a"}})});
  EXPECT_EQ(office.kinds(), Kinds{"budget_warning ended"});
  office.open();  // it is owed over a restart
  deliver_all(*office.desk);
  EXPECT_EQ(receiver.told(), (std::vector<std::string>{"ops active", "quiet active", "ops resolved"}));
  office.open();
  office.slowly();
  deliver_all(*office.desk);
  EXPECT_EQ(receiver.told().size(), 3u);
}

// It is over before the channel has answered: the channel is told both, in their order.
TEST(AlertDesk, WhatIsOverBeforeItIsDeliveredIsResolvedBehindIt) {
  Receiver receiver;
  Office office;
  office.channels.channels = {hook("ops", receiver.port())};
  office.open();
  office.desk->note_breaker("openai", true);
  office.kinds();
  office.desk->note_breaker("openai", false);
  EXPECT_EQ(office.kinds(), Kinds{"breaker_open ended"});
  deliver_all(*office.desk);
  EXPECT_EQ(receiver.told(), (std::vector<std::string>{"ops ended", "ops resolved"}));
}

TEST(AlertDesk, WhatHasNoEndIsNotResolved) {
  Receiver receiver;
  Office office;
  office.channels.channels = {hook("ops", receiver.port())};
  office.open();
  SpendAnomaly storm;
  storm.kind = SpendAnomaly::Kind::retry_storm;
  storm.scope = "all";
  office.desk->note_anomaly(storm);
  deliver_all(*office.desk);
  EXPECT_EQ(receiver.told(), std::vector<std::string>{"ops ended"});
}

}  // namespace
}  // namespace farebox
