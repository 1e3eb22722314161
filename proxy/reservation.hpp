// Reservation: what a call asks of its budgets, and what becomes of it where they pay less.
// Decisions without I/O.
#pragma once

#include <boost/container/static_vector.hpp>

#include <optional>

#include "policy/budget_book.hpp"
#include "policy/tokens/token_counter.hpp"
#include "proxy/stages/stages.hpp"

namespace farebox {

struct Reservation {
  // One of several ways to begin, the best first.
  struct Way {
    BudgetAsk ask;
    bool waits = true;  // for money that is held by others, before the next way is tried
  };
  // The whole worst case; where there is less than that, a part: what streams of this model
  // mostly need, then whatever is left.
  boost::container::static_vector<Way, 3> ways;
  Tokens most_output = 0;   // for each answer, of the whole
  bool grows = false;       // the rest may be had while the stream runs
  bool must_lower = false;  // neither the request nor the model has a maximum: we set one

  const BudgetAmount& whole() const { return ways.front().ask.wanted; }
};

// Does the call make nobody work who will send a bill?
bool costs_nothing(std::string_view method, const Call& call);

// The first way alone, which is all that most calls need.
Reservation plan_reservation(const Call& call, const Record& draft, const CallBound* bound,
                             const EnforcementSettings& rules);

// All ways there are. `expected`: tokens that an answer of this model mostly stays below.
Reservation plan_all_ways(const Call& call, const Record& draft, const CallBound* bound,
                          Tokens expected, const EnforcementSettings& rules);

// The most tokens the input can have in the model's own vocabulary, of which `bounding` is
// (TokenCounter::make_bounding), where the body is small: mostly far fewer than octets.
// Nothing: octets it is.
std::optional<Tokens> bound_input(const Call& call, TokenCounter* bounding);

}  // namespace farebox
