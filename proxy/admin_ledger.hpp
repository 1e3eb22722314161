// What the admin port says of the ledger: sums, records, its state (design, section 7).
#pragma once

#include "proxy/admin.hpp"

namespace farebox {

// Which rows a list is asked for: ?limit=, from 1 to 1000, and ?cursor=, of an answer before.
struct PageAsked {
  std::size_t limit = 100;
  std::optional<std::uint64_t> below;
};
// Error: bad_request, in words for whoever asked.
Result<PageAsked> read_page(const AdminRequest& request);

AdminAnswer answer_usage(const AdminView& view, const AdminRequest& request);
AdminAnswer answer_records(const AdminView& view, const AdminRequest& request);

// The fields of LedgerStatus. Sequences are ids as records have them, null for none.
AdminAnswer answer_ledger(const AdminView& view, const AdminRequest& request);

// Makes the rollups anew from the records. Answers when it is done.
AdminAnswer answer_rebuild(const AdminView& view, const AdminRequest& request);

// Charges the records of a time again with the prices of today (proxy/reprice.hpp). `since`
// must be said; `until`, the filters of records and dryRun=true may. Answers when it is done.
AdminAnswer answer_reprice(const AdminView& view, const AdminRequest& request);

}  // namespace farebox
