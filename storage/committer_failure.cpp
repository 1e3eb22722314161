// What the committer does when the store fails: refuse, remember, open it anew, go on.
#include <fmt/format.h>

#include <algorithm>

#include "storage/committer.hpp"

namespace farebox {
namespace {

using namespace std::chrono_literals;

// Settlements that wait for a failed store. Calls in flight when it failed are far fewer;
// only on_store_failure: allow can get here.
constexpr std::size_t kBacklogOctets = 64 << 20;
constexpr auto kFirstRetry = 20ms;
constexpr auto kLastRetry = 2s;
constexpr int kClosingTries = 5;

// Holds that were refused; what stands in the TurnLog was told as written and stays.
void drop_holds(Turn& turn) {
  if (turn.number != 0) return;
  std::erase_if(turn.writes,
                [](const Turn::Write& write) { return write.what == Turn::What::hold; });
}

// Settlements that are nowhere but in memory.
std::uint64_t unlogged_settlements(const Turn& turn) {
  if (turn.number != 0) return 0;
  return static_cast<std::uint64_t>(
      std::count_if(turn.writes.begin(), turn.writes.end(), [](const Turn::Write& write) {
        return write.what == Turn::What::settle;
      }));
}

Turn releases_of(const std::vector<HoldId>& holds) {
  Turn releases;
  for (const HoldId hold : holds) {
    Turn::Write& end = releases.writes.emplace_back();
    end.what = Turn::What::release;
    end.hold = hold;
  }
  return releases;
}

}  // namespace

void Committer::fail(Batch batch, const Error& error) {
  log_.error("the ledger can't be written; holds are refused until it is open again",
             {{"why", error.context}});
  {
    const std::lock_guard lock(mutex_);
    status_.writable = false;
    unlogged_ = true;
    status_.trouble = error.context;
    ++status_.failures;
    for (const Turn& turn : batch.turns) status_.queued += unlogged_settlements(turn);
    taken_.notify_all();  // whoever waits for the store need not
  }
  {
    const std::lock_guard lock(sync_mutex_);
    sync_paused_ = true;
  }
  for (std::size_t i = 0; i < batch.turns.size(); ++i) {
    std::size_t at = 0;
    for (const Turn::Write& write : batch.turns[i].writes) {
      if (write.ticket == 0) continue;
      CommitResult& result = batch.results[i][at++];
      result.sequence = 0;
      result.committed =
          write.what == Turn::What::hold ? Committed::refused : Committed::queued;
    }
  }
  tell(batch);
  for (Turn& turn : batch.turns) turn.forget_tickets();
  if (!batch.turns.empty()) in_doubt_ = std::move(batch);
  reopen();
}

std::string Committer::why_gone() const {
  return fmt::format("'{}' was removed, moved away or replaced while farebox runs; put it back as it "
                     "was, or stop farebox, restore a backup (farebox ledger restore) and start it "
                     "again", paths_.database);
}

// Descriptors go on working without their names, so no write would ever fail.
void Committer::look_after_place() {
  if (lock_file_.is_there()) return;
  const std::string why = why_gone();
  // What stands in the place by now is not ours to write to.
  (void)core_.read([&](LedgerCore& core) -> Result<void> {
    core.store->give_up(why);
    return {};
  });
  {
    const std::lock_guard lock(sync_mutex_);
    if (sync_paused_ || sync_failed_) return;  // it is given up already
    sync_error_ = why;
    sync_failed_ = true;
  }
  const std::lock_guard lock(mutex_);
  work_.notify_one();
}

void Committer::reopen() {
  core_.drop();
  std::chrono::milliseconds pause = kFirstRetry;
  for (int tries_closing = 0; !try_open();) {
    std::unique_lock lock(mutex_);
    if (closing_ && ++tries_closing == kClosingTries) {
      log_.error("the ledger could not be opened again before the end; calls with a hold will "
                 "be settled by rule at the next start, records without one are lost",
                 {{"settlements", static_cast<std::int64_t>(status_.queued)}});
      return;
    }
    const SteadyTime until = std::chrono::steady_clock::now() + pause;
    while (std::chrono::steady_clock::now() < until) {
      if (!queue_.empty()) {
        lock.unlock();
        answer_while_down();
        lock.lock();
      }
      if (work_.wait_until(lock, until) == std::cv_status::timeout) break;
    }
    lock.unlock();
    answer_while_down();
    pause = std::min<std::chrono::milliseconds>(2 * pause, kLastRetry);
  }
}

bool Committer::try_open() {
  auto opened = lock_file_.is_there()
                    ? LedgerCore::open(paths_, files_, log_)
                    : Result<LedgerCore::Opened>(Error(ErrorCode::io_failed, why_gone()));
  if (!opened) {
    const std::lock_guard lock(mutex_);
    if (status_.trouble != opened.error().context) {
      status_.trouble = opened.error().context;
      log_.error("the ledger can't be opened again yet", {{"why", status_.trouble}});
    }
    return false;
  }
  const std::uint64_t batch = opened->checked.state.batch;
  const Checkpoint checkpoint = opened->checked.checkpoint;
  journal_.emplace(*opened->core.store, opened->checked);
  // What was read back stands in new files by now; the mark makes that known.
  if (!opened->core.store->sync() || !opened->core.slots->write(journal_->mark())) return false;

  std::vector<Turn> again;
  std::unique_lock sync_lock(sync_mutex_);
  for (Kept& kept : unsynced_) {
    if (kept.number <= batch) continue;
    std::move(kept.turns.begin(), kept.turns.end(), std::back_inserter(again));
  }
  if (in_doubt_) {
    if (in_doubt_->number <= batch) {
      // New ones were refused. What only grew belongs to a call that is under way.
      again.push_back(releases_of(in_doubt_->taken));
    } else {
      for (Turn& turn : in_doubt_->turns) {
        drop_holds(turn);
        again.push_back(std::move(turn));
      }
    }
    in_doubt_.reset();
  }
  std::move(backlog_.begin(), backlog_.end(), std::back_inserter(again));
  backlog_ = std::move(again);
  std::erase_if(backlog_, [](const Turn& turn) { return turn.writes.empty(); });
  // Whoever makes the sums anew must look as far as the store reaches by now.
  core_.feed().feed(journal_->state().last, [] {});
  // Readers take the core's lock before this one, so never the other way round. Nobody syncs
  // meanwhile.
  sync_lock.unlock();
  core_.put(std::move(opened->core));
  sync_lock.lock();
  unsynced_.clear();
  written_ = synced_ = journal_->mark();
  sync_failed_ = false;
  sync_paused_ = false;
  sync_lock.unlock();
  log_.info("the ledger is open again",
            {{"last", static_cast<std::int64_t>(journal_->state().last)},
             {"turnsToWrite", static_cast<std::int64_t>(backlog_.size())}});
  const std::lock_guard lock(mutex_);
  checkpoint_ = checkpoint;
  publish();
  return true;
}

void Committer::answer_while_down() {
  std::vector<Turn> turns;
  {
    const std::lock_guard lock(mutex_);
    turns.swap(queue_);
    queued_octets_ = 0;
  }
  keep_for_later(turns);
}

void Committer::keep_for_later(std::vector<Turn>& turns) {
  std::vector<CommitResult> results;
  for (Turn& turn : turns) {
    results.clear();
    const std::uint64_t settlements = unlogged_settlements(turn);
    for (const Turn::Write& write : turn.writes) {
      const bool is_hold = write.what == Turn::What::hold;
      if (write.ticket == 0) continue;
      results.push_back({write.ticket, is_hold ? Committed::refused : Committed::queued, 0, 0});
    }
    if (!results.empty()) turn.sink->committed(results);
    turn.forget_tickets();
    drop_holds(turn);
    const bool fits = turn.number != 0 || backlog_octets_ + turn.octets.size() <= kBacklogOctets;
    {
      const std::lock_guard lock(mutex_);
      (fits ? status_.queued : status_.dropped) += settlements;
    }
    if (fits) {
      backlog_octets_ += turn.octets.size();
      if (!turn.writes.empty()) backlog_.push_back(std::move(turn));
    } else if (settlements != 0) {
      log_.error("a settlement is lost: too many wait for the ledger");
    }
  }
}

}  // namespace farebox
