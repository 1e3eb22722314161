// Budgets that come while calls run: what was spent before is summed, and what the running
// calls may still cost is held.
//
// The ledger tells both: of each call it has the hold until it has the record. Its open holds
// are asked for after the version has changed and before the records, so a call is among the
// holds or the records, or sees the new version when its own hold is written.
#include <algorithm>

#include "proxy/governor.hpp"
#include "proxy/record_shares.hpp"

namespace farebox {
namespace {

// Combinations of "*" values that a base can have.
constexpr std::size_t kMostFolded = 1'000'000;

// Is it money spent under budgets? Corrections are exempt from limits.
bool is_spent(const Record& record) { return record.corrects == 0 && record.audit.empty(); }

}  // namespace

// What was spent under new budgets before they came, and is held since.
Result<void> Governor::sum(std::vector<BudgetRule*> added, const Bases& bases,
                           const Ledger& ledger, std::chrono::milliseconds longest_call) {
  const WallTime recent = clock_.wall_now() - 2 * longest_call;
  const auto each_added = [&](const auto& act) {
    for (Late& late : late_) {
      if (std::find(added.begin(), added.end(), late.rule) != added.end()) act(late);
    }
  };
  std::vector<LateCall> open;
  std::unordered_set<std::uint64_t> summed;
  Result<void> done;
  if (longest_call.count() != 0) {
    done = ledger.open_holds([&](const Record& draft) {
      const BudgetAmount most{draft.cost, draft.usage.input + draft.usage.output};
      open.push_back(late_call(draft.hold, scope_of(draft), most, draft.time));
    });
  }
  for (const auto& [rule, base] : bases) {
    const std::lock_guard lock(budget_mutex_);
    budgets_.restore(*rule, *base);
  }
  if (done) {
    // Names are looked up once for each model.
    std::map<std::pair<std::string, std::string>, ModelNames::Names> names;
    done = ledger.scan(1, [&](const Record& record) {
      if (!is_spent(record)) return;
      ScopeValues values = scope_of(record);
      if (counts_models_.load(std::memory_order_relaxed)) {
        const auto [at, is_new] = names.try_emplace({record.provider, record.requested_model});
        if (is_new) named(values, at->second);
        values.family = at->second.family;
        values.snapshot = at->second.snapshot;
      }
      if (record.hold && record.time >= recent) summed.insert(record.hold.value);
      const std::lock_guard lock(budget_mutex_);
      latest_ = std::max(latest_, record.time);
      for (const BudgetRule* const rule : added) {
        const auto base = bases.find(rule);
        if (base != bases.end() && record.sequence < base->second->first) continue;
        each_share(record, values, [&](const ScopeValues& whose, const BudgetAmount& share) {
          budgets_.replay(whose, share, record.time, rule);
        });
      }
    });
  }
  if (!done) {  // all of it is summed anew the next time
    const std::lock_guard lock(budget_mutex_);
    forget_late([&](const Late& late) {
      return std::find(added.begin(), added.end(), late.rule) != added.end();
    });
    return done;
  }
  {
    const std::lock_guard lock(budget_mutex_);
    each_added([&](Late& late) { late.counted.insert(summed.begin(), summed.end()); });
  }
  // There may be many, so that others get the lock between them.
  for (const LateCall& call : open) {
    const std::lock_guard lock(budget_mutex_);
    each_added([&](Late& late) { take_late(late, call); });
  }
  const std::lock_guard lock(budget_mutex_);
  summing_ = false;
  each_added([&](Late& late) {
    late.until = clock_.steady_now() + 2 * longest_call;
    late.rule->seeding = false;
    budgets_.changed();
    for (const LateCall& call : late.joined) take_late(late, call);
    for (const LateCall& call : late.ended) {
      if (late.counted.contains(call.hold)) continue;
      budgets_.replay(values_of(call), call.amount, call.time, late.rule);
    }
    late.joined.clear();
    late.ended.clear();
    late.over.clear();
  });
  if (longest_call.count() == 0) late_.clear();
  return done;
}

Result<std::vector<BudgetBase>> Governor::fold(const std::vector<BudgetOrder>& budgets,
                                               const Ledger& ledger, std::uint64_t first) const {
  BudgetBook book(seed_, kMostFolded);
  std::vector<BudgetRule*> rules;
  std::uint64_t from = first;
  for (const BudgetOrder& order : budgets) {
    auto rule = budget_rule(order);
    if (!rule) return rule.error();
    rules.push_back(&book.add(std::move(*rule)));
    if (order.base) book.restore(*rules.back(), *order.base);
    from = std::min(from, order.base ? order.base->first : 1);
  }
  const auto done = ledger.scan_part(from, first, [&](const Record& record) {
    if (!is_spent(record)) return;
    ModelNames::Names names;
    const ScopeValues values = named(scope_of(record), names);
    for (std::size_t i = 0; i < rules.size(); ++i) {
      if (budgets[i].base && record.sequence < budgets[i].base->first) continue;
      each_share(record, values, [&](const ScopeValues& whose, const BudgetAmount& share) {
        book.replay(whose, share, record.time, rules[i]);
      });
    }
  });
  if (!done) return done.error();
  std::map<const BudgetRule*, BudgetBase> bases;
  const WallTime now = clock_.wall_now();
  // Long before every window's end, so each counter stays in that of its last record.
  book.each(WallTime(), [&](const BudgetRule& rule, const BudgetStanding& its) {
    const bool over = its.window.end <= now && !rule.rollover;
    const bool empty = its.spent == Money() && its.spent_tokens == 0 && its.carried == Money();
    if (over || empty) return;
    bases[&rule].rows.push_back({{its.values.begin(), its.values.end()}, its.window.start, its.spent,
                                 its.carried, its.spent_tokens});
  });
  std::vector<BudgetBase> answer;
  for (const BudgetRule* const rule : rules) {
    answer.push_back(std::move(bases[rule]));
    answer.back().first = first;
  }
  return answer;
}

Governor::LateCall Governor::late_call(HoldId id, const ScopeValues& values,
                                       const BudgetAmount& amount, WallTime time) const {
  ModelNames::Names names;
  named(values, names);
  return {id.value,
          std::string(values.org),
          std::string(values.project),
          std::string(values.user),
          std::string(values.key),
          std::string(values.model),
          std::string(values.provider),
          std::move(names.family),
          std::move(names.snapshot),
          values.tags == nullptr ? std::map<std::string, std::string>() : *values.tags,
          amount,
          time};
}

ScopeValues Governor::values_of(const LateCall& call) {
  return {call.org,      call.project, call.user,   call.key,     call.model,
          call.provider, &call.tags,   call.family, call.snapshot};
}

// The call's worst case is held in the budget, once, unless it is over.
void Governor::take_late(Late& late, const LateCall& call) {
  if (late.over.contains(call.hold) || late.counted.contains(call.hold)) return;
  const ScopeValues values = values_of(call);
  if (!late.rule->scope.matches(values)) return;
  const auto [at, is_new] = late.held.try_emplace(call.hold);
  if (!is_new) return;
  budgets_.take(values, call.amount, call.time, now(), *late.rule, at->second);
  if (at->second.empty()) late.held.erase(at);
}

void Governor::join_late(HeldBudget& held, const ScopeValues& values, const BudgetAmount& most,
                         WallTime time) {
  const LateCall call = late_call(held.id_, values, most, time);
  const ScopeValues known = values_of(call);
  const std::lock_guard lock(budget_mutex_);
  for (Late& late : late_) {
    if (late.version <= held.version_ || !late.rule->scope.matches(known)) continue;
    if (late.rule->seeding) {
      late.joined.push_back(call);
    } else {
      take_late(late, call);
    }
  }
}

// What late budgets hold for a call becomes a part of its own hold. One that is still being
// summed holds nothing more for it.
void Governor::collect_late(HeldBudget& held) {
  if (!held.id_) return;
  const std::uint64_t id = held.id_.value;
  for (Late& late : late_) {
    if (late.version <= held.version_) continue;
    const auto found = late.held.find(id);
    if (found != late.held.end()) {
      budgets_.merge(held.hold_, found->second);
      late.held.erase(found);
      late.counted.insert(id);
    }
  }
}

void Governor::settle_late(const HeldBudget& held, const ScopeValues& values,
                           const BudgetAmount& used, WallTime time) {
  if (version_.load(std::memory_order_relaxed) == held.version_) return;
  look_at_all_.store(true, std::memory_order_relaxed);
  const SteadyTime steady = clock_.steady_now();
  const std::uint64_t id = held.id_.value;
  ModelNames::Names names;
  const ScopeValues known = named(values, names);
  for (Late& late : late_) {
    if (late.version <= held.version_) continue;
    if (late.rule->seeding) late.over.insert(id);
    if (late.counted.contains(id) || !late.rule->scope.matches(known)) continue;
    if (late.rule->seeding) {
      late.ended.push_back(late_call(held.id_, values, used, time));
    } else {
      budgets_.replay(known, used, time, late.rule);
    }
  }
  forget_late([&](const Late& late) { return !late.rule->seeding && steady > late.until; });
}

// Nobody is left who began before them, or they are gone themselves.
void Governor::forget_late(const std::function<bool(const Late&)>& which) {
  std::erase_if(late_, [&](Late& late) {
    if (!which(late)) return false;
    for (auto& [id, hold] : late.held) budgets_.release(hold);
    return true;
  });
}

}  // namespace farebox
