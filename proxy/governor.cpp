#include "proxy/governor.hpp"

#include <algorithm>

namespace farebox {
namespace {

using Verdict = BudgetAnswer::Verdict;

// What streams of a model are taken to need before one has ended.
constexpr Tokens kUnknownOutput = 128;
constexpr std::size_t kMostModels = 256;
// Places of counters that are looked at before others get the lock.
constexpr std::size_t kMostAtOnce = 128;

// May a budget become the other by changing its numbers, or its name, alone?
bool is_same_counter(const BudgetSettings& a, const BudgetSettings& b) {
  return a.scope == b.scope && a.period == b.period && a.time_zone == b.time_zone &&
         a.week_starts == b.week_starts && a.year_starts == b.year_starts;
}

void change(BudgetRule& rule, BudgetRule& wanted) {
  rule.limit = wanted.limit;
  rule.token_limit = wanted.token_limit;
  rule.warning_millionths = wanted.warning_millionths;
  rule.critical_millionths = wanted.critical_millionths;
  rule.on_exceeded = wanted.on_exceeded;
  rule.rollover = wanted.rollover;
  rule.downgrade_to = std::move(wanted.downgrade_to);
  rule.override_limit = wanted.override_limit;
  rule.top_up = wanted.top_up;
}

}  // namespace

Result<void> Governor::adopt(const std::vector<BudgetOrder>& budgets,
                             const std::vector<RateLimitSettings>& limits, const Ledger& ledger,
                             std::chrono::milliseconds longest_call) {
  std::vector<BudgetRule> rules;
  std::vector<LimitRule> throttles, rates;
  for (const BudgetOrder& order : budgets) {
    auto rule = budget_rule(order);
    if (!rule) return rule.error();
    if (rule->on_exceeded == OnExceeded::throttle) {
      throttles.push_back(throttle_rule(order.said, rule->scope));
    }
    rules.push_back(std::move(*rule));
  }
  for (const RateLimitSettings& said : limits) {
    auto rule = limit_rule(said);
    if (!rule) return rule.error();
    rates.push_back(std::move(*rule));
  }
  {
    const std::lock_guard lock(names_mutex_);
    const auto names = std::make_shared<ModelNames>(prices_);
    for (const BudgetRule& rule : rules) names->add(rule.scope);
    for (const LimitRule& rule : rates) names->add(rule.scope);
    names_ = names;
    counts_models_.store(names->any(), std::memory_order_relaxed);
  }
  {
    const std::lock_guard lock(limit_mutex_);
    limits_.assign(std::move(rates));
    has_limits_.store(!limits.empty(), std::memory_order_relaxed);
  }

  std::vector<BudgetRule*> added;
  Bases bases;
  {
    const std::lock_guard lock(budget_mutex_);
    for (const BudgetSettings& old : said_) {
      const bool stays = std::any_of(budgets.begin(), budgets.end(), [&](const auto& each) {
        return old.name == each.said.name && is_same_counter(old, each.said);
      });
      if (stays) continue;
      BudgetRule* const rule = budgets_.find(old.name);
      // Another name for the same: what is spent and held in it stays.
      const auto renamed = std::find_if(budgets.begin(), budgets.end(), [&](const auto& each) {
        return is_same_counter(old, each.said) && budgets_.find(each.said.name) == nullptr;
      });
      if (renamed != budgets.end() && rule != nullptr) {
        rule->id = rule->name = renamed->said.name;
        continue;
      }
      forget_late([&](const Late& late) { return late.rule == rule; });
      budgets_.remove(old.name);
    }
    for (std::size_t i = 0; i < rules.size(); ++i) {
      BudgetRule& rule = rules[i];
      BudgetRule* known = budgets_.find(rule.id);
      if (known != nullptr && known->seeding) {  // the ledger couldn't be read
        budgets_.remove(rule.id);
        known = nullptr;
      }
      if (known != nullptr) {
        change(*known, rule);
      } else {
        rule.seeding = true;
        added.push_back(&budgets_.add(std::move(rule)));
        if (budgets[i].base) bases.emplace(added.back(), budgets[i].base);
      }
    }
    assign_throttles(std::move(throttles));
    said_.clear();
    for (const BudgetOrder& order : budgets) said_.push_back(order.said);
    has_budgets_.store(!budgets.empty(), std::memory_order_relaxed);
    summing_ = !added.empty();
    if (!added.empty()) {
      const std::uint64_t version = version_.load(std::memory_order_relaxed) + 1;
      const SteadyTime until = clock_.steady_now() + 2 * longest_call;
      for (BudgetRule* const rule : added) late_.push_back({rule, version, until});
      version_.store(version, std::memory_order_seq_cst);
    }
  }
  return added.empty() ? Result<void>() : sum(std::move(added), bases, ledger, longest_call);
}

void Governor::use_prices(PriceTable prices) {
  const std::lock_guard lock(names_mutex_);
  prices_ = std::move(prices);
}

std::shared_ptr<const ModelNames> Governor::model_names() const {
  const std::lock_guard lock(names_mutex_);
  return names_;
}

void Governor::look_up_model(Record& record) const {
  ModelNames::Names names = model_names()->of(record.provider, record.requested_model);
  record.family = std::move(names.family);
  record.snapshot = std::move(names.snapshot);
}

ScopeValues Governor::named(ScopeValues values, ModelNames::Names& kept) const {
  if (!counts_models_.load(std::memory_order_relaxed)) return values;
  kept = model_names()->of(values.provider, values.model);
  values.family = kept.family;
  values.snapshot = kept.snapshot;
  return values;
}

void Governor::assign_throttles(std::vector<LimitRule> rules) {
  std::erase_if(throttles_, [&](const auto& old) {
    return std::none_of(rules.begin(), rules.end(),
                        [&](const LimitRule& rule) { return rule.name == old.first; });
  });
  for (LimitRule& rule : rules) {
    RateBook& book =
        throttles_.try_emplace(rule.name, seed_ + 2, most_values_).first->second;
    book.assign({std::move(rule)});
  }
}

LimitDecision Governor::admit(const ScopeValues& values, const RateUse& use, HeldRoom& room) {
  room.governor_ = this;
  LimitDecision decision;
  const SteadyTime now = clock_.steady_now();
  const std::lock_guard lock(limit_mutex_);
  const LimitAnswer answer = limits_.admit(values, use, now, room.hold_);
  decision.verdict = answer.verdict;
  decision.kind = answer.kind;
  decision.retry_after = answer.retry_after;
  decision.requests = answer.requests;
  decision.tokens = answer.tokens;
  if (answer.by != nullptr) {
    decision.by = answer.by->name;
    ++limit_refusals_[decision.by];
  }
  return decision;
}

void Governor::cancel(LimitHold& hold) {
  const SteadyTime now = clock_.steady_now();
  const std::lock_guard lock(limit_mutex_);
  limits_.cancel(hold, now);
}

void Governor::finish(LimitHold& hold, const RateUse& used) {
  const SteadyTime now = clock_.steady_now();
  const std::lock_guard lock(limit_mutex_);
  limits_.finish(hold, used, now);
}

BudgetDecision Governor::hold(const ScopeValues& values, const BudgetAsk& ask, HeldBudget& held) {
  BudgetDecision decision;
  held.governor_ = this;
  const std::lock_guard lock(budget_mutex_);
  // Budgets that are being summed count it when it ends, as those of before.
  held.version_ = version_.load(std::memory_order_relaxed) - (summing_ ? 1 : 0);
  decision.time = now();
  const BudgetAnswer answer = budgets_.hold(values, ask, decision.time, held.hold_);
  decision.verdict = answer.verdict;
  decision.granted = answer.granted;
  decision.remaining = answer.remaining;
  decision.status = answer.status;
  if (answer.status != BudgetStatus::ok) decision.worst = answer.worst->name;
  if (answer.by != nullptr) {
    decision.by = answer.by->name;
    decision.by_limit = answer.by_limit;
    decision.by_left = answer.by_left;
    decision.by_tokens_left = answer.by_tokens_left;
    decision.window_end = answer.window_end;
  }
  if (answer.downgrade != nullptr) {
    decision.downgrade_to = answer.downgrade->downgrade_to;
    decision.downgrade_by = answer.downgrade->name;
  }
  if (answer.verdict != Verdict::held) return decision;
  if (answer.throttle != nullptr) throttle(answer.throttle->name, values, held, decision);
  return decision;
}

// A budget that is spent lets some calls through; the others give back what they hold.
void Governor::throttle(const std::string& budget, const ScopeValues& values, HeldBudget& held,
                        BudgetDecision& decision) {
  const auto book = throttles_.find(budget);
  if (book == throttles_.end()) return;
  const SteadyTime now = clock_.steady_now();
  LimitHold slot;
  const LimitAnswer let = book->second.admit(values, {}, now, slot);
  book->second.finish(slot, {}, now);
  if (let.verdict == LimitAnswer::Verdict::admitted) return;
  decision.throttled = true;
  decision.by = budget;
  decision.retry_after = let.retry_after;
  budgets_.release(held.hold_);
  ++budget_refusals_[budget];
}

void Governor::count_refusal(const std::string& budget) {
  const std::lock_guard lock(budget_mutex_);
  ++budget_refusals_[budget];
}

BudgetAnswer::Verdict Governor::grow(HeldBudget& held, const BudgetAmount& more,
                                     std::uint32_t share) {
  const bool same = version_.load(std::memory_order_acquire) == held.version_;
  if (same && !held.binds()) return Verdict::held;
  const std::lock_guard lock(budget_mutex_);
  if (!same) collect_late(held);
  return budgets_.grow(held.hold_, more, now(), share);
}

void Governor::settle(HeldBudget& held, HoldId id, const ScopeValues& values,
                      const BudgetAmount& used, WallTime time) {
  const bool same = version_.load(std::memory_order_acquire) == held.version_;
  if (same && !held.binds()) return;
  const std::lock_guard lock(budget_mutex_);
  if (!held.id_) held.id_ = id;
  collect_late(held);
  budgets_.settle(held.hold_, used);
  settle_late(held, values, used, time);
  held.version_ = version_.load(std::memory_order_relaxed);
  held.id_ = HoldId();
}

void Governor::release(HeldBudget& held) {
  const bool same = !held.id_ || version_.load(std::memory_order_acquire) == held.version_;
  if (same && !held.binds()) return;
  const std::lock_guard lock(budget_mutex_);
  if (!same) {
    collect_late(held);
    for (Late& late : late_) {
      if (late.rule->seeding) late.over.insert(held.id_.value);
    }
  }
  budgets_.release(held.hold_);
  held.id_ = HoldId();
}

Tokens Governor::expected_output(std::string_view model) const {
  const std::lock_guard lock(output_mutex_);
  const auto known = outputs_.find(model);
  return known == outputs_.end() ? kUnknownOutput : known->second;
}

void Governor::note_output(std::string_view model, Tokens output) {
  const std::lock_guard lock(output_mutex_);
  const auto known = outputs_.find(model);
  if (known != outputs_.end()) {
    // Up at once, and slowly down.
    Tokens& most = known->second;
    most = output >= most ? output : most - (most - output) / 16;
  } else if (outputs_.size() < kMostModels) {
    outputs_.emplace(model, output);
  }
}

void Governor::each_budget(const BudgetBook::Visit& visit) {
  {
    const std::lock_guard lock(budget_mutex_);
    const SteadyTime steady = clock_.steady_now();
    forget_late([&](const Late& late) { return !late.rule->seeding && steady > late.until; });
  }
  BudgetBook::Walk walk;
  for (bool more = true; more;) {
    const std::lock_guard lock(budget_mutex_);
    more = budgets_.each_part(walk, kMostAtOnce, now(), visit);
  }
}

std::map<std::string, std::uint64_t> Governor::budget_refusals() const {
  const std::lock_guard lock(budget_mutex_);
  return budget_refusals_;
}

std::map<std::string, std::uint64_t> Governor::limit_refusals() const {
  const std::lock_guard lock(limit_mutex_);
  return limit_refusals_;
}

}  // namespace farebox
