// LedgerCore: what an open ledger consists of, and what a reopen replaces as a whole.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <shared_mutex>

#include "config/base/log.hpp"
#include "storage/ledger_check.hpp"
#include "storage/rollups.hpp"
#include "storage/synced_slots.hpp"

namespace farebox {

// Who adds to the rollups: the committer, record by record, but while they are made anew
// the one who does that, who then finds the committer's records by himself. Thread-safe.
class RollupFeed {
 public:
  // The committer's new records, the newest one last; `add` is called unless a rebuild
  // runs.
  template <class Add>
  void feed(std::uint64_t newest, Add&& add) {
    const std::lock_guard lock(mutex_);
    newest_ = newest;
    if (!rebuilding_) add();
  }

  bool begin_rebuild() {
    const std::lock_guard lock(mutex_);
    return !std::exchange(rebuilding_, true);
  }
  // True, and the rebuild is over, if there is nothing newer than `seen`.
  bool caught_up(std::uint64_t seen, std::uint64_t& newest) {
    const std::lock_guard lock(mutex_);
    newest = newest_;
    if (seen < newest_) return false;
    rebuilding_ = false;
    return true;
  }
  void end_rebuild() {
    const std::lock_guard lock(mutex_);
    rebuilding_ = false;
  }

 private:
  std::mutex mutex_;
  std::uint64_t newest_ = 0;
  bool rebuilding_ = false;
};

struct LedgerCore {
  std::unique_ptr<RocksStore> store;
  std::unique_ptr<SyncedSlots> slots;
  std::unique_ptr<Rollups> rollups;  // after the store it reads from

  struct Opened;
  // Opens, checks, and brings the rollups up to the newest record.
  static Result<Opened> open(const LedgerPaths& paths,
                             const std::shared_ptr<rocksdb::FileSystem>& files, Logger& log);
  // Makes all rollups anew but those of records that are pruned. `feed` says when it has
  // caught up with the committer.
  Result<void> rebuild(const Checkpoint& checkpoint, RollupFeed& feed);
  // Sums must not be on the disk before their records are: after a power loss those
  // sequences would be given again.
  Result<void> save_rollups();
};

struct LedgerCore::Opened {
  LedgerCore core;
  CheckedLedger checked;
};

// The core, shared by the committer, which alone replaces it, and by everybody who
// reads. Thread-safe.
class SharedCore {
 public:
  // Runs `use` on the core while nobody replaces it. Error: ledger_unavailable.
  template <class Use>
  auto read(Use&& use) const -> decltype(use(std::declval<LedgerCore&>())) {
    const std::shared_lock lock(mutex_);
    if (!core_) {
      return Error(ErrorCode::ledger_unavailable, Fault::self, Retry::yes,
                   "the ledger is being opened again after its disk failed");
    }
    return use(*core_);
  }

  void put(LedgerCore core) {
    const std::unique_lock lock(mutex_);
    core_ = std::make_unique<LedgerCore>(std::move(core));
  }
  void drop() {
    const std::unique_lock lock(mutex_);
    core_.reset();
  }
  // For the one who replaces it, without the lock. Null: there is none.
  LedgerCore* mine() const { return core_.get(); }

  RollupFeed& feed() { return feed_; }

 private:
  mutable std::shared_mutex mutex_;
  RollupFeed feed_;
  std::unique_ptr<LedgerCore> core_;
};

}  // namespace farebox
