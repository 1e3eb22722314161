// Ledger: what was spent, and by whom; nothing forgotten, nothing counted twice.
//
// The interface every room to the right uses. Thread-safe. RocksLedger keeps it on
// disk; MemoryLedger keeps the newest records in memory and must agree with it.
#pragma once

#include <functional>

#include "config/base/result.hpp"
#include "config/settings.hpp"
#include "storage/turn.hpp"
#include "storage/usage_query.hpp"

namespace farebox {

struct LedgerStatus {
  bool writable = true;          // holds can be taken
  std::uint64_t appended = 0;    // records written since the start
  std::uint64_t first = 0;       // sequence of the oldest record; 0: none
  std::uint64_t last = 0;        // sequence of the newest record; 0: none
  std::uint64_t synced = 0;      // the newest record known to be on the disk itself
  std::uint64_t synced_turn = 0; // the newest turn of which all is
  std::uint64_t open_holds = 0;
  Money held;                    // by open holds whose worst case has a price
  std::uint64_t dropped = 0;     // settlements lost because the queue was full
  std::uint64_t queued = 0;      // settlements that wait for the store
  std::uint64_t failures = 0;    // times the store failed and was opened again
  std::uint64_t octets = 0;      // on disk
  std::string trouble;           // why it isn't writable
};

class Ledger {
 public:
  virtual ~Ledger() = default;

  virtual HoldId make_hold_id() = 0;

  // Writes a turn; its sink is told. Turns of one thread are written in their order.
  // An end of a hold that has ended already changes nothing.
  // Gives an empty turn back, if there is one with the memory of an earlier one.
  virtual Turn submit(Turn turn) = 0;

  // All that was told as written before the call is in the answer. Both may read from disk:
  // never on a worker. Errors: ledger_unavailable, io_failed.
  virtual Result<RecordPage> records(const RecordFilter& filter, std::size_t limit,
                                     std::optional<std::uint64_t> below) const = 0;
  virtual Result<UsageReport> usage(const UsageQuery& query) const = 0;

  // Visits the records from `first` on, in their order; all that was told as written before
  // the call is among them. Errors: as above.
  using Visit = std::function<void(const Record&)>;
  virtual Result<void> scan(std::uint64_t first, const Visit& visit) const = 0;

  // The same for those before `end`.
  virtual Result<void> scan_part(std::uint64_t first, std::uint64_t end, const Visit& visit) const {
    return scan(first, [&](const Record& record) {
      if (record.sequence < end) visit(record);
    });
  }

  // Visits the drafts of the holds that are open, in no order; all that was told as written
  // before the call and hasn't ended is among them. Errors: as above.
  virtual Result<void> open_holds(const Visit& visit) const = 0;

  virtual LedgerStatus status() const = 0;

  // Makes the rollups anew from the records.
  virtual Result<void> rebuild() = 0;

  // Keeps what these say of age and size from now on; the rest of them needs a restart.
  virtual void adopt(const LedgerSettings&) {}

  // From now on records before `first` are pruned by calling `prune` inside the guard, on the
  // ledger's thread; with an error they stay. Null: without one again, once a guard that is being
  // called has returned.
  using PruneGuard = std::function<Result<void>(std::uint64_t first,
                                                const std::function<Result<void>()>& prune)>;
  virtual void guard_pruning(PruneGuard) {}

  // Writes what is queued, syncs, closes. No submit may follow.
  virtual void close() = 0;
};

}  // namespace farebox
