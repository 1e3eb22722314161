// Pricing: the cost of a usage, to the picodollar.
//
// Every count is multiplied by its price in 128 bits, factors are applied exactly,
// and the sum of everything is rounded ONCE, half up, to picodollars.
//
// Unknown is never zero: a count that the card has no price for makes the bill
// `priced = false`; its cost is then what could be priced, a lower bound.
#pragma once

#include <string_view>

#include "config/price_table.hpp"
#include "policy/usage.hpp"

namespace farebox {

struct Bill {
  Money cost;
  bool priced = false;     // every count of the usage has a price
  bool estimated = false;  // the usage was counted by farebox, or a price is a fallback
  Estimates estimated_by;  // why, as far as prices are concerned
};

// Prices `usage` with `card`. A null card and a usage nobody counted
// (UsageSource::none) give priced = false.
//
// The table finds the cards of sub-inferences (`usage.extras`) that ran on another
// model of the same provider; their cost is part of the bill.
//
// How counts that overlap are told apart, and which units tokens already cover, is
// said in the .cpp beside the lines that do it. Never allocates.
Bill price(const PriceCard* card, const Usage& usage, const PriceTable& table,
           std::string_view provider, DialectName dialect);

// The upper bound of a request, which a hold needs, goes beside `price` and walks
// the same rates with the dearest tier the reply may report.

}  // namespace farebox
