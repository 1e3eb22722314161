// What a hold and its settlement cost against a chain of five budgets, org > project > user >
// key and one for all, with few budgets and with a million (issue: at most 400 ns, and within
// 1.5x of that).
#include <benchmark/benchmark.h>

#include <random>
#include <string>
#include <vector>

#include "policy/budget_book.hpp"
#include "policy/rate_limit.hpp"

namespace farebox {
namespace {

const WallTime kNoon = std::chrono::sys_days(std::chrono::year(2026) / 11 / 21) +
                       std::chrono::hours(12);

struct Who {
  std::string org, project, user, key;

  ScopeValues values() const {
    ScopeValues values;
    values.org = org;
    values.project = project;
    values.user = user;
    values.key = key;
    return values;
  }
};

// A key belongs to a user, a user to a project, a project to an org.
std::vector<Who> people(std::size_t keys) {
  std::vector<Who> all(keys);
  for (std::size_t i = 0; i < keys; ++i) {
    all[i] = {"org-" + std::to_string(i / 1'000), "project-" + std::to_string(i / 100),
              "user-" + std::to_string(i / 4), "key-" + std::to_string(i)};
  }
  return all;
}

BudgetRule rule(const ScopeSettings& said, std::size_t number) {
  BudgetRule made;
  made.id = std::to_string(number);
  made.scope = *Scope::make(said);
  made.period = Period(BudgetPeriod::monthly, TimeZone(), {});
  made.limit = Money::dollars(1'000'000);
  return made;
}

// `keys` users of keys; about 1.26 times as many budgets.
void hold_and_settle(benchmark::State& state) {
  const auto keys = static_cast<std::size_t>(state.range(0));
  const std::vector<Who> all = people(keys);
  BudgetBook book(42, 10'000'000);
  std::size_t budgets = 0;
  book.add(rule({}, budgets++));
  std::string last[3];
  for (const Who& who : all) {
    if (last[0] != who.org) book.add(rule({{"org", last[0] = who.org}}, budgets++));
    if (last[1] != who.project) book.add(rule({{"project", last[1] = who.project}}, budgets++));
    if (last[2] != who.user) book.add(rule({{"user", last[2] = who.user}}, budgets++));
    book.add(rule({{"key", who.key}}, budgets++));
  }
  const BudgetAsk ask{{Money::picodollars(1'000'000), 0}, {Money::picodollars(9'000'000), 0}};
  BudgetHold hold;
  for (const Who& who : all) {  // every counter is there
    if (book.hold(who.values(), ask, kNoon, hold).verdict == BudgetAnswer::Verdict::held) book.release(hold);
  }
  std::mt19937_64 random(7);
  // Who calls: everybody alike, or a thousand of all.
  const std::size_t active = std::min(keys, static_cast<std::size_t>(state.range(1)));
  // In a row, as a request's own words were just read: it is the book that is measured.
  std::vector<Who> callers(1 << 16);
  for (Who& who : callers) who = all[random() % active * (keys / active)];
  std::size_t at = 0;
  for (auto _ : state) {
    const Who& who = callers[at++ & (callers.size() - 1)];
    const BudgetAnswer answer = book.hold(who.values(), ask, kNoon, hold);
    benchmark::DoNotOptimize(answer);
    book.settle(hold, {Money::picodollars(5'000'000), 0});
  }
  state.counters["budgets"] = static_cast<double>(budgets);
}
BENCHMARK(hold_and_settle)
    ->ArgNames({"keys", "active"})
    ->Args({800, 800})
    ->Args({800'000, 800})
    ->Args({800'000, 800'000});

void admit_and_finish(benchmark::State& state) {
  const auto keys = static_cast<std::size_t>(state.range(0));
  const std::vector<Who> all = people(keys);
  RateBook book(42, 10'000'000);
  const std::vector<Rate> rates = {{RateKind::requests, 1'000'000, std::chrono::seconds(60)},
                                   {RateKind::tokens, 1'000'000'000, std::chrono::seconds(60)}};
  book.add({"key", *Scope::make({{"key", "*"}}), rates, 1'000});
  book.add({"project", *Scope::make({{"project", "*"}}), rates, 0});
  std::mt19937_64 random(7);
  SteadyTime now{std::chrono::hours(1)};
  LimitHold hold;
  for (auto _ : state) {
    now += std::chrono::microseconds(10);
    const Who& who = all[random() % keys];
    const LimitAnswer answer = book.admit(who.values(), {100, 1'000}, now, hold);
    benchmark::DoNotOptimize(answer);
    book.finish(hold, {100, 500}, now);
  }
}
BENCHMARK(admit_and_finish)->ArgName("keys")->Arg(800)->Arg(800'000);

}  // namespace
}  // namespace farebox

BENCHMARK_MAIN();
