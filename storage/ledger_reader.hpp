// LedgerReader: a look at a ledger's directory from outside, without changing it.
//
// Works beside a running farebox: what it sees is the ledger as of the moment it opened.
// Used by one thread.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "config/base/result.hpp"
#include "storage/usage_query.hpp"

namespace rocksdb {
class FileSystem;
}  // namespace rocksdb

namespace farebox {

struct VerifyReport {
  std::uint64_t records = 0;
  std::uint64_t first = 0;       // sequences; 0: none
  std::uint64_t last = 0;
  std::uint64_t pruned = 0;      // records behind the signed checkpoint
  std::uint64_t synced = 0;      // the newest record known to be on the disk
  std::uint64_t pending = 0;     // records that the next start will take from the TurnLog
  std::uint64_t open_holds = 0;
  Money held;
  Money cost;                    // of all records, the pruned ones too
  std::uint64_t unpriced = 0;
  std::string chain;             // head of the chain, hex
  // What is wrong, in sentences; empty: nothing. The first one names the place.
  std::vector<std::string> faults;
};

class LedgerReader {
 public:
  // Errors: ledger_damaged, ledger_newer, io_failed; not_found where no ledger is.
  static Result<std::unique_ptr<LedgerReader>> open(
      const std::string& directory, std::shared_ptr<rocksdb::FileSystem> file_system = nullptr);
  ~LedgerReader();

  // Checks every record, the chain, the holds and the counters against each other and
  // against the second place. An error only when it can't be read at all.
  Result<VerifyReport> verify() const;

  // All records the filter admits, oldest first, until `visit` says false; also those that
  // a farebox that was killed had not yet handed to the store.
  Result<void> for_each(const RecordFilter& filter,
                        const std::function<bool(const Record&)>& visit) const;

  // Copies everything into `directory`, which must be empty or absent, checking the chain
  // on the way. Gives what was copied.
  Result<VerifyReport> copy_to(const std::string& directory) const;

 private:
  struct Impl;
  explicit LedgerReader(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

// Keeps the longest prefix of a damaged ledger whose chain holds and sets the damaged
// files aside as ledger.damaged-N. Says in sentences what was dropped. Nobody else may
// have the directory open.
Result<std::vector<std::string>> repair_ledger(const std::string& directory);

}  // namespace farebox
