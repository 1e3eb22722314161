// Rules: what the operator says of budgets and limits, as the books want it.
#pragma once

#include <memory>

#include "config/base/result.hpp"
#include "policy/budget_book.hpp"
#include "policy/rate_limit.hpp"

namespace farebox {

// A budget, and what the admin API changed of it for a while.
struct BudgetOrder {
  BudgetSettings said;
  std::optional<BudgetRule::Override> limit_override, top_up;
  std::shared_ptr<const BudgetBase> base = nullptr;  // of records that are gone; null: of none
};

// Its id is its name. Error: invalid_config, of a scope or a time zone that can't be.
Result<BudgetRule> budget_rule(const BudgetOrder& order);

// Unnamed ones are called by their scope: "key=*". Error: as above.
Result<LimitRule> limit_rule(const RateLimitSettings& said);

// What a budget in `throttle` lets through once it is spent.
LimitRule throttle_rule(const BudgetSettings& said, const Scope& scope);

// "project=search,user=*"; "all" for a scope that matches everything.
std::string text_of(const ScopeSettings& scope);

}  // namespace farebox
