#include "proxy/budget_gauges.hpp"

namespace farebox {

GovernorGauges read_gauges(Governor& governor) {
  GovernorGauges gauges;
  governor.each_budget([&](const BudgetRule& rule, const BudgetStanding& standing) {
    BudgetGauge& sum = gauges.budgets[rule.name];
    sum.limit += standing.limit;
    sum.spent += standing.spent;
    sum.held += standing.held;
    sum.remaining += standing.remaining;
  });
  gauges.budget_refusals = governor.budget_refusals();
  // One that refused nobody yet is a zero, so that its first refusal is an increase.
  for (const auto& [name, gauge] : gauges.budgets) gauges.budget_refusals.try_emplace(name, 0);
  gauges.limit_refusals = governor.limit_refusals();
  return gauges;
}

}  // namespace farebox
