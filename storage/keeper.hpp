// Keeper: what the ledger does beside its writes, on a thread of its own: looks whether its
// files are still in their place, saves the rollups, and prunes what is older than `retain` or
// beyond `max_size`.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "policy/wall_watch.hpp"
#include "storage/committer.hpp"
#include "storage/ledger.hpp"

namespace farebox {

class Keeper {
 public:
  Keeper(const LedgerPaths& paths, const LedgerSettings& settings, SharedCore& core,
         Committer& committer, Logger& log, const Clock& clock, bool guarded);
  ~Keeper();

  void start();
  void stop();
  void adopt(const LedgerSettings& settings);  // any thread: its `retain` and `max_size`

  // See Ledger::guard_pruning. Any thread.
  void guard(Ledger::PruneGuard guard);

  // One round of pruning; gives how many records went. What the thread does every few seconds.
  Result<std::uint64_t> prune();
  Result<void> save(bool always);

 private:
  void run();
  Result<std::uint64_t> first_to_keep(LedgerCore& core, const LedgerStatus& status, bool by_age);
  Result<std::optional<WallTime>> time_of(LedgerCore& core, std::uint64_t sequence);
  Result<bool> is_clock_believed(const LedgerStatus& status);
  Result<std::uint64_t> first_within(LedgerCore& core, std::uint64_t from, WallTime oldest);
  std::chrono::seconds retain() const { return std::chrono::seconds(retain_s_.load()); }
  Result<Checkpoint> make_checkpoint(LedgerCore& core, std::uint64_t first);

  const LedgerPaths& paths_;
  std::atomic<std::chrono::seconds::rep> retain_s_;
  std::atomic<std::uint64_t> max_size_;
  SharedCore& core_;
  Committer& committer_;
  Logger& log_;
  const Clock& clock_;
  std::mutex guard_mutex_;  // of the next three, and while records are pruned
  WallWatch watch_;
  bool guarded_;
  Ledger::PruneGuard guard_;
  std::mutex mutex_;
  std::condition_variable stopped_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace farebox
