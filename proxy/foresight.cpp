#include "proxy/foresight.hpp"

#include <algorithm>
#include <vector>

#include "proxy/budget_outlook.hpp"

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
  looked_ = hour;
  look_at_budgets(now);
  look_at_spend(now);
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

}  // namespace farebox
