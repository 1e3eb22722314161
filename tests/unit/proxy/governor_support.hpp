// What tests of the governor share: a clock and a ledger of their own, orders, records.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <map>
#include <string>

#include "proxy/governor.hpp"
#include "storage/memory_ledger.hpp"
#include "storage/record_codec.hpp"

namespace farebox {

class GovernorClock final : public Clock {
 public:
  SteadyTime steady_now() const override { return steady; }
  WallTime wall_now() const override { return wall; }
  void pass(std::chrono::microseconds time) {
    steady += time;
    wall += time;
  }

  SteadyTime steady = SteadyTime() + std::chrono::hours(1);
  WallTime wall = std::chrono::sys_days(std::chrono::year(2026) / 11 / 21) + std::chrono::hours(12);
};

// A ledger in memory, and what happens just before and after its records are read.
class WatchedLedger final : public Ledger {
 public:
  HoldId make_hold_id() override { return inner.make_hold_id(); }
  Turn submit(Turn turn) override { return inner.submit(std::move(turn)); }
  Result<RecordPage> records(const RecordFilter& filter, std::size_t limit,
                             std::optional<std::uint64_t> below) const override {
    return inner.records(filter, limit, below);
  }
  Result<UsageReport> usage(const UsageQuery& query) const override { return inner.usage(query); }
  Result<void> scan(std::uint64_t first, const Visit& visit) const override {
    if (before) before();
    auto done = inner.scan(std::max(first, pruned), visit);
    if (after) after();
    return broken ? Result<void>(Error(ErrorCode::io_failed, "the disk is gone")) : done;
  }
  Result<void> open_holds(const Visit& visit) const override { return inner.open_holds(visit); }
  LedgerStatus status() const override { return inner.status(); }
  Result<void> rebuild() override { return {}; }
  void close() override {}

  MemoryLedger inner{100'000};
  std::function<void()> before, after;
  bool broken = false;
  std::uint64_t pruned = 1;  // records before it are gone
};

inline BudgetOrder order(std::string name, const ScopeSettings& scope, Money limit,
                         BudgetPeriod period = BudgetPeriod::daily) {
  BudgetOrder made;
  made.said.name = std::move(name);
  made.said.scope = scope;
  made.said.limit = limit;
  made.said.period = period;
  return made;
}

inline BudgetAsk ask(Money amount) { return {{amount, 0}, {amount, 0}}; }

// The longest that a call of the tests may last.
inline constexpr auto kLongest = std::chrono::milliseconds(60'000);

// A governor with a clock and a ledger of its own.
struct GovernorWorld {
  GovernorClock clock;
  WatchedLedger ledger;
  Governor governor{7, 1'000, clock};

  Result<void> adopt(const std::vector<BudgetOrder>& budgets,
                     const std::vector<RateLimitSettings>& limits = {},
                     std::chrono::milliseconds longest_call = kLongest) {
    return governor.adopt(budgets, limits, ledger, longest_call);
  }
  BudgetStanding standing(std::string_view name) {
    BudgetStanding found;
    bool there = false;
    governor.each_budget([&](const BudgetRule& rule, const BudgetStanding& standing) {
      if (rule.name != name) return;
      EXPECT_FALSE(there) << name << " is there twice";
      there = true;
      found = standing;
    });
    EXPECT_TRUE(there) << name;
    return found;
  }
  bool has(std::string_view name) {
    bool there = false;
    governor.each_budget([&](const BudgetRule& rule, const BudgetStanding&) {
      there |= rule.name == name;
    });
    return there;
  }
};

// A call of a project, as a worker makes it: held, written to the ledger, settled.
struct TestCall {
  TestCall(GovernorWorld& its, std::string project, Money most = Money::dollars(1)) : world(its) {
    record.project = std::move(project);
    record.hold = world.ledger.make_hold_id();
    decision = world.governor.hold(scope_of(record), ask(most), held);
    record.time = decision.time;
  }
  // The ledger has the most it may cost, but the governor doesn't know that yet.
  void hold_in_ledger(Money most) {
    record.cost = most;
    tell_ledger(Turn::What::hold);
  }
  void join() {
    world.governor.join(held, record.hold, scope_of(record), {record.cost, 0}, record.time);
  }
  void tell_ledger(Turn::What what) {
    record.priced = true;
    Turn turn;
    Turn::Write& write = turn.writes.emplace_back();
    write.what = what;
    write.hold = record.hold;
    if (what != Turn::What::release) encode_record(turn.octets, record, record.hold);
    write.size = turn.octets.size();
    world.ledger.submit(std::move(turn));
  }
  // In the order of the program: the ledger knows before the governor does.
  void write(Money cost) {
    record.cost = cost;
    world.ledger.inner.append(record);
  }
  void settle() {
    const BudgetAmount used{record.cost, record.usage.input + record.usage.output};
    world.governor.settle(held, record.hold, scope_of(record), used, record.time);
  }
  void end(Money cost) {
    write(cost);
    settle();
  }

  GovernorWorld& world;
  Record record;
  HeldBudget held;
  BudgetDecision decision;
};

}  // namespace farebox
