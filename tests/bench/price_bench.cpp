// What a look-up, a bill and a load of the price table cost.
#include <benchmark/benchmark.h>

#include "config/price_table.hpp"
#include "policy/pricing.hpp"

namespace farebox {
namespace {

void find(benchmark::State& state, std::string_view provider, std::string_view model) {
  const Result<PriceTable> table = PriceTable::bundled();
  for (auto _ : state) {
    benchmark::DoNotOptimize(table->find(provider, DialectName::openai, model));
  }
}
BENCHMARK_CAPTURE(find, hit, "openai", "gpt-4o-mini");
BENCHMARK_CAPTURE(find, snapshot_alias, "openai", "gpt-4o-mini-2024-07-18");
BENCHMARK_CAPTURE(find, unknown_provider, "my-proxy", "gpt-4o-mini");
BENCHMARK_CAPTURE(find, unlisted_snapshot, "openai", "gpt-4o-mini-2031-01-01");
BENCHMARK_CAPTURE(find, miss, "openai", "no-such-model");

void price_usage(benchmark::State& state, const Usage& usage) {
  const Result<PriceTable> table = PriceTable::bundled();
  const PriceCard* card = table->find("anthropic", DialectName::anthropic, "claude-opus-4-6");
  for (auto _ : state) {
    benchmark::DoNotOptimize(price(card, usage, *table, "anthropic", DialectName::anthropic));
  }
}

Usage plain_usage() {
  Usage usage;
  usage.source = UsageSource::reported;
  usage.input = 1'234;
  usage.output = 567;
  usage.service_tier = "standard";
  return usage;
}

Usage full_usage() {
  Usage usage = plain_usage();
  usage.cached_input = 300;
  usage.cache_write = 200;
  usage.cache_write_1h = 50;
  usage.reasoning = 100;
  usage.inference_geo = "us";
  usage.speed = "fast";
  usage.extras.push_back(
      {.type = "advisor_message", .model = "claude-sonnet-4-5", .input = 10, .output = 5});
  usage.extras.push_back({.type = "web_search", .model = "", .count = 2});
  return usage;
}
BENCHMARK_CAPTURE(price_usage, plain, plain_usage());
BENCHMARK_CAPTURE(price_usage, full, full_usage());

void load_bundled(benchmark::State& state) {
  for (auto _ : state) benchmark::DoNotOptimize(PriceTable::bundled());
}
BENCHMARK(load_bundled)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace farebox
