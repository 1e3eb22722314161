// Pieces of rollups: sums in memory that wait to be folded into the stored ones.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <vector>

#include "storage/rollup_store.hpp"

namespace farebox {

using Hours = std::map<HourNumber, RollupTable>;

// Never changed once it is in a list.
struct Piece {
  std::uint64_t number = 0;  // from 1, rising
  Hours hours;
};
using Pieces = std::vector<std::shared_ptr<const Piece>>;

// Folds pieces into a store. What a write has of stored sums is bounded: what would be more
// stands beside them first, and `tidy` folds it in later. Used by one thread at a time.
class RollupFolder {
 public:
  RollupFolder(const RollupStore& store, const RollupLimits& limits, std::uint64_t seed)
      : store_(store), limits_(limits), division_{seed, limits.table_rows} {}

  // Writes into `batch` what becomes of stored hours and days when the pieces' hours below
  // `end` are added to them. Precondition: the last piece was never folded.
  Result<void> fold(const Pieces& pieces, HourNumber end, rocksdb::WriteBatch& batch);

  // Folds in what `fold` left standing beside. After an error nothing is lost or counted
  // twice; what still waits is looked at by the next fold of that hour.
  Result<void> tidy();

  // As `fold` for a day that loses its hours from `end` on: the day is summed anew from the
  // hours it keeps. Takes the memory of all of them.
  Result<void> fold_cut_day(const Pieces& pieces, HourNumber end, rocksdb::WriteBatch& batch);

 private:
  using Span = RollupStore::Span;
  Result<void> fold_in(Span span, std::uint32_t number, const RollupTable& more,
                       std::uint64_t piece, rocksdb::WriteBatch& batch);

  const RollupStore& store_;
  const RollupLimits limits_;
  const RollupStore::Division division_;
  std::set<std::pair<Span, std::uint32_t>> untidy_;
};

}  // namespace farebox
