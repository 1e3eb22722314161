// BudgetOutlook: where a budget's window will end, from what the ledger's sums tell of it.
#pragma once

#include <string_view>

#include "policy/forecast.hpp"
#include "proxy/budget_finder.hpp"
#include "storage/ledger.hpp"

namespace farebox {

struct BudgetOutlook {
  Forecast said;
  Money limit;               // at the window's end
  std::string_view why_not;  // the sums can't be used, and only what is spent was; empty: they were
};

// Reads from disk: never on a worker. Errors: the ledger's.
Result<BudgetOutlook> look_ahead(const Ledger& ledger, const BudgetFound& budget, WallTime now);

}  // namespace farebox
