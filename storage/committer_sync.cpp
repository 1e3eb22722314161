// The second thread of the committer, which syncs behind it, and pruning, which the
// keeper asks for and the committer writes.
#include <new>

#include "storage/committer.hpp"

namespace farebox {

void Committer::run_sync() {
  std::unique_lock lock(sync_mutex_);
  while (true) {
    while (!sync_closing_ && (unsynced_.empty() || sync_paused_ || sync_failed_)) {
      sync_work_.wait(lock);
    }
    if (sync_closing_) return;
    // What is written within the interval shares one sync.
    sync_work_.wait_for(lock, settings_.sync_interval, [&] { return sync_closing_; });
    if (sync_closing_) return;
    if (unsynced_.empty() || sync_paused_ || sync_failed_) continue;
    const SyncedMark mark = written_;
    lock.unlock();
    Result<void> done = Error(ErrorCode::ledger_unavailable);
    try {
      done = core_.read([&](LedgerCore& core) -> Result<void> {
        const auto synced = core.store->sync();
        if (!synced) return synced;
        return core.slots->write(mark);
      });
    } catch (const std::bad_alloc&) {
      // Nothing failed that was tried; the next interval syncs it.
    }
    lock.lock();
    if (done) {
      if (mark.batch > synced_.batch) synced_ = mark;
      while (!unsynced_.empty() && unsynced_.front().number <= mark.batch) {
        Kept kept = std::move(unsynced_.front());
        unsynced_.pop_front();
        lock.unlock();
        recycle(kept.turns);
        lock.lock();
      }
    } else if (done.error().code != ErrorCode::ledger_unavailable) {
      sync_error_ = done.error().context;
      sync_failed_ = true;
      // The committer looks at it under its own lock: never both locks this way round.
      lock.unlock();
      {
        const std::lock_guard work_lock(mutex_);
        work_.notify_one();
      }
      lock.lock();
    }
  }
}

Checkpoint Committer::checkpoint() const {
  const std::lock_guard lock(mutex_);
  return checkpoint_;
}

Result<void> Committer::prune(const Checkpoint& checkpoint) {
  std::unique_lock lock(mutex_);
  if (closing_) return Error(ErrorCode::draining);
  prune_ = checkpoint;
  work_.notify_one();
  pruned_.wait(lock, [&] { return !prune_ || closing_; });
  if (prune_) return Error(ErrorCode::draining);
  if (checkpoint_.first != checkpoint.first) {
    return Error(ErrorCode::ledger_unavailable, "the ledger failed while it was pruned");
  }
  return {};
}

void Committer::commit_prune() {
  std::optional<Checkpoint> wanted;
  {
    const std::lock_guard lock(mutex_);
    wanted = prune_;
  }
  LedgerCore* const core = core_.mine();
  if (!wanted) return;
  bool written = false;
  if (core != nullptr) {
    Batch batch = journal_->prepare_state();
    journal_->prune(batch, *wanted);
    // Synced at once: the files that held the records go next.
    auto done = core->store->write(batch.writes, true);
    if (done) done = core->slots->write(journal_->mark());
    written = static_cast<bool>(done);
    if (written) {
      const std::lock_guard lock(sync_mutex_);
      written_ = synced_ = journal_->mark();
      unsynced_.clear();
    } else {
      fail(Batch(), done.error());
    }
  }
  const std::lock_guard lock(mutex_);
  if (written) checkpoint_ = *wanted;
  prune_.reset();
  if (core_.mine() != nullptr) publish();
  pruned_.notify_all();
}

}  // namespace farebox
