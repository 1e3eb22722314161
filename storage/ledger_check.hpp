// LedgerCheck: does what the store holds agree with itself, and with the second place?
//
// Run whenever a ledger is opened, before anything is written: it looks at the ends of
// the ledger, not at all of it (LedgerReader::verify does).
#pragma once

#include <map>

#include "storage/rocks_store.hpp"

namespace farebox {

struct OpenHold {
  Money amount;  // zero when it has no price
  std::string draft;  // the payload
};

struct CheckedLedger {
  bool fresh = false;  // nothing was ever written
  std::uint64_t format = 0;  // it was written in; 0 while it is fresh
  LedgerState state;
  SyncedMark synced;
  Checkpoint checkpoint;
  std::map<std::uint64_t, OpenHold> holds;
  // The log had damage behind the last synced sequence, which is cut.
  std::string cut;

  // It has been opened for writing by a version that keeps a TurnLog beside it.
  bool has_turn_log() const { return format >= 2 && state.epoch != 0; }
};

// The format it was written in; 0: nothing was. Error: ledger_newer.
Result<std::uint64_t> read_format(const RocksStore& store);

// Checks an open store. Errors: ledger_damaged, ledger_newer, io_failed.
Result<CheckedLedger> check_ledger(const RocksStore& store, const SyncedMark& synced);

struct OpenedLedger {
  std::unique_ptr<RocksStore> store;
  CheckedLedger checked;
};

// Reads the second place, looks at the store read-only, so that a refusal leaves every
// file as it was, and only then opens it with `access`.
Result<OpenedLedger> open_checked(const LedgerPaths& paths,
                                  const std::shared_ptr<rocksdb::FileSystem>& files,
                                  RocksStore::Access access);

}  // namespace farebox
