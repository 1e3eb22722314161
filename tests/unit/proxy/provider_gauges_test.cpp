#include "proxy/provider_gauges.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "proxy/provider_state.hpp"

namespace farebox {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;

struct ManualClock final : Clock {
  SteadyTime steady{1h};
  WallTime wall = WallTime(std::chrono::sys_days(std::chrono::year(2026) / 11 / 22)) + 2h;
  SteadyTime steady_now() const override { return steady; }
  WallTime wall_now() const override { return wall; }
};

ProviderSettings settings_of() {
  ProviderSettings settings;
  settings.name = "p";
  settings.base_url = "http://localhost:1";
  settings.api_keys.emplace_back("sk-hunter2");
  settings.api_keys.emplace_back("sk-hunter3");
  settings.circuit_breaker.per_model = true;
  settings.concurrency.max = 1;
  return settings;
}

class ProviderGauges : public ::testing::Test {
 protected:
  ProviderState& state() { return *providers_.front()->state; }
  json shown() {
    std::string text;
    JsonWriter writer(text);
    writer.begin_object();
    append_provider_state(writer, state(), clock_);
    writer.end_object();
    return json::parse(text);
  }
  void fail(std::string_view model, Failure failure) {
    for (int i = 0; i < 5; ++i) {
      BreakerPass pass = state().breakers().admit(model, clock_.steady);
      pass.report(failure, clock_.steady);
    }
  }

  ManualClock clock_;
  Providers providers_{std::make_shared<Provider>(settings_of())};
};

TEST(HealthCheckSight, SaysWhatTheLastCheckFound) {
  HealthBoard board(1s);
  const auto shown = [&] {
    std::string text;
    JsonWriter writer(text);
    writer.begin_object();
    append_health_check(writer, board);
    writer.end_object();
    return json::parse(text)["healthCheck"];
  };
  EXPECT_TRUE(shown().is_null());
  ProviderHealth health;
  health.ok = true;
  health.status = 204;
  health.at = WallTime(std::chrono::sys_days(std::chrono::year(2026) / 11 / 22));
  health.latency = 12ms;
  board.note(health);
  EXPECT_EQ(shown(), json::parse(R"({"ok":true,"time":"2026-11-22T00:00:00.000Z","status":204,
      "latencyMs":12,"message":null})"));
  health = {};
  health.at = WallTime(std::chrono::sys_days(std::chrono::year(2026) / 11 / 22));
  health.why = "provider 'p' did not answer the check in time";
  board.note(health);
  EXPECT_EQ(shown(), json::parse(R"({"ok":false,"time":"2026-11-22T00:00:00.000Z","status":null,
      "latencyMs":null,"message":"provider 'p' did not answer the check in time"})"));
}

TEST_F(ProviderGauges, BreakersSayWhenTheyTryAgain) {
  fail("gpt", Failure::server_error);
  json breaker = shown()["breaker"];
  EXPECT_EQ(breaker["state"], "CLOSED");
  EXPECT_EQ(breaker["models"], json::parse(R"([{"model":"gpt","state":"OPEN",
      "since":"2026-11-22T02:00:00.000Z","reopensAt":"2026-11-22T02:01:00.000Z",
      "timesOpened":1}])"));
  EXPECT_EQ(read_provider_gauges(providers_)[0].breaker, 0);

  fail("other", Failure::unreachable);
  clock_.steady += 10s;
  clock_.wall += 10s;
  breaker = shown()["breaker"];
  EXPECT_EQ(breaker["state"], "OPEN");
  EXPECT_EQ(breaker["since"], "2026-11-22T02:00:00.000Z");
  EXPECT_EQ(breaker["reopensAt"], "2026-11-22T02:01:00.000Z");
  EXPECT_EQ(read_provider_gauges(providers_)[0].breaker, 2);

  clock_.steady += 1min;
  const BreakerPass probe = state().breakers().admit("other", clock_.steady);
  EXPECT_EQ(shown()["breaker"]["state"], "HALF_OPEN");
  EXPECT_EQ(shown()["breaker"]["reopensAt"], nullptr);
  EXPECT_EQ(read_provider_gauges(providers_)[0].breaker, 1);
}

TEST_F(ProviderGauges, CallsAreCounted) {
  asio::io_context context;
  Event wake;
  CallSlot running, queued;
  const CallSlots::Waiter waiter{context.get_executor(), wake, clock_};
  state().slots().enter(running, {}, waiter);
  state().slots().enter(queued, {}, waiter);
  EXPECT_EQ(shown()["calls"], json::parse(R"({"running":1,"queued":1,"limit":1})"));
  const ProviderGauge gauge = read_provider_gauges(providers_)[0];
  EXPECT_EQ(gauge.provider, "p");
  EXPECT_EQ(gauge.running, 1u);
  EXPECT_EQ(gauge.queued, 1u);
  EXPECT_EQ(gauge.limit, 1u);
}

TEST_F(ProviderGauges, KeysAreToldByTheirIndex) {
  EXPECT_EQ(shown()["coolingKeys"], json::array());
  ProviderLimits limits(clock_.wall);
  limits.read("retry-after", "30");
  BreakerPass pass;
  state().tried(pass, {Failure::rate_limited, 1, &limits, clock_.steady, clock_.steady});
  EXPECT_EQ(shown()["coolingKeys"],
            json::parse(R"([{"index":1,"until":"2026-11-22T02:00:30.000Z"}])"));
  EXPECT_EQ(shown().dump().find("hunter"), std::string::npos);
}

TEST_F(ProviderGauges, TheLastErrorAndTheLatencyAreShown) {
  EXPECT_EQ(shown()["lastError"], nullptr);
  EXPECT_EQ(shown()["latencyMs"], nullptr);
  state().note_error("answered 503", clock_.wall);
  BreakerPass pass;
  state().tried(pass, {Failure::none, 0, nullptr, clock_.steady - 250ms, clock_.steady});
  EXPECT_EQ(shown()["lastError"],
            json::parse(R"({"message":"answered 503","time":"2026-11-22T02:00:00.000Z"})"));
  EXPECT_EQ(shown()["latencyMs"], 250);
}

}  // namespace
}  // namespace farebox
