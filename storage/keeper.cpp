#include "storage/keeper.hpp"

#include <pthread.h>
#include <rocksdb/convenience.h>

#include <algorithm>
#include <new>

#include "storage/entry.hpp"
#include "storage/record_codec.hpp"
#include "storage/signing_key.hpp"

namespace farebox {
namespace {

using namespace std::chrono_literals;

constexpr auto kRound = 1s;
constexpr int kRoundsPerPrune = 5;
// Beyond max_size the ledger shrinks to this part of it, so that it doesn't prune a
// record at a time.
constexpr std::uint64_t kShrinkToPercent = 90;

std::int64_t microseconds_of(WallTime time) { return time.time_since_epoch().count(); }

}  // namespace

Keeper::Keeper(const LedgerPaths& paths, const LedgerSettings& settings, SharedCore& core,
               Committer& committer, Logger& log, const Clock& clock, bool guarded)
    : paths_(paths),
      retain_s_(settings.retain.count()),
      max_size_(settings.max_size),
      core_(core),
      committer_(committer),
      log_(log),
      clock_(clock),
      guarded_(guarded) {}

void Keeper::guard(Ledger::PruneGuard guard) {
  const std::lock_guard lock(guard_mutex_);
  guard_ = std::move(guard);
}

Keeper::~Keeper() { stop(); }

void Keeper::start() {
  thread_ = std::thread([this] {
    pthread_setname_np(pthread_self(), "ledger-keeper");
    run();
  });
}

void Keeper::stop() {
  if (!thread_.joinable()) return;
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    stopped_.notify_one();
  }
  thread_.join();
}

void Keeper::run() {
  std::string last_trouble;
  for (int round = 0;; ++round) {
    Result<void> done;
    try {
      committer_.look_after_place();
      done = save(false);
      if (done && round % kRoundsPerPrune == 0) {
        const auto pruned = prune();
        if (!pruned) done = pruned.error();
      }
    } catch (const std::bad_alloc&) {
      done = Error(ErrorCode::ledger_unavailable);  // the next round does it
    }
    const bool down = !done && done.error().code == ErrorCode::ledger_unavailable;
    if (!done && !down && done.error().context != last_trouble) {
      last_trouble = done.error().context;
      log_.warn("the ledger can't be kept in order", {{"why", last_trouble}});
    }
    std::unique_lock lock(mutex_);
    if (stopped_.wait_for(lock, kRound, [&] { return stopping_; })) return;
  }
}

void Keeper::adopt(const LedgerSettings& settings) {
  retain_s_ = settings.retain.count();
  max_size_ = settings.max_size;
}

Result<void> Keeper::save(bool always) {
  return core_.read([&](LedgerCore& core) -> Result<void> {
    if (!always && !core.rollups->wants_saving()) return {};
    return core.save_rollups();
  });
}

// The first record that is younger than `oldest`; records stand nearly in order of time.
Result<std::uint64_t> Keeper::first_within(LedgerCore& core, std::uint64_t from,
                                           WallTime oldest) {
  std::uint64_t first = from;
  bool broken = false;
  const auto done = core.store->for_each(
      core.store->records(), from, [&](std::string_view key, std::string_view octets) {
        SealedRecord record;
        RecordFacts facts;
        broken = open_record(key, octets, record) != Seal::good ||
                 !decode_facts(record.payload, facts);
        if (broken || facts.time >= oldest) return false;
        first = number_of(key) + 1;
        return true;
      });
  if (!done) return done.error();
  if (broken) return Error(ErrorCode::ledger_damaged, "record " + std::to_string(first) + " is broken");
  return first;
}

Result<std::optional<WallTime>> Keeper::time_of(LedgerCore& core, std::uint64_t sequence) {
  std::optional<WallTime> time;
  const auto done = core.store->scan(sequence, sequence,
                                     [&](const RecordFacts& facts) { time = facts.time; });
  if (!done) return done.error();
  return time;
}

// Without it, a clock that is wrong for a moment would make everything old.
Result<bool> Keeper::is_clock_believed(const LedgerStatus& status) {
  const auto newest = core_.read([&](LedgerCore& core) { return time_of(core, status.last); });
  if (!newest) return newest.error();
  const WallWatch::Look look = watch_.look(clock_.wall_now(), clock_.steady_now(), *newest);
  if (look.jump.count() != 0) {
    log_.warn("the wall clock jumped; for an hour nothing is pruned for its age",
              {{"seconds", std::chrono::duration_cast<std::chrono::seconds>(look.jump).count()}});
  }
  return look.believed;
}

// `by_age`: not only where the ledger is too large.
Result<std::uint64_t> Keeper::first_to_keep(LedgerCore& core, const LedgerStatus& status,
                                            bool by_age) {
  const WallTime oldest = by_age ? clock_.wall_now() - retain() : WallTime::min();
  auto first = first_within(core, status.first, oldest);
  if (!first) return first;
  std::uint64_t octets = core.store->octets();
  const std::uint64_t max_size = max_size_;
  if (octets > max_size) {
    // Logs count as long as their records aren't in tables; that is what they weigh.
    for (auto* const family : {&core.store->records(), &core.store->holds(), &core.store->meta()}) {
      core.store->db().Flush(rocksdb::FlushOptions(), family);
    }
    octets = core.store->octets();
  }
  if (octets > max_size) {
    const std::uint64_t target = max_size / 100 * kShrinkToPercent;
    const std::uint64_t records = status.last - status.first + 1;
    const auto share = static_cast<std::uint64_t>(
        static_cast<UInt128>(records) * (octets - target) / octets);
    first = std::max(*first, status.first + share);
  }
  // The newest record on the disk stays: the chain goes on from it.
  return std::min(*first, std::max(status.synced, status.first));
}

Result<Checkpoint> Keeper::make_checkpoint(LedgerCore& core, std::uint64_t first) {
  auto key = SigningKey::open(paths_.key);
  if (!key) return key.error();
  Checkpoint point = committer_.checkpoint();
  WallTime newest{std::chrono::microseconds(point.newest_us)};
  const auto done = core.store->scan(point.first, first - 1, [&](const RecordFacts& facts) {
    newest = std::max(newest, facts.time);
    if (facts.priced) {
      point.cost += facts.cost;
    } else if (facts.metered) {
      ++point.unpriced;
    }
  });
  if (!done) return done.error();
  bool found = false;
  const auto linked = core.store->for_each(
      core.store->records(), first - 1, [&](std::string_view at, std::string_view octets) {
        SealedRecord record;
        found = number_of(at) == first - 1 && open_record(at, octets, record) == Seal::good;
        if (found) point.before = record.link;
        return false;
      });
  if (!linked) return linked.error();
  if (!found) return Error(ErrorCode::ledger_damaged, "a record to be pruned is broken");
  point.first = first;
  point.newest_us = microseconds_of(newest);
  point.made_us = microseconds_of(clock_.wall_now());
  point.public_key = key->public_key();
  std::string message;
  point.encode_unsigned(message);
  point.signature = key->sign(message);
  return point;
}

Result<std::uint64_t> Keeper::prune() {
  const std::lock_guard pruning(guard_mutex_);
  if (guarded_ && !guard_) return std::uint64_t{0};
  const LedgerStatus status = committer_.status();
  if (status.first == 0) return std::uint64_t{0};
  const auto by_age = is_clock_believed(status);
  if (!by_age) return by_age.error();
  auto point = core_.read([&](LedgerCore& core) -> Result<Checkpoint> {
    const auto first = first_to_keep(core, status, *by_age);
    if (!first) return first.error();
    if (*first <= status.first) return Checkpoint();
    // Sums that stand for pruned records can't be made anew: they must be saved first.
    const auto saved = core.save_rollups();
    if (!saved) return saved.error();
    return make_checkpoint(core, *first);
  });
  if (!point) return point.error();
  if (point->signature.empty()) return std::uint64_t{0};
  const auto prune = [&] { return committer_.prune(*point); };
  const auto done = guard_ ? guard_(point->first, prune) : prune();
  if (!done) return done.error();
  const std::uint64_t gone = point->first - status.first;
  log_.info("pruned old records behind a signed checkpoint",
            {{"records", static_cast<std::int64_t>(gone)},
             {"first", static_cast<std::int64_t>(point->first)}});
  const auto cleaned = core_.read([&](LedgerCore& core) -> Result<void> {
    const NumberKey begin(0), end(point->first - 1);
    const rocksdb::Slice from(begin.view()), to(end.view());
    rocksdb::DB& db = core.store->db();
    core.store->keep_from(point->first);
    rocksdb::DeleteFilesInRange(&db, &core.store->records(), &from, &to, true);
    rocksdb::CompactRangeOptions options;
    options.bottommost_level_compaction = rocksdb::BottommostLevelCompaction::kForceOptimized;
    db.CompactRange(options, &core.store->records(), &from, &to);
    return *by_age ? core.rollups->prune(clock_.wall_now() - retain()) : Result<void>();
  });
  if (!cleaned) return cleaned.error();
  return gone;
}

}  // namespace farebox
