// RecordShares: which provider's budgets pay for which part of a call.
//
// A try at another provider than the one that the record names is paid there; all else, tokens
// too, where the record says. What runs and what is summed from the ledger go by the same.
#pragma once

#include "policy/budget_book.hpp"
#include "proxy/governor.hpp"
#include "storage/record.hpp"

namespace farebox {

// Calls visit(const ScopeValues&, const BudgetAmount&), for the record's own provider last.
template <class Visit>
void each_share(const Record& record, ScopeValues values, Visit&& visit) {
  BudgetAmount rest{record.cost, record.usage.input + record.usage.output};
  for (const AttemptRecord& attempt : record.attempts) {
    if (attempt.cost == Money() || attempt.provider == record.provider) continue;
    ScopeValues there = values;
    there.provider = attempt.provider;
    visit(there, BudgetAmount{attempt.cost, 0});
    rest.money -= attempt.cost;
  }
  visit(values, rest);
}

}  // namespace farebox
