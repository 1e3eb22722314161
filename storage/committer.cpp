#include "storage/committer.hpp"

#include <pthread.h>

#include <algorithm>
#include <new>

#include "storage/record_codec.hpp"

namespace farebox {
namespace {

constexpr std::size_t kBatchOctets = 4 << 20;
// So long turns wait for company, unless somebody waits for them or there are so many.
constexpr std::chrono::milliseconds kLinger{5};
constexpr std::size_t kEnoughOctets = 256 << 10;
constexpr std::size_t kSpareTurns = 2048;  // of half a KiB: what 50 ms of a busy worker leave
constexpr unsigned kCounterBits = 40;  // of a hold id; the rest is the epoch

using OpenHolds = std::map<std::uint64_t, OpenHold>;

// What a turn that is taken from the TurnLog does to the holds that are open.
void follow_holds(const Turn& turn, OpenHolds& holds) {
  for (const Turn::Write& write : turn.writes) {
    if (write.what == Turn::What::hold) {
      holds[write.hold.value] = {Money(), std::string(turn.octets_of(write))};
    } else {
      holds.erase(write.hold.value);
    }
  }
}

// The turn that ends them all: a record each, from its draft.
Turn end_of(const OpenHolds& holds, CrashSettlement rule) {
  Turn turn;
  for (const auto& [id, hold] : holds) {
    Record record;
    CHECK(decode_record(hold.draft, record));
    record.outcome = Outcome::crashed;
    record.held = record.cost;
    record.held_known = record.priced;
    if (rule == CrashSettlement::release) {
      record.usage = Usage();
      record.cost = Money();
      record.priced = true;
      for (AttemptRecord& attempt : record.attempts) {
        attempt.cost = Money();
        attempt.priced = true;
      }
    }
    Turn::Write& write = turn.writes.emplace_back();
    write.what = Turn::What::settle;
    write.hold = HoldId{id};
    write.offset = turn.octets.size();
    encode_record(turn.octets, record, write.hold);
    write.size = turn.octets.size() - write.offset;
  }
  return turn;
}

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
  lock_file_.pin(paths_.database + "/LOCK");
  const auto settled = recover(std::move(opened->checked));
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

// Takes what the TurnLog has and the store has not, begins a new epoch, so that hold ids
// are never used again, and ends every hold whose call died with the last process: one
// record each, by rule. All of it is one batch.
Result<void> Committer::recover(CheckedLedger checked) {
  LedgerCore& core = *core_.mine();
  checkpoint_ = checked.checkpoint;
  core_.feed().feed(checked.state.last, [] {});
  if (checked.format != 0 && checked.format < kLedgerFormat) {
    log_.info("the ledger goes on in a newer format; older versions will refuse it",
              {{"from", static_cast<std::int64_t>(checked.format)},
               {"to", static_cast<std::int64_t>(kLedgerFormat)}});
  }
  TurnLog::Left left = TurnLog::read(paths_.turns, checked.state.epoch, checked.state.turn);
  // Whether turns were in what is damaged or gone, nobody knows.
  if (checked.has_turn_log() && (!left.fault.empty() || left.unusable != 0)) {
    log_.warn("calls of the last moments before the end may be missing",
              {{"file", std::string_view(paths_.turns)},
               {"fault", left.fault.empty() ? std::string_view("has a gap") : left.fault},
               {"turnsBehindGap", static_cast<std::int64_t>(left.unusable)}});
  }
  std::vector<Turn> turns = std::move(left.turns);
  const std::size_t pending = turns.size();
  auto holds = std::move(checked.holds);
  checked.holds.clear();
  journal_.emplace(*core.store, checked, holds);
  for (const Turn& turn : turns) follow_holds(turn, holds);
  turns.push_back(end_of(holds, settings_.crash_settlement));
  journal_->begin_epoch();
  Batch batch = journal_->prepare(std::move(turns));
  if (const auto done = core.store->write(batch.writes, true); !done) return done;
  if (const auto done = core.slots->write(journal_->mark()); !done) return done;
  feed_rollups(batch);
  const LedgerState& state = journal_->state();
  CHECK(state.epoch < std::uint64_t{1} << (64 - kCounterBits));
  next_hold_ = state.epoch << kCounterBits | 1;
  next_turn_ = state.turn + 1;
  taken_turn_ = state.turn;
  auto turn_log = TurnLog::open(paths_.turns, state.epoch);
  if (turn_log) {
    turn_log_ = std::move(*turn_log);
  } else {
    log_.warn("calls will wait for the store itself", {{"why", turn_log.error().context}});
  }
  if (!holds.empty() || pending != 0) {
    log_.warn("took over what was in flight when the last run ended",
              {{"turns", static_cast<std::int64_t>(pending)},
               {"callsSettled", static_cast<std::int64_t>(holds.size())},
               {"rule", settings_.crash_settlement == CrashSettlement::charge
                            ? std::string_view("charge")
                            : std::string_view("release")}});
  }
  {
    const std::lock_guard lock(sync_mutex_);
    written_ = synced_ = journal_->mark();
    sync_paused_ = false;
  }
  const std::lock_guard lock(mutex_);
  publish();
  return {};
}

HoldId Committer::make_hold_id() {
  return HoldId{next_hold_.fetch_add(1, std::memory_order_relaxed)};
}

Turn Committer::submit(Turn turn) {
  thread_local std::vector<CommitResult> spare;  // memory that the last turn left
  std::vector<CommitResult> told;
  told.swap(spare);
  told.clear();
  told.reserve(turn.writes.size());
  CommitSink* const sink = turn.sink;
  Turn empty;
  bool wake = false;
  {
    const std::lock_guard lock(mutex_);
    // Nothing may throw behind the append: what is in the TurnLog must come to the store.
    if (queue_.size() == queue_.capacity()) queue_.reserve(2 * queue_.size() + 16);
    const bool logged = !always() && turn_log_ && !unlogged_ && status_.writable &&
                        !sync_failed_.load() && turn_log_->append(next_turn_, turn);
    if (logged) {
      turn.number = next_turn_++;
      for (Turn::Write& write : turn.writes) {
        if (write.ticket == 0) continue;
        told.push_back({write.ticket, Committed::written, 0, turn.number});
        write.ticket = 0;
      }
    } else {
      unlogged_ = hurry_ = true;
    }
    const std::size_t before = queued_octets_;
    queued_octets_ += turn.octets.size();
    wake = queue_.empty() || !logged ||
           (before < kEnoughOctets && queued_octets_ >= kEnoughOctets);
    queue_.push_back(std::move(turn));
    if (!spare_.empty()) {
      empty = std::move(spare_.back());
      spare_.pop_back();
    }
  }
  if (wake) work_.notify_one();
  if (!told.empty()) sink->committed(told);
  told.swap(spare);
  return empty;
}

// What one thread allocates and another frees is dear.
void Committer::recycle(std::vector<Turn>& turns) {
  for (Turn& turn : turns) turn.reuse();
  const std::lock_guard lock(mutex_);
  for (Turn& turn : turns) {
    if (spare_.size() == kSpareTurns) break;
    try {
      spare_.push_back(std::move(turn));
    } catch (const std::bad_alloc&) {
      break;  // then others have more of it
    }
  }
}

void Committer::flush(std::chrono::milliseconds patience) const {
  std::unique_lock lock(mutex_);
  const std::uint64_t newest = next_turn_ - 1;
  if (taken_turn_ >= newest || !status_.writable) return;
  hurry_ = true;
  work_.notify_one();
  const SteadyTime until = std::chrono::steady_clock::now() + patience;
  while (taken_turn_ < newest && status_.writable) {
    if (taken_.wait_until(lock, until) == std::cv_status::timeout) return;
  }
}

LedgerStatus Committer::status() const {
  const std::lock_guard lock(mutex_);
  LedgerStatus status = status_;
  const std::lock_guard sync_lock(sync_mutex_);
  status.synced = synced_.last;
  status.synced_turn = synced_.turn;
  return status;
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
      const std::lock_guard lock(mutex_);
      status_.writable = false;
    }
  }
}

void Committer::run() {
  std::vector<Turn> turns;
  while (next(turns) == Next::write) {
    if (!turns.empty()) commit(std::move(turns));
    turns.clear();
    if (core_.mine() != nullptr && sync_failed_.load()) {
      fail(Batch(), Error(ErrorCode::io_failed, sync_error_));
    }
    if (core_.mine() != nullptr) commit_prune();
    if (core_.mine() == nullptr) {  // closing, and the store never came back
      answer_while_down();
      return;
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

// Waits until there is something to do. `finish`: closing, and nothing is left.
Committer::Next Committer::next(std::vector<Turn>& turns) {
  if (!backlog_.empty()) {
    turns.swap(backlog_);
    backlog_octets_ = 0;
    return Next::write;
  }
  std::unique_lock lock(mutex_);
  const auto urgent = [&] { return closing_ || prune_ || sync_failed_.load(); };
  while (queue_.empty() && !urgent()) work_.wait(lock);
  if (!always() && !urgent()) {
    const SteadyTime until = std::chrono::steady_clock::now() + kLinger;
    while (!hurry_ && !urgent() && queued_octets_ < kEnoughOctets) {
      if (work_.wait_until(lock, until) == std::cv_status::timeout) break;
    }
  }
  take_from_queue(turns);
  hurry_ = hurry_ && !queue_.empty();
  return turns.empty() && closing_ ? Next::finish : Next::write;
}

void Committer::commit(std::vector<Turn> turns) {
  LedgerCore* const core = core_.mine();
  Batch batch;
  batch.turns = std::move(turns);
  std::list<Kept> kept;
  Result<void> done;
  try {
    journal_->prepare(batch);  // first of all: it gives the number
    kept.emplace_back();
    done = core->store->write(batch.writes, always());
    if (done && always()) done = core->slots->write(journal_->mark());
    // A sync that failed meanwhile means that nothing written since is safe.
    if (done && sync_failed_.load()) done = Error(ErrorCode::io_failed, sync_error_);
    if (done) feed_rollups(batch);
  } catch (const std::bad_alloc&) {
    // Journal and rollups may have half of it: both are read again, as after a failed write.
    done = Error(ErrorCode::io_failed, "no memory");
    batch.expect_results();
  }
  if (done) {
    adopt(std::move(batch), std::move(kept));
  } else {
    fail(std::move(batch), done.error());
  }
}

// From here on nothing needs memory: `kept` is the place of its turns until they are synced.
void Committer::adopt(Batch batch, std::list<Kept> kept) {
  {
    const std::lock_guard lock(mutex_);
    status_.appended += batch.settled.size();
    taken_turn_ = journal_->state().turn;
    if (turn_log_) turn_log_->release(taken_turn_);
    unlogged_ = !backlog_.empty() ||
                std::any_of(queue_.begin(), queue_.end(),
                            [](const Turn& turn) { return turn.number == 0; });
    publish();
    taken_.notify_all();
  }
  tell(batch);
  {
    const std::lock_guard lock(sync_mutex_);
    written_ = journal_->mark();
    if (always()) synced_ = written_;
    if (behind()) {
      for (Turn& turn : batch.turns) turn.forget_tickets();
      kept.front() = {batch.number, std::move(batch.turns)};
      unsynced_.splice(unsynced_.end(), kept);
      if (unsynced_.size() == 1) sync_work_.notify_one();
      return;
    }
  }
  recycle(batch.turns);
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
