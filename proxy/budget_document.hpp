// The budgets of the admin API as documents: JSON with the names of the API.
#pragma once

#include <string>
#include <string_view>

#include "config/base/result.hpp"
#include "proxy/budget_shelf.hpp"

namespace farebox {

// A budget of the API's, whole; of the configuration's only what the API changed of it.
std::string write_budget(const ShelvedBudget& budget);

// Into a budget whose id and owner are known. Error: ledger_damaged, of a document nobody
// could have written.
Result<void> read_budget(std::string_view json, ShelvedBudget& budget);

// What the API says of a budget that doesn't belong to one moment: scope, limits, owner.
void append_budget_terms(class JsonWriter& json, const ShelvedBudget& budget);

std::string_view name_of(BudgetPeriod period);
std::string_view name_of(OnExceeded action);

// What POST /api/budgets says. Error: bad_request, whose context is a sentence for the caller.
struct BudgetRequest {
  std::string id;  // empty: the one with its scope and period
  BudgetSettings said;
  bool alerts_enabled = true;
};
Result<BudgetRequest> read_budget_request(std::string_view json, const Settings& settings);

}  // namespace farebox
