// Rollups: sums by hour and day beside the records, so that a month is asked in
// milliseconds. Derived: whatever is lost is made anew from the records.
//
// New records are summed in memory; `save` folds them into stored tables together with
// the sequence up to which they are complete (the watermark), without the write-ahead
// log. However many names there are, the memory for it is bounded: tables with many rows
// are divided (rollup_part.hpp), and one is looked at at a time. After a crash the records
// above the watermark are added again. Thread-safe as each function says.
#pragma once

#include <functional>
#include <memory>

#include "storage/rollup_table.hpp"

namespace rocksdb {
class DB;
class ColumnFamilyHandle;
}  // namespace rocksdb

namespace farebox {

class Rollups {
 public:
  // Reads the watermark. Tables of another format are forgotten: the watermark is then 0.
  // `db` and `family` must outlive it.
  static Result<std::unique_ptr<Rollups>> open(rocksdb::DB& db,
                                               rocksdb::ColumnFamilyHandle& family,
                                               const RollupLimits& limits = {});
  ~Rollups();

  // The first record it hasn't seen. Any thread.
  std::uint64_t next_sequence() const;

  // The next record. Sequences below `next_sequence` are ignored. One thread at a time.
  void add(const RecordFacts& facts);

  // Enough was added that it takes much memory, or that a restart would have to add much
  // again. Any thread.
  bool wants_saving() const;

  // Folds what was added into the stored tables. Never holds up `add` or `usage` for
  // longer than a move. One thread at a time. After an error nothing is lost: what was
  // added stays in memory and the next save tries it again.
  Result<void> save();

  // Forgets all sums of hours from `from` on, for a rebuild; the next record to be added is
  // `next`. Records from there on that are in the sums of earlier hours already are
  // recognised and not added twice. What can't be read of earlier hours is made anew as
  // far as possible, else forgotten too. Nobody adds meanwhile.
  Result<void> forget(WallTime from, std::uint64_t next);
  // Forgets the stored sums of days that ended before `before`, so that hours and days
  // always agree.
  Result<void> prune(WallTime before);

  // Visits the facts of the records with sequences in [first, last], in order.
  using Visit = std::function<void(const RecordFacts&)>;
  using Scan = std::function<Result<void>(std::uint64_t first, std::uint64_t last, const Visit&)>;

  // Whole hours and days come from tables; hours that the filter cuts, and a filter by
  // request_id, from the records themselves by `scan`. Any thread.
  Result<UsageReport> usage(const UsageQuery& query, const Scan& scan) const;

 private:
  struct Impl;
  explicit Rollups(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace farebox
