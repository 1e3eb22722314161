// Pieces of rollups: sums in memory that wait to be folded into the stored ones.
#pragma once

#include <map>
#include <memory>
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

// Writes into `batch` what becomes of stored hours and days when the pieces' hours below
// `end` are added to them.
Result<void> fold(const RollupStore& store, const Pieces& pieces, HourNumber end,
                  rocksdb::WriteBatch& batch);

// The same for a day that loses its hours from `end` on: the day is summed anew from the
// hours it keeps.
Result<void> fold_cut_day(const RollupStore& store, const Pieces& pieces, HourNumber end,
                          rocksdb::WriteBatch& batch);

}  // namespace farebox
