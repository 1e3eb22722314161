// Reprice: charges records again with the prices of today and writes down the difference.
//
// No record changes. A record whose price is another one now gets a correcting record (its
// `corrects` names it) with the difference as its cost, dated like the one it corrects, so
// that a period's sums are right; budgets and limits never see it. What was corrected
// before counts, so running it twice, or again after a crash, corrects nothing twice.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "config/base/clock.hpp"
#include "config/price_table.hpp"
#include "storage/ledger.hpp"

namespace farebox {

struct RepriceOrder {
  RecordFilter filter;  // which requests, by their own time
  bool dry_run = false;  // only say what would be corrected
};

struct RepriceReport {
  std::uint64_t looked = 0;     // requests that were priced, or could have been
  std::uint64_t corrected = 0;  // another price now
  std::uint64_t first_priced = 0;  // of these: had no price before
  std::uint64_t unpriced = 0;   // have none now; what they were charged stands
  std::uint64_t skipped = 0;    // charged by their hold or counted by nobody: nothing to price
  Money difference;             // the sum of all corrections
};

// Reads the ledger page by page while it is in use; one at a time, and never on a worker.
// Errors: the ledger's; what was written until then stands, and running it again goes on.
Result<RepriceReport> reprice(Ledger& ledger, const PriceTable& prices, const Settings& settings,
                              const Clock& clock, const RepriceOrder& order);

// The report as a JSON object.
std::string reprice_json(const RepriceReport& report, const RepriceOrder& order,
                         std::string_view price_version);

}  // namespace farebox
