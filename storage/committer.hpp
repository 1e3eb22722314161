// Committer: the one thread that writes the ledger.
//
// A turn that is handed over is copied into the TurnLog, which survives kill -9, and told
// as written at once; some milliseconds later everything that came meanwhile becomes one
// batch of the store. With sync: always, and when the TurnLog has no room, a turn is told
// when its batch is written (and synced). With interval a second thread syncs behind, and
// what isn't synced yet is kept in memory.
//
// A failed write or sync is final for the open store: holds are refused, settlements
// wait in memory, and the store is opened anew and checked until that works. Then what
// the store doesn't have is written again: batches are atomic and numbered, so nothing is
// lost and nothing written twice.
//
// A ledger that is no longer where it was opened is such a failure too. It is never begun anew
// in its old place, nor is what somebody else put there taken for it: it has to come back, or
// farebox to start again.
#pragma once

#include <atomic>
#include <condition_variable>
#include <list>
#include <mutex>
#include <optional>
#include <thread>

#include "config/settings.hpp"
#include "storage/journal.hpp"
#include "storage/ledger.hpp"
#include "storage/ledger_core.hpp"
#include "storage/pinned_file.hpp"
#include "storage/turn_log.hpp"

namespace farebox {

class Committer {
 public:
  Committer(LedgerPaths paths, std::shared_ptr<rocksdb::FileSystem> files,
            const LedgerSettings& settings, SharedCore& core, Logger& log);
  ~Committer();

  // Opens the core, settles what a crash left, starts the threads.
  Result<void> open();
  Turn submit(Turn turn);  // any thread
  HoldId make_hold_id();   // any thread
  // Returns when the store has everything that was told as written before the call, or
  // when `patience` ends or the store is down. Any thread.
  void flush(std::chrono::milliseconds patience) const;
  LedgerStatus status() const;  // any thread

  // Prunes up to `checkpoint` and returns when it is written. Any thread but one at a time.
  Result<void> prune(const Checkpoint& checkpoint);
  Checkpoint checkpoint() const;

  // Gives the store up when its files were removed or moved away. Any thread.
  void look_after_place();

  void close();

 private:
  struct Kept {  // told as written, not known to be synced
    std::uint64_t number = 0;
    std::vector<Turn> turns;
  };

  bool always() const { return settings_.sync == LedgerSync::always; }
  bool behind() const { return settings_.sync == LedgerSync::interval; }

  // The committer's thread.
  void run();
  enum class Next : std::uint8_t { write, finish };
  Next next(std::vector<Turn>& turns);
  void take_from_queue(std::vector<Turn>& turns);
  void commit(std::vector<Turn> turns);
  void commit_prune();
  void adopt(Batch batch, std::list<Kept> kept);
  void fail(Batch batch, const Error& error);
  std::string why_gone() const;
  void reopen();
  bool try_open();
  void answer_while_down();
  void keep_for_later(std::vector<Turn>& turns);
  Result<void> recover(CheckedLedger checked);
  void feed_rollups(const Batch& batch);
  void tell(const Batch& batch);
  void publish();
  void recycle(std::vector<Turn>& turns);

  // The syncing thread.
  void run_sync();

  const LedgerPaths paths_;
  const std::shared_ptr<rocksdb::FileSystem> files_;
  const LedgerSettings& settings_;
  SharedCore& core_;
  Logger& log_;
  PinnedFile lock_file_;  // RocksDB makes it once and keeps it

  mutable std::mutex mutex_;  // of everything down to the next line
  mutable std::condition_variable work_, taken_;
  std::condition_variable pruned_;
  std::vector<Turn> queue_;
  std::vector<Turn> spare_;  // empty ones, for their memory
  std::size_t queued_octets_ = 0;
  mutable bool hurry_ = false;   // somebody waits for what is in the queue
  bool closing_ = false;
  std::optional<Checkpoint> prune_;
  Checkpoint checkpoint_;
  LedgerStatus status_;
  std::unique_ptr<TurnLog> turn_log_;  // null: it can't be had
  bool unlogged_ = false;              // a turn that isn't in it waits: none may overtake it
  std::uint64_t next_turn_ = 1;
  std::uint64_t taken_turn_ = 0;       // the store has the turns up to this one

  // The committer's own.
  std::optional<Journal> journal_;
  std::optional<Batch> in_doubt_;     // written or not, nobody knows
  std::vector<Turn> backlog_;         // to be written before anything new
  std::size_t backlog_octets_ = 0;

  mutable std::mutex sync_mutex_;  // of everything down to the next line
  std::condition_variable sync_work_;
  std::list<Kept> unsynced_;
  SyncedMark written_, synced_;
  bool sync_paused_ = true;   // the store is being replaced
  bool sync_closing_ = false;
  std::string sync_error_;  // written before sync_failed_ is set, then only read

  std::atomic<bool> sync_failed_{false};

  std::atomic<std::uint64_t> next_hold_{0};
  std::thread thread_, sync_thread_;
};

}  // namespace farebox
