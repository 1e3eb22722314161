#include "proxy/metrics.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdio>
#include <map>
#include <set>
#include <sstream>
#include <thread>

namespace farebox {
namespace {

using namespace std::string_view_literals;
using Format = Metrics::Format;

Record record() {
  Record row;
  row.provider = "openai";
  row.model = "gpt-4.1";
  row.model_known = true;
  row.endpoint = "chat.completions";
  row.project = "search";
  row.status = 200;
  row.metered = true;
  row.priced = true;
  row.usage.source = UsageSource::reported;
  row.usage.input = 100;
  row.usage.output = 50;
  row.usage.cached_input = 40;
  row.usage.cache_write = 10;
  row.usage.reasoning = 20;
  row.cost = Money::picodollars(1'500'000'000);
  row.attempts.emplace_back();
  return row;
}

Timings timings(std::chrono::microseconds total) {
  const SteadyTime start = SteadyTime() + std::chrono::hours(1);
  return {start, start + total / 4, start + total / 2, start + total / 2, start + total};
}

// Every sample of a scrape by name and labels; a second one of the same is an error.
std::map<std::string, double> samples_of(const std::string& text) {
  std::map<std::string, double> samples;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    if (line.empty() || line.front() == '#') continue;
    const std::size_t blank = line.rfind(' ');
    const bool added = samples.emplace(line.substr(0, blank), std::stod(line.substr(blank + 1))).second;
    EXPECT_TRUE(added) << "twice: " << line;
  }
  return samples;
}

struct Scrape {
  Metrics metrics{50};
  MetricsShard& shard = metrics.add_shard();

  std::string text(Format format = Format::prometheus) const { return metrics.scrape({}, format); }
  std::map<std::string, double> samples() const { return samples_of(text()); }
};

// promtool reads what Prometheus would; its complaints about style don't matter here.
void expect_promtool_reads(const std::string& text) {
  if (std::system("command -v promtool >/dev/null 2>&1") != 0) return;
  const std::string file = ::testing::TempDir() + "farebox-metrics-" + std::to_string(::getpid());
  std::FILE* const out = std::fopen(file.c_str(), "w");
  ASSERT_NE(out, nullptr);
  std::fwrite(text.data(), 1, text.size(), out);
  std::fclose(out);
  const std::string command = "promtool check metrics < " + file + " 2>&1";
  std::FILE* const tool = ::popen(command.c_str(), "r");
  ASSERT_NE(tool, nullptr);
  std::string said;
  char piece[512];
  while (std::fgets(piece, sizeof piece, tool) != nullptr) said += piece;
  EXPECT_EQ(::pclose(tool), 0) << said;
  std::remove(file.c_str());
}

TEST(Metrics, CountsARequestUnderTheNamesOfTheContract) {
  Scrape scrape;
  Record row = record();
  for (int i = 0; i < 4; ++i) scrape.shard.count_retry("openai", "connection");
  scrape.shard.count(row, timings(std::chrono::milliseconds(100)));
  scrape.shard.count(row, timings(std::chrono::milliseconds(100)));
  scrape.shard.count_malformed(400);
  scrape.shard.count_refused_key("revoked");
  const auto samples = scrape.samples();
  const std::pair<const char*, double> expected[] = {
      {R"(farebox_requests_total{provider="openai",model="gpt-4.1",endpoint="chat.completions",code="200",outcome="ok"})", 2},
      {R"(farebox_tokens_total{provider="openai",model="gpt-4.1",project="search",type="input"})", 200},
      {R"(farebox_tokens_total{provider="openai",model="gpt-4.1",project="search",type="cached_input"})", 80},
      {R"(farebox_tokens_total{provider="openai",model="gpt-4.1",project="search",type="cache_write"})", 20},
      {R"(farebox_tokens_total{provider="openai",model="gpt-4.1",project="search",type="output"})", 100},
      {R"(farebox_tokens_total{provider="openai",model="gpt-4.1",project="search",type="reasoning"})", 40},
      {R"(farebox_cost_usd_total{provider="openai",model="gpt-4.1",project="search"})", 0.003},
      {R"(farebox_retries_total{provider="openai",reason="connection"})", 4},
      {R"(farebox_malformed_requests_total{code="400"})", 1},
      {R"(farebox_auth_failures_total{reason="revoked"})", 1},
      {"farebox_ledger_dropped_total", 0},
      {"farebox_streams_active", 0},
      {"farebox_request_duration_seconds_count", 2},
      {"farebox_overhead_seconds_count", 2},
      {"farebox_time_to_first_token_seconds_count", 2},
  };
  for (const auto& [name, value] : expected) {
    const auto found = samples.find(name);
    ASSERT_NE(found, samples.end()) << name << "\n" << scrape.text();
    EXPECT_DOUBLE_EQ(found->second, value) << name;
  }
  for (const char* family : {"farebox_build_info", "process_cpu_seconds_total", "process_resident_memory_bytes",
                             "process_virtual_memory_bytes", "process_start_time_seconds"}) {
    EXPECT_NE(scrape.text().find("# TYPE " + std::string(family) + " "), std::string::npos) << family;
  }
}

TEST(Metrics, TheSnapshotOfTheProgramIsShown) {
  Metrics metrics(10);
  MetricsSnapshot snapshot;
  snapshot.ledger.appended = 7;
  snapshot.client_connections = 3;
  snapshot.upstreams.push_back({"openai", 1, 2, 3, 8, {4, 0, 0, 9}, 5, 6, false});
  snapshot.upstreams.push_back({"gemini", 0, 0, 0, 0, {}, 0, 0});
  const auto samples = samples_of(metrics.scrape(snapshot, Format::prometheus));
  EXPECT_EQ(samples.at("farebox_ledger_records_total"), 7);
  EXPECT_EQ(samples.at("farebox_client_connections"), 3);
  EXPECT_EQ(samples.at(R"(farebox_upstream_connections{provider="openai",state="idle"})"), 1);
  EXPECT_EQ(samples.at(R"(farebox_upstream_connections{provider="openai",state="busy"})"), 2);
  EXPECT_EQ(samples.at(R"(farebox_upstream_connections{provider="openai",state="connecting"})"), 3);
  EXPECT_EQ(samples.at(R"(farebox_upstream_connects_total{provider="openai",reason="first"})"), 4);
  EXPECT_EQ(samples.at(R"(farebox_upstream_connects_total{provider="openai",reason="replace"})"), 9);
  EXPECT_EQ(samples.at(R"(farebox_upstream_waiting{provider="openai"})"), 8);
  EXPECT_EQ(samples.at(R"(farebox_provider_healthy{provider="openai"})"), 0);
  EXPECT_FALSE(samples.contains(R"(farebox_provider_healthy{provider="gemini"})"));
  EXPECT_EQ(samples.at(R"(farebox_upstream_connects_total{provider="openai",reason="failed"})"), 5);
  EXPECT_EQ(
      samples.at(R"(farebox_upstream_connects_total{provider="openai",reason="failed_at_proxy"})"), 6);
  EXPECT_EQ(samples.at(R"(farebox_upstream_connections{provider="gemini",state="idle"})"), 0);
}

TEST(Metrics, ReloadsAndTheCertificateAreShown) {
  Metrics metrics(10);
  MetricsSnapshot snapshot;
  snapshot.reloads = {3, 2, false, WallTime(std::chrono::seconds(1'000))};
  auto samples = samples_of(metrics.scrape(snapshot, Format::prometheus));
  EXPECT_EQ(samples.at(R"(farebox_config_reloads_total{result="success"})"), 3);
  EXPECT_EQ(samples.at(R"(farebox_config_reloads_total{result="failure"})"), 2);
  EXPECT_EQ(samples.at("farebox_config_last_reload_successful"), 0);
  EXPECT_EQ(samples.at("farebox_config_last_reload_success_timestamp_seconds"), 1'000);
  EXPECT_FALSE(samples.contains("farebox_tls_certificate_not_after_seconds"));
  snapshot.certificate_not_after = WallTime(std::chrono::seconds(2'000));
  samples = samples_of(metrics.scrape(snapshot, Format::prometheus));
  EXPECT_EQ(samples.at("farebox_tls_certificate_not_after_seconds"), 2'000);
}

TEST(Metrics, BudgetsAndRefusalsAreShown) {
  Metrics metrics(10);
  MetricsSnapshot snapshot;
  snapshot.governor.budgets["search"] = {Money::dollars(500), Money::picodollars(1), Money::dollars(2),
                                         *Money::parse("497.999999999999")};
  snapshot.governor.budget_refusals = {{"search", 3}, {"gone", 1}};
  snapshot.governor.limit_refusals = {{"key=*", 7}};
  const std::string text = metrics.scrape(snapshot, Format::prometheus);
  const auto samples = samples_of(text);
  EXPECT_EQ(samples.at(R"(farebox_budget_limit_usd{budget="search"})"), 500);
  EXPECT_EQ(samples.at(R"(farebox_budget_spent_usd{budget="search"})"), 1e-12);
  EXPECT_EQ(samples.at(R"(farebox_budget_held_usd{budget="search"})"), 2);
  EXPECT_DOUBLE_EQ(samples.at(R"(farebox_budget_remaining_usd{budget="search"})"), 497.999999999999);
  EXPECT_EQ(samples.at(R"(farebox_budget_refusals_total{budget="search"})"), 3);
  EXPECT_EQ(samples.at(R"(farebox_budget_refusals_total{budget="gone"})"), 1);
  EXPECT_EQ(samples.at(R"(farebox_rate_limited_total{limit="key=*"})"), 7);
  expect_promtool_reads(text);
  expect_promtool_reads(metrics.scrape({}, Format::prometheus));
}

TEST(Metrics, BudgetsBeyondTheCapAreAddedUpAsOther) {
  Metrics metrics(3);
  MetricsSnapshot snapshot;
  for (int i = 0; i < 9; ++i) {
    const std::string name = "b" + std::to_string(i);
    snapshot.governor.budgets[name] = {Money::dollars(10), Money::dollars(i), Money(), Money::dollars(10 - i)};
    snapshot.governor.budget_refusals[name] = 1;
    snapshot.governor.limit_refusals[name] = 2;
  }
  // Both are cleaned to the same text, which would give one series twice.
  snapshot.governor.budgets["\x01"] = snapshot.governor.budgets["\x02"] = {Money::dollars(1), {}, {}, {}};
  const std::string text = metrics.scrape(snapshot, Format::prometheus);
  const auto samples = samples_of(text);
  EXPECT_EQ(samples.at(R"(farebox_budget_limit_usd{budget="_"})"), 2);
  EXPECT_EQ(samples.at(R"(farebox_budget_spent_usd{budget="b1"})"), 1);
  EXPECT_EQ(samples.at(R"(farebox_budget_limit_usd{budget="other"})"), 70);
  EXPECT_EQ(samples.at(R"(farebox_budget_spent_usd{budget="other"})"), 2 + 3 + 4 + 5 + 6 + 7 + 8);
  EXPECT_EQ(samples.at(R"(farebox_budget_refusals_total{budget="other"})"), 7);
  EXPECT_EQ(samples.at(R"(farebox_rate_limited_total{limit="b2"})"), 2);
  EXPECT_EQ(samples.at(R"(farebox_rate_limited_total{limit="other"})"), 12);
  expect_promtool_reads(text);
}

TEST(Metrics, AnUnknownCostIsCountedAndAddsNothing) {
  Scrape scrape;
  Record row = record();
  row.priced = false;
  scrape.shard.count(row, timings(std::chrono::milliseconds(1)));
  row.metered = false;
  row.usage.source = UsageSource::none;
  scrape.shard.count(row, timings(std::chrono::milliseconds(1)));
  const auto samples = scrape.samples();
  EXPECT_EQ(samples.at(R"(farebox_unpriced_requests_total{model="gpt-4.1"})"), 1);
  EXPECT_EQ(samples.at(R"(farebox_cost_usd_total{provider="openai",model="gpt-4.1",project="search"})"), 0);
}

TEST(Metrics, ShardsAddUp) {
  Metrics metrics(10);
  MetricsShard& one = metrics.add_shard();
  MetricsShard& two = metrics.add_shard();
  std::thread other([&] {
    for (int i = 0; i < 300; ++i) two.count(record(), timings(std::chrono::milliseconds(1)));
  });
  for (int i = 0; i < 200; ++i) {
    one.count(record(), timings(std::chrono::milliseconds(1)));
    if (i % 50 == 0) metrics.scrape({}, Format::prometheus);
  }
  other.join();
  const auto running = one.running();
  const auto samples = samples_of(metrics.scrape({}, Format::prometheus));
  EXPECT_EQ(samples.at("farebox_request_duration_seconds_count"), 500);
  EXPECT_EQ(samples.at(R"(farebox_tokens_total{provider="openai",model="gpt-4.1",project="search",type="input"})"), 50'000);
  EXPECT_EQ(samples.at("farebox_streams_active"), 1);
}

TEST(Metrics, BeyondTheCapLabelsAreOther) {  // reliability, X9
  Metrics metrics(20);
  MetricsShard& one = metrics.add_shard();
  MetricsShard& two = metrics.add_shard();
  for (int i = 0; i < 2'000; ++i) {
    Record row = record();
    row.model = "m" + std::to_string(i);
    row.project = "p" + std::to_string(i);
    (i % 2 == 0 ? one : two).count(row, timings(std::chrono::milliseconds(1)));
  }
  const std::string text = metrics.scrape({}, Format::prometheus);
  double requests = 0;
  std::set<std::string> models;
  for (const auto& [name, value] : samples_of(text)) {
    if (!name.starts_with("farebox_requests_total")) continue;
    requests += value;
    models.insert(name);
  }
  EXPECT_EQ(requests, 2'000);
  EXPECT_LE(models.size(), 21u);
  EXPECT_NE(text.find("model=\"other\""), std::string::npos);
  EXPECT_NE(text.find("project=\"other\""), std::string::npos);
  EXPECT_NE(text.find("model=\"m0\""), std::string::npos);
  EXPECT_LT(text.size(), 100'000u);
}

TEST(Metrics, AModelThatOnlyFailsGetsNoSeriesOfItsOwn) {
  Scrape scrape;
  for (const int status : {0, 404, 500}) {
    Record row = record();
    row.model = "made-up-" + std::to_string(status);
    row.model_known = false;
  row.status = static_cast<std::uint16_t>(status);
    row.outcome = Outcome::provider_error;
    scrape.shard.count(row, timings(std::chrono::milliseconds(1)));
  }
  EXPECT_EQ(scrape.text().find("made-up"), std::string::npos);
  EXPECT_EQ(scrape.samples().at(R"(farebox_requests_total{provider="openai",model="other",endpoint="chat.completions",code="404",outcome="provider_error"})"), 1);
}

TEST(Metrics, HostileLabelValuesHarmNoScrape) {
  const std::string long_name(10'000, 'x');
  const std::string cut_within_a_character = std::string(127, 'x') + "\xc3\xa9";
  const std::string_view hostile[] = {
      "\"} 1\nfarebox_forged_total{a=\"", "1\\", "2\n", "a\0b"sv, "\xff\xfe", "\xed\xa0\x80", "3\x7f",
      long_name, cut_within_a_character, "{}", "# EOF", "caf\xc3\xa9",
  };
  Scrape scrape;
  for (const std::string_view value : hostile) {
    Record row = record();
    row.model = row.project = value;
    row.priced = false;
    scrape.shard.count(row, timings(std::chrono::milliseconds(1)));
  }
  const std::string text = scrape.text();
  for (const auto& [name, value] : scrape.samples()) {
    EXPECT_TRUE(name.starts_with("farebox_") || name.starts_with("process_")) << name;
    EXPECT_FALSE(name.starts_with("farebox_forged")) << name;
    EXPECT_LT(name.size(), 600u);
  }
  EXPECT_NE(text.find("caf\xc3\xa9"), std::string::npos);
  for (const char c : text) EXPECT_TRUE(c == '\n' || static_cast<unsigned char>(c) >= 0x20);
  expect_promtool_reads(text);
}

// Once, a model name with 0x1F moved the labels behind it, and names that
// are cleaned to the same text gave the same series twice.
TEST(Metrics, LabelsAreCleanBeforeTheyAreKeys) {
  Scrape scrape;
  for (const char* model : {"a\x1f" "chat\x1f" "200\x1fok", "b\x01", "b\x02"}) {
    Record row = record();
    row.model = model;
    scrape.shard.count(row, timings(std::chrono::milliseconds(1)));
  }
  for (const auto& [name, value] : scrape.samples()) {
    if (name.starts_with("farebox_requests_total")) {
      EXPECT_NE(name.find(R"(endpoint="chat.completions",code="200",outcome="ok")"), std::string::npos) << name;
    }
  }
}

TEST(Metrics, HistogramsCountEveryDurationOnce) {
  Scrape scrape;
  const std::int64_t millis[] = {0, 5, 10, 11, 20, 320, 81'920, 200'000};
  double sum = 0;
  for (const std::int64_t each : millis) {
    scrape.shard.count(record(), timings(std::chrono::milliseconds(each)));
    sum += static_cast<double>(each) / 1000;
  }
  const auto samples = scrape.samples();
  const auto bucket = [&](const std::string& bound) {
    return samples.at("farebox_request_duration_seconds_bucket{le=\"" + bound + "\"}");
  };
  EXPECT_EQ(bucket("0.01"), 3);
  EXPECT_EQ(bucket("0.02"), 5);
  EXPECT_EQ(bucket("0.16"), 5);
  EXPECT_EQ(bucket("0.32"), 6);
  EXPECT_EQ(bucket("81.92"), 7);
  EXPECT_EQ(bucket("+Inf"), 8);
  EXPECT_EQ(samples.at("farebox_request_duration_seconds_count"), 8);
  EXPECT_NEAR(samples.at("farebox_request_duration_seconds_sum"), sum, 1e-6);
}

TEST(Metrics, WhatNeverHappenedIsNotTimed) {
  Scrape scrape;
  const SteadyTime start = SteadyTime() + std::chrono::hours(1);
  scrape.shard.count(record(), {start, {}, {}, {}, start + std::chrono::milliseconds(1)});
  const auto samples = scrape.samples();
  EXPECT_EQ(samples.at("farebox_request_duration_seconds_count"), 1);
  EXPECT_EQ(samples.at("farebox_overhead_seconds_count"), 0);
  EXPECT_EQ(samples.at("farebox_time_to_first_token_seconds_count"), 0);
}

TEST(Metrics, OpenMetricsNamesFamiliesWithoutTotalAndEnds) {
  Scrape scrape;
  scrape.shard.count(record(), timings(std::chrono::milliseconds(1)));
  const std::string text = scrape.text(Format::openmetrics);
  EXPECT_TRUE(text.ends_with("\n# EOF\n"));
  EXPECT_EQ(text.find("# EOF"), text.size() - 6);
  EXPECT_NE(text.find("# TYPE farebox_requests counter\n"), std::string::npos);
  EXPECT_NE(text.find("\nfarebox_requests_total{"), std::string::npos);
  EXPECT_EQ(text.find("# TYPE farebox_requests_total"), std::string::npos);
  EXPECT_EQ(scrape.text().find("# EOF"), std::string::npos);
}

TEST(Metrics, PromtoolReadsTheScrape) {
  if (std::system("command -v promtool >/dev/null 2>&1") != 0) GTEST_SKIP() << "no promtool here";
  Scrape scrape;
  expect_promtool_reads(scrape.text());
  scrape.shard.count(record(), timings(std::chrono::milliseconds(1)));
  scrape.shard.count_malformed(400);
  expect_promtool_reads(scrape.text());
}

}  // namespace
}  // namespace farebox
