// RocksLedger: the durable ledger, on RocksDB in a directory of its own.
//
// One committer thread writes; whoever asks reads beside it. Directory:
//   ledger/         the RocksDB database
//   ledger.turns    what was told as written and is not in the database yet (turn_log.hpp)
//   ledger.synced   the second place: what is known to be on the disk (synced_slots.hpp)
//   ledger.key      signs what a checkpoint says of pruned records (mode 0600)
#pragma once

#include <memory>
#include <string>

#include "config/base/log.hpp"
#include "config/settings.hpp"
#include "storage/ledger.hpp"

namespace rocksdb {
class FileSystem;
}  // namespace rocksdb

namespace farebox {

struct RocksLedgerOptions {
  std::string directory;  // data_dir; it exists
  LedgerSettings settings;
  std::shared_ptr<rocksdb::FileSystem> file_system;  // null: the system's; tests give a worse one
  bool prunes_guarded = false;  // nothing is pruned before `guard_pruning`
};

class RocksLedger final : public Ledger {
 public:
  // Opens or creates it, checks it against the second place, settles holds a crash left
  // by `crash_settlement`. `log` and `clock` must outlive it.
  // Errors: ledger_damaged (before the last synced sequence; says where), ledger_newer
  // (written by a later farebox), io_failed.
  static Result<std::unique_ptr<RocksLedger>> open(RocksLedgerOptions options, Logger& log,
                                                   const Clock& clock);
  ~RocksLedger() override;

  HoldId make_hold_id() override;
  Turn submit(Turn turn) override;
  Result<RecordPage> records(const RecordFilter& filter, std::size_t limit,
                             std::optional<std::uint64_t> below) const override;
  Result<UsageReport> usage(const UsageQuery& query) const override;
  Result<void> scan(std::uint64_t first, const Visit& visit) const override;
  Result<void> scan_part(std::uint64_t first, std::uint64_t end, const Visit& visit) const override;
  void guard_pruning(PruneGuard guard) override;
  Result<void> open_holds(const Visit& visit) const override;
  LedgerStatus status() const override;
  Result<void> rebuild() override;
  void adopt(const LedgerSettings& settings) override;
  void close() override;

 private:
  struct Impl;
  explicit RocksLedger(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace farebox
