#include "proxy/foresight.hpp"

#include <algorithm>
#include <utility>
#include <vector>

#include "proxy/budget_outlook.hpp"
#include "proxy/retry_memory.hpp"

namespace farebox {
namespace {

// How much of a budget is spent, in millionths.
Int128 part_of(const BudgetStanding& standing) {
  const Int128 limit = std::max<Int128>(standing.limit.picodollars(), 1);
  return standing.spent.picodollars() * 1'000'000 / limit;
}

}  // namespace

void Foresight::look() {
  const WallTime now = clock_.wall_now();
  const WallTime hour = std::chrono::floor<std::chrono::hours>(now);
  if (looked_ && *looked_ >= hour) return;
  const bool first = !std::exchange(looked_, hour).has_value();
  look_at_budgets(now);
  look_at_spend(now);
  // Nobody knows yet what the hour had that is over.
  if (first) remember_retries();
  else look_at_retries(hour - std::chrono::hours(1));
}

void Foresight::look_at_budgets(WallTime now) {
  struct Seen {
    Int128 part;
    BudgetFound budget;
    BudgetSight sight;
  };
  const auto nearer = [](const Seen& a, const Seen& b) { return a.part > b.part; };
  std::vector<Seen> nearest;  // a heap with the farthest of them on top
  governor_.each_budget([&](const BudgetRule& rule, const BudgetStanding& standing) {
    const bool open = standing.spent > Money() && standing.spent < standing.limit;
    if (!open || rule.seeding || rule.period.kind() == BudgetPeriod::total) return;
    const Int128 part = part_of(standing);
    if (nearest.size() == kMostBudgets && part <= nearest.front().part) return;
    Seen seen{part, {rule.id, rule, {standing.values.begin(), standing.values.end()}, standing},
              sight_of(rule, standing)};
    seen.budget.standing.values = {};
    if (nearest.size() == kMostBudgets) {
      std::pop_heap(nearest.begin(), nearest.end(), nearer);
      nearest.pop_back();
    }
    nearest.push_back(std::move(seen));
    std::push_heap(nearest.begin(), nearest.end(), nearer);
  });
  for (const Seen& seen : nearest) {
    const auto outlook = look_ahead(ledger_, seen.budget, now);
    if (!outlook) {
      log_.warn("what budgets will have spent can't be foreseen now", {{"why", outlook.error().context}});
      return;
    }
    const auto& projection = outlook->said.projection;
    if (!projection) continue;
    alerts_.note_forecast(seen.sight, {projection->total, projection->low, projection->high,
                                       outlook->said.limit_reached});
  }
}

void Foresight::look_at_spend(WallTime now) {
  const auto found = anomalies_.look(ledger_, now);
  if (!found) {
    log_.warn("spend can't be compared with the usual now", {{"why", found.error().context}});
    return;
  }
  for (const SpendAnomaly& anomaly : *found) alerts_.note_anomaly(anomaly);
}

// Of the calls since the last look, which was in the hour before.
void Foresight::look_at_retries(WallTime hour) {
  for (const SpendAnomaly& storm : storms_.add_hour(metrics_.take_retries(), hour)) {
    alerts_.note_anomaly(storm);
  }
  if (!retries_) return;
  if (const auto kept = retries_->save(retry_memory_json(storms_.memory())); !kept) {
    log_.warn("what is usual of retries wasn't kept; a restart learns it anew",
              {{"why", kept.error().context}});
  }
}

void Foresight::remember_retries() {
  if (!retries_) return;
  const auto kept = retries_->load();
  if (!kept && kept.error().code == ErrorCode::not_found) return;
  auto memory = kept ? read_retry_memory(*kept) : Result<std::vector<RetryStorms::Memory>>(kept.error());
  if (memory) return storms_.restore(std::move(*memory));
  const auto place = retries_->set_aside();
  log_.warn("what is usual of retries is learned anew",
            {{"why", memory.error().context},
             {"kept", place ? std::string_view(*place) : std::string_view()}});
}

}  // namespace farebox
