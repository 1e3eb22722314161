#include "storage/committer.hpp"

#include <pthread.h>

#include <algorithm>

#include "storage/record_codec.hpp"

namespace farebox {
namespace {

constexpr std::size_t kBatchOctets = 4 << 20;
// A worker that writes goes on for others this often, then leaves them to the thread.
constexpr int kRoundsForOthers = 4;
// A write slower than this isn't a worker's business for some time.
constexpr std::chrono::milliseconds kSlowWrite{25};
constexpr std::chrono::seconds kSlowTime{1};
constexpr unsigned kCounterBits = 40;  // of a hold id; the rest is the epoch

}  // namespace

Committer::Committer(LedgerPaths paths, std::shared_ptr<rocksdb::FileSystem> files,
                     const LedgerSettings& settings, SharedCore& core, Logger& log)
    : paths_(std::move(paths)),
      files_(std::move(files)),
      settings_(settings),
      core_(core),
      log_(log) {}

Committer::~Committer() { close(); }

Result<void> Committer::open() {
  auto opened = LedgerCore::open(paths_, files_, log_);
  if (!opened) return opened.error();
  core_.put(std::move(opened->core));
  const auto settled = settle_what_a_crash_left(std::move(opened->checked));
  if (!settled) {
    core_.drop();
    return settled;
  }
  thread_ = std::thread([this] {
    pthread_setname_np(pthread_self(), "ledger");
    run();
  });
  if (behind()) {
    sync_thread_ = std::thread([this] {
      pthread_setname_np(pthread_self(), "ledger-sync");
      run_sync();
    });
  }
  return {};
}

// A new epoch, so that hold ids are never used again, and the end of every hold whose
// call died with the last process: one record each, by rule.
Result<void> Committer::settle_what_a_crash_left(CheckedLedger checked) {
  LedgerCore& core = *core_.mine();
  checkpoint_ = checked.checkpoint;
  core_.feed().feed(checked.state.last, [] {});
  Turn turn;
  for (const auto& [id, hold] : checked.holds) {
    Record record;
    CHECK(decode_record(hold.draft, record));
    record.outcome = Outcome::crashed;
    record.held = record.cost;
    record.held_known = record.priced;
    if (settings_.crash_settlement == CrashSettlement::release) {
      record.usage = Usage();
      record.cost = Money();
      record.priced = true;
      for (AttemptRecord& attempt : record.attempts) {
        attempt.cost = Money();
        attempt.priced = true;
      }
    }
    Turn::Write write;
    write.what = Turn::What::settle;
    write.hold = HoldId{id};
    write.offset = turn.octets.size();
    encode_record(turn.octets, record, write.hold);
    write.size = turn.octets.size() - write.offset;
    turn.writes.push_back(write);
  }
  if (checked.format != 0 && checked.format < kLedgerFormat) {
    log_.info("the ledger goes on in a newer format; older versions will refuse it",
              {{"from", static_cast<std::int64_t>(checked.format)},
               {"to", static_cast<std::int64_t>(kLedgerFormat)}});
  }
  const std::size_t left = turn.writes.size();
  const Money held = checked.state.held;
  journal_.emplace(*core.store, std::move(checked));
  journal_->begin_epoch();
  std::vector<Turn> turns;
  turns.push_back(std::move(turn));
  Batch batch = journal_->prepare(std::move(turns));
  if (const auto done = core.store->write(batch.writes, true); !done) return done;
  if (const auto done = core.slots->write(journal_->mark()); !done) return done;
  feed_rollups(batch);
  {
    const std::lock_guard lock(sync_mutex_);
    written_ = synced_ = journal_->mark();
    sync_paused_ = false;
  }
  CHECK(journal_->state().epoch < std::uint64_t{1} << (64 - kCounterBits));
  next_hold_ = journal_->state().epoch << kCounterBits | 1;
  if (left != 0) {
    log_.warn("settled calls that were in flight when the last run ended",
              {{"calls", static_cast<std::int64_t>(left)},
               {"heldUsd", held.decimal()},
               {"rule", settings_.crash_settlement == CrashSettlement::charge
                            ? std::string_view("charge")
                            : std::string_view("release")}});
  }
  const std::lock_guard lock(mutex_);
  publish();
  writing_ = false;
  return {};
}

HoldId Committer::make_hold_id() {
  return HoldId{next_hold_.fetch_add(1, std::memory_order_relaxed)};
}

void Committer::submit(Turn turn) {
  bool here = false;
  {
    const std::lock_guard lock(mutex_);
    queued_octets_ += turn.octets.size();
    queue_.push_back(std::move(turn));
    // The writer looks again before it goes; one that waits for the store must be told.
    if (writing_ && status_.writable) return;
    if (!writing_) {
      writing_ = true;
      here = !always() && (slow_until_ == SteadyTime{} ||
                           std::chrono::steady_clock::now() >= slow_until_);
      left_over_ = !here;
    }
  }
  if (here) {
    write_here();
  } else {
    work_.notify_one();
  }
}

void Committer::write_here() {
  std::vector<Turn> turns;
  for (int round = 0;; ++round) {
    {
      const std::lock_guard lock(mutex_);
      const bool for_thread = prune_ || closing_ || sync_failed_.load();
      if (queue_.empty() && !for_thread) {
        writing_ = false;
        return;
      }
      if (for_thread || round == kRoundsForOthers) {
        left_over_ = true;
        break;
      }
      take_from_queue(turns);
    }
    const SteadyTime began = std::chrono::steady_clock::now();
    Batch batch = journal_->prepare(std::move(turns));
    turns.clear();
    const Result<void> written = core_.mine()->store->write_now(batch.writes);
    if (!written || sync_failed_.load()) {
      held_up_ = std::move(batch);
      if (written || written.error().code != ErrorCode::overloaded) held_up_error_ = written;
      const std::lock_guard lock(mutex_);
      left_over_ = true;
      break;
    }
    adopt(std::move(batch));
    const SteadyTime now = std::chrono::steady_clock::now();
    if (now - began > kSlowWrite) {
      const std::lock_guard lock(mutex_);
      slow_until_ = now + kSlowTime;
    }
  }
  work_.notify_one();
}

LedgerStatus Committer::status() const {
  const std::lock_guard lock(mutex_);
  LedgerStatus status = status_;
  const std::lock_guard sync_lock(sync_mutex_);
  status.synced = synced_.last;
  return status;
}

Checkpoint Committer::checkpoint() const {
  const std::lock_guard lock(mutex_);
  return checkpoint_;
}

void Committer::close() {
  if (!thread_.joinable()) return;
  {
    const std::lock_guard lock(mutex_);
    closing_ = true;
    work_.notify_one();
  }
  thread_.join();
  {
    const std::lock_guard lock(sync_mutex_);
    sync_closing_ = true;
    sync_work_.notify_one();
  }
  if (sync_thread_.joinable()) sync_thread_.join();
  if (LedgerCore* const core = core_.mine()) {
    auto done = core->store->sync();
    if (done) done = core->slots->write(journal_->mark());
    if (done) {
      const std::lock_guard lock(sync_mutex_);
      synced_ = journal_->mark();
      unsynced_.clear();
    } else {
      log_.error("the ledger's last sync failed", {{"why", done.error().context}});
    }
  }
}

void Committer::run() {
  std::vector<Turn> turns;
  while (next(turns) == Next::write) {
    if (held_up_) {
      Batch batch = std::move(*held_up_);
      held_up_.reset();
      Result<void> written;
      if (held_up_error_) {
        written = std::move(*held_up_error_);
        held_up_error_.reset();
      } else {
        written = core_.mine()->store->write(batch.writes, false);
      }
      finish(std::move(batch), std::move(written));
    }
    if (!turns.empty()) commit(std::move(turns));
    turns.clear();
    if (core_.mine() == nullptr) {  // closing, and the store never came back
      answer_while_down();
      return;
    }
    if (sync_failed_.load()) {
      fail(Batch(), Error(ErrorCode::io_failed, sync_error_));
    } else {
      commit_prune();
    }
  }
}

void Committer::take_from_queue(std::vector<Turn>& turns) {
  if (queued_octets_ <= kBatchOctets) {
    turns.swap(queue_);
    queued_octets_ = 0;
    return;
  }
  std::size_t octets = 0;
  auto end = queue_.begin();
  for (; end != queue_.end() && octets <= kBatchOctets; ++end) octets += end->octets.size();
  turns.assign(std::make_move_iterator(queue_.begin()), std::make_move_iterator(end));
  queue_.erase(queue_.begin(), end);
  queued_octets_ -= octets;
}

// Waits until there is something to do and the thread is the writer. `finish`: closing,
// and nothing is left.
Committer::Next Committer::next(std::vector<Turn>& turns) {
  if (!backlog_.empty()) {
    turns.swap(backlog_);
    backlog_octets_ = 0;
    return Next::write;
  }
  std::unique_lock lock(mutex_);
  // The role goes back, unless something is left to do.
  const auto anything = [&] {
    return !queue_.empty() || closing_ || prune_ || sync_failed_.load();
  };
  if (mine_ && !anything()) writing_ = mine_ = false;
  while (!mine_) {
    if (left_over_ || (!writing_ && anything())) {
      writing_ = mine_ = true;
      left_over_ = false;
    } else {
      work_.wait(lock);
    }
  }
  take_from_queue(turns);
  const bool work = !turns.empty() || held_up_ || !closing_;
  return work ? Next::write : Next::finish;
}

void Committer::commit(std::vector<Turn> turns) {
  LedgerCore* const core = core_.mine();
  Batch batch = journal_->prepare(std::move(turns));
  Result<void> done = core->store->write(batch.writes, always());
  if (done && always()) done = core->slots->write(journal_->mark());
  finish(std::move(batch), std::move(done));
}

void Committer::finish(Batch batch, Result<void> written) {
  // A sync that failed meanwhile means that nothing written since is safe.
  if (written && sync_failed_.load()) written = Error(ErrorCode::io_failed, sync_error_);
  if (written) {
    adopt(std::move(batch));
  } else {
    fail(std::move(batch), written.error());
  }
}

void Committer::adopt(Batch batch) {
  feed_rollups(batch);
  {
    const std::lock_guard lock(mutex_);
    status_.appended += batch.settled.size();
    publish();
  }
  tell(batch);
  const std::lock_guard lock(sync_mutex_);
  written_ = journal_->mark();
  if (always()) synced_ = written_;
  if (!behind()) return;
  for (Turn& turn : batch.turns) turn.forget_tickets();
  unsynced_.push_back({batch.number, std::move(batch.turns)});
  if (unsynced_.size() == 1) sync_work_.notify_one();
}

void Committer::feed_rollups(const Batch& batch) {
  if (batch.settled.empty()) return;
  Rollups& rollups = *core_.mine()->rollups;
  core_.feed().feed(batch.settled.back().sequence, [&] {
    for (const RecordFacts& facts : batch.settled) rollups.add(facts);
  });
}

void Committer::tell(const Batch& batch) {
  for (std::size_t i = 0; i < batch.turns.size(); ++i) {
    if (!batch.results[i].empty()) batch.turns[i].sink->committed(batch.results[i]);
  }
}

// Under mutex_.
void Committer::publish() {
  const LedgerState& state = journal_->state();
  status_.writable = core_.mine() != nullptr;
  if (status_.writable) status_.trouble.clear();
  status_.last = state.last;
  status_.first = state.last >= checkpoint_.first ? checkpoint_.first : 0;
  status_.open_holds = state.open_holds;
  status_.held = state.held;
  status_.queued = 0;
}

}  // namespace farebox
