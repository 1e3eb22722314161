// SpendSeries: what a scope spent, hour by hour, as the ledger's rollups tell it.
#pragma once

#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "policy/scope.hpp"
#include "policy/spend_days.hpp"
#include "storage/ledger.hpp"

namespace farebox {

struct SpendSeries {
  // Rising, without a gap in what is known; hours without spend aren't there. An hour of UTC
  // that `cut` divides (places with half hours) is two pieces, each with its own records.
  std::vector<SpendPiece> pieces;
  // What was before isn't known: the question's begin, or the first spend there is.
  WallTime since;
};

// Which records are of this scope with these values, one for each of its parts. Nothing:
// rollups don't tell tags apart. NB: they know the model that answered, not the one asked for,
// so a scope with a model may find too little.
std::optional<RecordFilter> rollup_filter(const Scope& scope,
                                          std::span<const std::string_view> values);

// Costs as budgets count them, so without corrections, of [from, now). `cut`, such as a
// window's begin, lies within. Reads from disk: never on a worker. Errors: the ledger's.
Result<SpendSeries> read_spend(const Ledger& ledger, RecordFilter filter, WallTime from,
                               WallTime cut, WallTime now);

// The sum of the pieces from there on.
Money spent_since(const SpendSeries& series, WallTime from);

}  // namespace farebox
