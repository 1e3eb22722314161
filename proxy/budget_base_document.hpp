// A budget's base as a document: what it had spent of records that are pruned.
#pragma once

#include <string>
#include <string_view>

#include "config/base/result.hpp"
#include "policy/budget_book.hpp"

namespace farebox {

std::string write_budget_base(const BudgetBase& base);

// Error: ledger_damaged, of a document nobody could have written.
Result<BudgetBase> read_budget_base(std::string_view json);

}  // namespace farebox
