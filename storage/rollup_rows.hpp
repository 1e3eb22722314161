// What a RollupTable is made of. Only its own sources include this.
#pragma once

#include <array>
#include <vector>

#include "storage/name_dictionary.hpp"
#include "storage/rollup_table.hpp"

namespace farebox {

// What a filter asks of a dimension; empty: nothing.
const std::string& wanted_by(const RecordFilter& filter, Dimension dimension);

struct RollupTable::Impl {
  // The number of a name in its dimension's dictionary, by dimension.
  using RowNames = std::array<std::uint32_t, kDimensions>;
  struct Row {
    RowNames names;
    UsageSums sums;
  };

  std::array<NameDictionary, kDimensions> names;
  std::vector<Row> rows;  // one for each combination that occurred
  NumberIndex index;      // of rows; filled when the first record is added
  std::uint64_t first = 0;
  std::uint64_t last = 0;

  void fill_index();
  std::uint64_t hash_of(const RowNames& row);
  void widen(std::uint64_t more_first, std::uint64_t more_last);
};

}  // namespace farebox
