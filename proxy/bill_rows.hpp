// The lines of a bill as `farebox bill` prints them: what, how many, at what price, how
// much. Every text is an exact decimal; the amounts of all rows, added and rounded once,
// are the bill.
#pragma once

#include <string>
#include <vector>

#include "proxy/reply_bill.hpp"

namespace farebox {

struct BillRow {
  std::string what;
  std::string count;
  std::string usd;         // for `per` of them; empty: no price, or a sum of several
  std::string per = "1";
  std::string times = "1"; // the factor of place and speed
  std::string amount;      // empty: no price
};

// Empty where nothing is billed or no usage was read.
std::vector<BillRow> rows_of(const ReplyBill& found);

// An amount of so many places as the shortest plain decimal.
std::string decimal_text(Int128 amount, int places);

}  // namespace farebox
