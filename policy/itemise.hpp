// Itemise: a bill line by line, for people and for second opinions.
//
// Told by the walk that `price` adds up, so the lines are the bill: the sum of their
// exact amounts, times the factor, rounded once, is its cost. It allocates; requests are
// priced by `price`.
#pragma once

#include <string>
#include <vector>

#include "policy/pricing.hpp"

namespace farebox {

struct BillLine {
  std::string what;        // a token class or a unit of the price table; else what was counted
  std::string card;        // the id of the card that prices it; empty: none
  std::uint64_t count = 0;
  bool priced = false;     // false: no price is known, and what follows is zero
  Int128 attodollars = 0;  // for `per` of them
  std::uint32_t per = 1;
  std::uint64_t factor = kNoPriceFactor;  // place and speed, in millionths
  Int128 yoctodollars = 0;                // 1e-24 USD: count / per * attodollars * factor, exactly

  std::string unit_usd() const;    // the price of one of them: "0.0000025"
  std::string amount_usd() const;  // "0.00385", with up to 24 decimals
};

struct ItemisedBill {
  std::vector<BillLine> lines;  // empty when nobody counted anything
  std::uint32_t factor = kNoPriceFactor;
  Bill bill;
};

ItemisedBill itemise(const PriceMatch& match, const Usage& usage, const PriceContext& context);

}  // namespace farebox
