// What a look-up, a bill and a load of the price table cost, and what the table adds to
// the resident memory: with few models named, as in use, and with every card unpacked; and
// what the dearest golden bill costs.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "config/price_table.hpp"
#include "policy/pricing.hpp"
#include "proxy/golden_bill.hpp"

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
BENCHMARK_CAPTURE(find, fine_tuned, "openai", "ft:gpt-4o-2024-08-06:acme::A1b2");
BENCHMARK_CAPTURE(find, gateway, "litellm", "anthropic/claude-opus-4-6");
BENCHMARK_CAPTURE(find, miss, "openai", "no-such-model");

// With the look-up of the answer's card, as settle does it.
void price_usage(benchmark::State& state, const Usage& usage) {
  const Result<PriceTable> table = PriceTable::bundled();
  for (auto _ : state) {
    const PriceContext context{.table = *table, .provider = "anthropic",
                               .dialect = DialectName::anthropic};
    const PriceMatch match = match_answer(context, "claude-opus-4-6", "claude-opus-4-6");
    benchmark::DoNotOptimize(price(match, usage, context));
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

void load_file(benchmark::State& state) {
  std::ifstream stream(FAREBOX_SOURCE_DIR "/config/prices.json");
  const std::string text((std::istreambuf_iterator<char>(stream)), std::istreambuf_iterator<char>());
  for (auto _ : state) benchmark::DoNotOptimize(PriceTable::parse(text, "prices.json"));
}
BENCHMARK(load_file)->Unit(benchmark::kMillisecond);

// The best of several runs, in nanoseconds: other programs only ever add.
template <class Work>
double best_time(Work work) {
  constexpr int kRounds = 7, kTimes = 2'000;
  double best = 1e9;
  for (int round = 0; round < kRounds; ++round) {
    const auto begin = std::chrono::steady_clock::now();
    for (int i = 0; i < kTimes; ++i) work();
    const std::chrono::duration<double, std::nano> took = std::chrono::steady_clock::now() - begin;
    best = std::min(best, took.count() / kTimes);
  }
  return best;
}

// Every golden bill, with the look-up of its card as above: the dearest and the mean.
void print_golden_bills() {
  const Result<PriceTable> table = PriceTable::bundled();
  struct Timed {
    double nanoseconds;
    std::string id;
  };
  std::vector<Timed> timed;
  for (const auto& file : std::filesystem::directory_iterator(FAREBOX_SOURCE_DIR "/tests/golden")) {
    if (file.path().extension() != ".json") continue;
    std::ifstream stream(file.path());
    const std::string text((std::istreambuf_iterator<char>(stream)), std::istreambuf_iterator<char>());
    const auto bills = read_golden_bills(text, file.path().string());
    if (!bills) continue;
    for (const GoldenBill& bill : *bills) {
      if (!bill.usage) continue;
      const PriceContext context{.table = *table, .provider = bill.call.provider,
                                 .dialect = bill.call.dialect};
      const auto work = [&] {
        const PriceMatch match = match_answer(context, bill.model, bill.model);
        benchmark::DoNotOptimize(price(match, *bill.usage, context));
      };
      work();  // unpacks the cards
      timed.push_back({best_time(work), bill.id});
    }
  }
  std::sort(timed.begin(), timed.end(),
            [](const Timed& a, const Timed& b) { return a.nanoseconds > b.nanoseconds; });
  double sum = 0;
  for (const Timed& each : timed) sum += each.nanoseconds;
  std::printf("golden: %zu bills, %.0f ns in the mean, the dearest:\n", timed.size(),
              sum / static_cast<double>(timed.size()));
  for (std::size_t i = 0; i < std::min<std::size_t>(timed.size(), 5); ++i) {
    std::printf("  %.0f ns %s\n", timed[i].nanoseconds, timed[i].id.c_str());
  }
}

// VmRSS of this process in KiB, pages of files included.
long resident() {
  std::ifstream status("/proc/self/status");
  long kib = 0;
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("VmRSS:")) std::sscanf(line.c_str() + 6, "%ld", &kib);
  }
  return kib;
}

void print_memory() {
  const long before = resident();
  const Result<PriceTable> table = PriceTable::bundled();
  for (const char* model : {"gpt-4o", "gpt-4o-mini", "gpt-5", "o3", "no-such-model"}) {
    benchmark::DoNotOptimize(table->find("openai", DialectName::openai, model));
  }
  const long used = resident();
  std::size_t cards = 0;
  table->each([&cards](const PriceCard&) { ++cards; });
  std::printf("memory: %ld KiB with a few models named, %ld KiB with all %zu cards unpacked\n",
              used - before, resident() - before, cards);
}

}  // namespace
}  // namespace farebox

int main(int argc, char** argv) {
  farebox::print_memory();
  farebox::print_golden_bills();
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
