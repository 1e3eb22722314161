// Where the sums of a record are, from its `add` on:
//
//   live     what was added last, in memory, written by `add` under the mutex
//   pieces   what was live before: numbered, never changed again, shared with readers
//   stored   in RocksDB, with the number of the last piece folded in
//
// A reader takes a snapshot of RocksDB and the list of pieces in one moment under the
// mutex. The snapshot itself says which pieces it holds already, so a record is counted
// once however the reader and a save overlap.
#include "storage/rollups.hpp"

#include <rocksdb/db.h>
#include <rocksdb/write_batch.h>

#include <algorithm>
#include <map>
#include <mutex>
#include <random>

#include "storage/rollup_pieces.hpp"
#include "storage/rollup_store.hpp"

namespace farebox {
namespace {

using Span = RollupStore::Span;

// How much a restart may have to add again: a fraction of a second's work.
constexpr std::uint64_t kMostUnsaved = 50'000;
constexpr auto kLongestUnsaved = std::chrono::minutes(5);

// Up to so many live records are summed under the mutex, which takes some 100 us. More
// become a piece first.
constexpr std::uint64_t kMostReadLive = 4'096;

class SnapshotGuard {
 public:
  explicit SnapshotGuard(rocksdb::DB& db) : db_(db) {}
  ~SnapshotGuard() {
    if (snapshot_ != nullptr) db_.ReleaseSnapshot(snapshot_);
  }
  SnapshotGuard(const SnapshotGuard&) = delete;
  SnapshotGuard& operator=(const SnapshotGuard&) = delete;

  void take() { snapshot_ = db_.GetSnapshot(); }
  const rocksdb::Snapshot* get() const { return snapshot_; }

 private:
  rocksdb::DB& db_;
  const rocksdb::Snapshot* snapshot_ = nullptr;
};

// The records a cut hour's tables speak of.
struct Sequences {
  std::uint64_t first = ~std::uint64_t{0};
  std::uint64_t last = 0;

  void widen(const RollupTable& table) {
    if (table.rows() == 0) return;
    first = std::min(first, table.first_sequence());
    last = std::max(last, table.last_sequence());
  }
};

// Puts the tables of a query where they belong.
struct Collector {
  const UsageQuery& query;
  UsagePlan plan;
  UsageGroups groups{query};
  std::map<HourNumber, Sequences> cut;

  void whole(WallTime start, const RollupTable& table) {
    table.collect(query.filter, start, groups);
  }
  void unsaved(const Hours& hours) {
    for (const auto& [hour, table] : hours) {
      switch (plan.part_of(hour)) {
        case UsagePlan::Part::none: break;
        case UsagePlan::Part::some: cut[hour].widen(table); break;
        case UsagePlan::Part::whole: whole(start_of_hour(hour), table); break;
      }
    }
  }
  Result<void> each(const RollupStore& store, Span span, NumberRange range,
                    const rocksdb::Snapshot* snapshot) {
    const HourNumber hours = span == Span::day ? kHoursOfDay : 1;
    if (query.costs_only) {
      return store.each_cost(span, range, snapshot, query.filter,
                             [&](std::uint32_t number, Money cost) {
                               groups.add_cost(start_of_hour(number * hours), cost);
                             });
    }
    return store.each(span, range, snapshot, [&](std::uint32_t number, const RollupTable& table) {
      whole(start_of_hour(number * hours), table);
    });
  }
  Result<void> stored(const RollupStore& store, const rocksdb::Snapshot* snapshot) {
    Result<void> read = each(store, Span::day, plan.days, snapshot);
    if (!read) return read.error();
    for (const NumberRange& range : plan.singly) {
      read = each(store, Span::hour, range, snapshot);
      if (!read) return read.error();
    }
    for (const HourNumber hour : plan.cut) {
      const Result<void> seen =
          store.each(Span::hour, {hour, hour + 1}, snapshot,
                     [&](std::uint32_t, const RollupTable& table) { cut[hour].widen(table); });
      if (!seen) return seen.error();
    }
    return {};
  }
  Result<void> records(const Rollups::Scan& scan) {
    for (const auto& [hour, sequences] : cut) {
      if (sequences.first > sequences.last) continue;
      // Records come nearly but not exactly in the order of time: the range holds some of
      // other hours, which are counted there.
      const Result<void> read =
          scan(sequences.first, sequences.last, [&, hour = hour](const RecordFacts& facts) {
            if (hour_of(facts.time) == hour && query.filter.admits(facts)) groups.add(facts);
          });
      if (!read) return read.error();
    }
    return {};
  }
};

}  // namespace

struct Rollups::Impl {
  Impl(rocksdb::DB& the_db, rocksdb::ColumnFamilyHandle& family, const RollupLimits& the_limits)
      : db(the_db), store(the_db, family), limits(the_limits) {}

  rocksdb::DB& db;
  const RollupStore store;
  const RollupLimits limits;

  std::mutex changing;     // held by whoever changes what is stored; taken before `mutex`
  bool unflushed = false;  // under `changing`

  mutable std::mutex mutex;  // short; guards what follows
  Watermark mark;            // what the stored one will be after the next save
  Hours live;
  std::uint64_t live_records = 0;
  Pieces pieces;
  std::uint64_t unsaved = 0;  // records since the last save began
  std::optional<SteadyTime> unsaved_since;

  // Precondition of these: `mutex` is held.
  void seal_live() {
    if (live.empty()) return;
    auto piece = std::make_shared<Piece>();
    piece->number = ++mark.piece;
    piece->hours.swap(live);
    pieces.push_back(std::move(piece));
    live_records = 0;
  }
  void drop_pieces(std::uint64_t last) {
    std::erase_if(pieces, [&](const auto& piece) { return piece->number <= last; });
  }

  std::size_t unsaved_rows() const {
    std::size_t rows = 0;
    for (const auto& [hour, table] : live) rows += table.rows();
    for (const auto& piece : pieces) {
      for (const auto& [hour, table] : piece->hours) rows += table.rows();
    }
    return rows;
  }

  // What a failed save left is tried again as if it had just been added.
  Error failed(Error error) {
    const std::lock_guard lock(mutex);
    if (!unsaved_since) unsaved_since = std::chrono::steady_clock::now();
    return error;
  }
  // Precondition: `changing` is held.
  Result<void> flush() {
    const Result<void> flushed = store.flush();
    unflushed = !flushed;
    if (!flushed) return failed(flushed.error());
    return {};
  }
};

Rollups::Rollups(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Rollups::~Rollups() = default;

Result<std::unique_ptr<Rollups>> Rollups::open(rocksdb::DB& db,
                                               rocksdb::ColumnFamilyHandle& family,
                                               const RollupLimits& limits) {
  auto impl = std::make_unique<Impl>(db, family, limits);
  const Result<std::optional<Watermark>> mark = impl->store.watermark(nullptr);
  if (!mark) return mark.error();
  if (*mark) {
    impl->mark = **mark;
  } else {
    const Result<void> cleared = impl->store.clear();
    if (!cleared) return cleared.error();
  }
  std::random_device random;
  while (impl->mark.seed == 0) impl->mark.seed = std::uint64_t{random()} << 32 | random();
  return std::unique_ptr<Rollups>(new Rollups(std::move(impl)));
}

std::uint64_t Rollups::next_sequence() const {
  const std::lock_guard lock(impl_->mutex);
  return impl_->mark.next;
}

void Rollups::add(const RecordFacts& facts) {
  Impl& own = *impl_;
  const HourNumber hour = hour_of(facts.time);
  const std::lock_guard lock(own.mutex);
  if (facts.sequence < own.mark.next) return;
  own.mark.next = facts.sequence + 1;
  if (++own.unsaved == 1 && !own.unsaved_since) {
    own.unsaved_since = std::chrono::steady_clock::now();
  }
  if (facts.sequence < own.mark.kept_below && hour < own.mark.kept_before) return;
  if (facts.audit) return;  // nothing was asked or spent
  own.mark.newest = std::max(own.mark.newest, facts.time);
  own.live[hour].add(facts);
  ++own.live_records;
}

bool Rollups::wants_saving() const {
  const std::lock_guard lock(impl_->mutex);
  if (impl_->unsaved >= kMostUnsaved || impl_->unsaved_rows() >= impl_->limits.unsaved_rows) {
    return true;
  }
  return impl_->unsaved_since &&
         std::chrono::steady_clock::now() - *impl_->unsaved_since >= kLongestUnsaved;
}

Result<void> Rollups::save() {
  Impl& own = *impl_;
  const std::lock_guard changing(own.changing);
  Pieces pieces;
  Watermark mark;
  bool nothing_new;
  {
    const std::lock_guard lock(own.mutex);
    own.seal_live();
    pieces = own.pieces;
    mark = own.mark;
    nothing_new = pieces.empty() && own.unsaved == 0;
    own.unsaved = 0;
    own.unsaved_since.reset();
  }
  if (nothing_new) return own.unflushed ? own.flush() : Result<void>();

  rocksdb::WriteBatch batch;
  RollupFolder folder(own.store, own.limits, mark.seed);
  Result<void> done = folder.fold(pieces, kNoHour, batch);
  if (done) {
    own.store.put(batch, mark);
    done = own.store.write(batch);
  }
  if (!done) return own.failed(done.error());
  {
    // Also if the flush fails: whoever reads this RocksDB sees them stored.
    const std::lock_guard lock(own.mutex);
    own.drop_pieces(mark.piece);
  }
  pieces.clear();
  batch.Clear();
  const Result<void> tidied = folder.tidy();
  const Result<void> flushed = own.flush();
  if (!tidied) return own.failed(tidied.error());
  return flushed;
}

Result<void> Rollups::forget(WallTime from, std::uint64_t next) {
  Impl& own = *impl_;
  const std::lock_guard changing(own.changing);
  HourNumber first = hour_of(from);
  Pieces pieces;
  Watermark mark;
  {
    const std::lock_guard lock(own.mutex);
    own.seal_live();
    pieces = own.pieces;
    mark = own.mark;
  }
  // A rebuild that was broken off has left less in its later hours than in the earlier
  // ones; the new one begins where they are equally complete.
  if (mark.next < mark.kept_below) first = std::min(first, mark.kept_before);
  mark.kept_below = std::max(mark.kept_below, mark.next);
  mark.kept_before = first;
  mark.next = next;

  Result<void> done = own.store.mend(first, {mark.seed, own.limits.table_rows});
  if (!done) return done.error();
  RollupFolder folder(own.store, own.limits, mark.seed);
  rocksdb::WriteBatch batch;
  const DayNumber cut_day = first / kHoursOfDay;
  own.store.erase(batch, Span::hour, {first, kNoHour});
  own.store.erase(batch, Span::day, {cut_day, kNoHour});
  done = folder.fold(pieces, cut_day * kHoursOfDay, batch);
  if (done) done = folder.fold_cut_day(pieces, first, batch);
  if (!done) return done.error();
  own.store.put(batch, mark);
  done = own.store.write(batch);
  if (!done) return done.error();
  {
    const std::lock_guard lock(own.mutex);
    own.drop_pieces(mark.piece);
    own.mark = mark;
    own.unsaved = 0;
    own.unsaved_since.reset();
  }
  return own.flush();
}

Result<void> Rollups::prune(WallTime before) {
  Impl& own = *impl_;
  const std::lock_guard changing(own.changing);
  const DayNumber first = hour_of(before) / kHoursOfDay;
  rocksdb::WriteBatch batch;
  own.store.erase(batch, Span::hour, {0, first * kHoursOfDay});
  own.store.erase(batch, Span::day, {0, first});
  if (batch.Count() == 0) return {};
  const Result<void> done = own.store.write(batch);
  if (!done) return done.error();
  return own.flush();
}

Result<UsageReport> Rollups::usage(const UsageQuery& query, const Scan& scan) const {
  Impl& own = *impl_;
  if (!query.filter.request_id.empty()) {
    UsageGroups groups(query);
    const std::uint64_t next = next_sequence();
    if (next == 0) return UsageReport{};
    const Result<void> read = scan(0, next - 1, [&](const RecordFacts& facts) {
      if (query.filter.admits(facts)) groups.add(facts);
    });
    if (!read) return read.error();
    return std::move(groups).report();
  }

  Collector collector{query, {}, UsageGroups(query), {}};
  SnapshotGuard snapshot(own.db);
  Pieces pieces;
  {
    const std::lock_guard lock(own.mutex);
    collector.plan = plan_usage(query, own.mark.newest);
    snapshot.take();
    if (own.live_records > kMostReadLive) own.seal_live();
    pieces = own.pieces;
    collector.unsaved(own.live);
  }
  const Result<std::optional<Watermark>> mark = own.store.watermark(snapshot.get());
  if (!mark) return mark.error();
  const std::uint64_t folded = *mark ? (*mark)->piece : 0;
  for (const auto& piece : pieces) {
    if (piece->number > folded) collector.unsaved(piece->hours);
  }
  Result<void> read = collector.stored(own.store, snapshot.get());
  if (read) read = collector.records(scan);
  if (!read) return read.error();
  return std::move(collector.groups).report();
}

}  // namespace farebox
