// Reservation: what a call asks of its budgets, and what becomes of it where they pay less.
// Decisions without I/O.
#pragma once

#include <optional>

#include "policy/budget_book.hpp"
#include "policy/tokens/token_counter.hpp"
#include "proxy/stages/stages.hpp"

namespace farebox {

struct Reservation {
  BudgetAsk whole;  // the whole worst case, or nothing
  // With less of an answer; nothing: there is no less.
  std::optional<BudgetAsk> part;
  Tokens most_output = 0;   // for each answer, of the whole
  bool grows = false;       // the rest may be had while the stream runs
  bool begins_small = false;  // a stream without a maximum: the whole only where there is plenty
  bool must_lower = false;  // neither the request nor the model has a maximum: we set one
};

// Does the call make nobody work who will send a bill?
bool costs_nothing(std::string_view method, const Call& call);

Reservation plan_reservation(const Call& call, const Record& draft, const CallBound* bound,
                             const EnforcementSettings& rules);

// The most tokens the input can have in the model's own vocabulary, of which `bounding` is
// (TokenCounter::make_bounding), where the body is small: mostly far fewer than octets.
// Nothing: octets it is.
std::optional<Tokens> bound_input(const Call& call, TokenCounter* bounding);

}  // namespace farebox
