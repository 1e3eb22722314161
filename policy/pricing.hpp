// Pricing: the cost of a usage, to the picodollar.
//
// Every count is multiplied by its price in 128 bits, factors are applied exactly, the
// operator's discount or margin too, and the sum of everything is rounded ONCE, half up,
// to picodollars.
//
// Unknown is never zero: a count that the card has no price for makes the bill
// `priced = false`; its cost is then what could be priced, a lower bound.
//
// Some providers state what they charged (Usage::reported_cost). The table is asked
// first, so that a bill can be checked and itemised; where it has no card, not the whole
// price or only a guess of the route, and at gateways whose prices move (OpenRouter,
// Vercel), the provider's own figure is the bill, and `reported` says so. The factor
// applies to either.
#pragma once

#include <optional>
#include <string_view>

#include "config/base/clock.hpp"
#include "config/price_table.hpp"
#include "policy/exact_sum.hpp"
#include "policy/usage.hpp"

namespace farebox {

// What sets the price beside the usage and the model.
struct PriceContext {
  const PriceTable& table;
  std::string_view provider;  // the configured name
  DialectName dialect = DialectName::openai;
  std::string_view place = {};  // where the provider's host stands: "eu", "us-east5"; empty: unsaid
  WallTime when = {};           // of the request: prices have dates
  std::uint32_t factor = kNoPriceFactor;  // the operator's discount or margin, in millionths

  // The card of that model here and then.
  PriceMatch match(std::string_view model) const {
    return table.match({provider, dialect, model, place, when});
  }
};

// The card of an answer. The model the reply names sets the price, as an alias or a
// deployment only the request knows doesn't; the one that was asked for is the second
// choice. It is the first where it says more: Bedrock's geography is in the URL alone, and
// a gateway's route (x:free, x:groq) is left off the reply's name.
PriceMatch match_answer(const PriceContext& context, std::string_view replied,
                        std::string_view requested);

struct Bill {
  Money cost;
  bool priced = false;     // every count of the usage has a price
  bool estimated = false;  // the usage was counted by farebox, or a price is a fallback
  bool reported = false;   // the cost is the provider's own figure
  std::optional<Money> table_cost;  // then, what the price table would have charged, if it knows all
  Estimates estimated_by;  // why, as far as prices are concerned
};

// Prices `usage` with the card that was matched. No card and a usage nobody counted
// (UsageSource::none) give priced = false.
//
// The table finds the cards of sub-inferences (`usage.extras`) that ran on another
// model of the same provider; their cost is part of the bill.
//
// How counts that overlap are told apart is said in token_split.hpp, which units tokens
// already cover, in price_walk.hpp. Allocates nothing but what the table does for a card
// nobody asked for before.
Bill price(const PriceMatch& match, const Usage& usage, const PriceContext& context);

// The same without place, date and factor.
Bill price(const PriceCard* card, const Usage& usage, const PriceTable& table,
           std::string_view provider, DialectName dialect);

// What one of `usage.extras` adds to the bill of `usage`. Shown beside it, and rounded by
// itself: the shown costs of many extras may differ from their part of the bill, whose
// sum is rounded once, by half a picodollar each.
struct ExtraCost {
  Money cost;
  bool priced = false;
};
ExtraCost price_extra(const PriceMatch& match, const UsageExtra& extra, const Usage& usage,
                      const PriceContext& context);

}  // namespace farebox
