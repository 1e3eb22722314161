// RollupTable: the sums of one hour or one day, by every dimension at once.
//
// A plain value. Names stand once in a dictionary per dimension and rows refer to them
// by number, so that a month of hours is summed at memory speed. Derived: it can be made
// anew from the records at any time.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "config/base/result.hpp"
#include "storage/rollup_part.hpp"
#include "storage/usage_query.hpp"

namespace farebox {

// Collects what a query groups by. Used by one thread.
class UsageGroups {
 public:
  explicit UsageGroups(const UsageQuery& query);
  ~UsageGroups();

  // One record; its time is what the granularity looks at. The filter has been asked.
  void add(const RecordFacts& facts);

  // A cost of that time. Precondition: the query groups by no dimension.
  void add_cost(WallTime time, Money cost);

  UsageReport report() &&;

 private:
  friend class RollupTable;
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

class RollupTable {
 public:
  RollupTable();
  RollupTable(RollupTable&&) noexcept;
  RollupTable& operator=(RollupTable&&) noexcept;
  ~RollupTable();

  void add(const RecordFacts& facts);
  void merge(const RollupTable& more);

  // The records in it: 0, 0 when it is empty.
  std::uint64_t first_sequence() const;
  std::uint64_t last_sequence() const;
  std::size_t rows() const;

  // Adds the rows whose names the filter admits (its times aren't looked at) to `groups`;
  // `start` is the begin of this table's hour or day.
  void collect(const RecordFilter& filter, WallTime start, UsageGroups& groups) const;

  // The same rows in tables of their own, one for each part. `parts` rise and hold every hash;
  // a row whose part is missing goes to a neighbour. `seed`: nobody who chooses names may know it.
  std::vector<RollupTable> divide(std::uint64_t seed, std::span<const RollupPart> parts) const;

  // The grammar stands in the .cpp. Decoding accepts any octets.
  void encode(std::string& out) const;
  static Result<RollupTable> decode(std::string_view octets);

  // How many rows the stored form says it has, without a look at the rest.
  static Result<std::size_t> rows_in(std::string_view octets);

  // The cost of the rows whose names the filter admits, straight from the stored form: a
  // fraction of the work of decoding.
  static Result<Money> cost_in(std::string_view octets, const RecordFilter& filter);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace farebox
