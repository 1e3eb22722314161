// Committer: the one writer of the ledger.
//
// Whatever the workers hand over while a batch is being written becomes the next batch.
// Whoever hands something over while nobody writes is the writer himself: an unsynced
// write costs a few microseconds, waking a thread and being woken by it cost more than
// all the rest of a request. What could take time is left to the committer's own thread:
// a write that RocksDB would hold up, a sync, a failure, and everything for a while after
// a write was slow. With sync: always that thread writes everything, and it is on the disk
// before anybody is told; with interval another one syncs behind, and what isn't synced
// yet is kept in memory.
//
// A failed write or sync is final for the open store: holds are refused, settlements
// wait in memory, and the store is opened anew and checked until that works. Then what
// the disk doesn't have is written again: batches are atomic and numbered, so nothing is
// lost and nothing written twice.
#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>
#include <thread>

#include "config/settings.hpp"
#include "storage/journal.hpp"
#include "storage/ledger.hpp"
#include "storage/ledger_core.hpp"

namespace farebox {

class Committer {
 public:
  Committer(LedgerPaths paths, std::shared_ptr<rocksdb::FileSystem> files,
            const LedgerSettings& settings, SharedCore& core, Logger& log);
  ~Committer();

  // Opens the core, settles what a crash left, starts the threads.
  Result<void> open();
  void submit(Turn turn);  // any thread
  HoldId make_hold_id();   // any thread
  LedgerStatus status() const;  // any thread

  // Prunes up to `checkpoint` and returns when it is written. Any thread but one at a time.
  Result<void> prune(const Checkpoint& checkpoint);
  Checkpoint checkpoint() const;

  void close();

 private:
  struct Kept {  // told as written, not known to be synced
    std::uint64_t number = 0;
    std::vector<Turn> turns;
  };

  bool always() const { return settings_.sync == LedgerSync::always; }
  bool behind() const { return settings_.sync == LedgerSync::interval; }

  // A worker's thread, when it is the writer.
  void write_here();

  // The committer's thread.
  void run();
  enum class Next : std::uint8_t { write, finish };
  Next next(std::vector<Turn>& turns);
  void take_from_queue(std::vector<Turn>& turns);
  void commit(std::vector<Turn> turns);
  void finish(Batch batch, Result<void> written);
  void commit_prune();
  void adopt(Batch batch);
  void fail(Batch batch, const Error& error);
  void reopen();
  bool try_open();
  void answer_while_down();
  void keep_for_later(std::vector<Turn>& turns);
  Result<void> settle_what_a_crash_left(CheckedLedger checked);
  void feed_rollups(const Batch& batch);
  void tell(const Batch& batch);
  void publish();

  // The syncing thread.
  void run_sync();

  const LedgerPaths paths_;
  const std::shared_ptr<rocksdb::FileSystem> files_;
  const LedgerSettings& settings_;
  SharedCore& core_;
  Logger& log_;

  mutable std::mutex mutex_;  // of everything down to the next line
  std::condition_variable work_, pruned_;
  std::vector<Turn> queue_;
  std::size_t queued_octets_ = 0;
  bool writing_ = true;       // somebody is the writer; until it is open, nobody may be
  bool left_over_ = false;    // the writer left something to the thread, and the role
  SteadyTime slow_until_{};   // workers don't write before that
  bool closing_ = false;
  std::optional<Checkpoint> prune_;
  Checkpoint checkpoint_;
  LedgerStatus status_;

  // The writer's own.
  std::optional<Batch> held_up_;      // a batch that RocksDB would hold up, or that failed
  std::optional<Result<void>> held_up_error_;
  bool mine_ = false;                 // the committer's thread is the writer
  std::optional<Journal> journal_;
  std::optional<Batch> in_doubt_;     // written or not, nobody knows
  std::vector<Turn> backlog_;         // to be written before anything new
  std::size_t backlog_octets_ = 0;

  mutable std::mutex sync_mutex_;  // of everything down to the next line
  std::condition_variable sync_work_;
  std::deque<Kept> unsynced_;
  SyncedMark written_, synced_;
  bool sync_paused_ = true;   // the store is being replaced
  bool sync_closing_ = false;
  std::string sync_error_;  // written before sync_failed_ is set, then only read

  std::atomic<bool> sync_failed_{false};

  std::atomic<std::uint64_t> next_hold_{0};
  std::thread thread_, sync_thread_;
};

}  // namespace farebox
