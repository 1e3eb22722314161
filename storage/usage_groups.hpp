// UsageGroupTable: the groups of one query and their sums, while they are collected.
//
// Names are interned once for each position of `group_by`, a group is a start and the
// numbers of its names, so that adding to a group that exists compares no text.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "storage/name_dictionary.hpp"
#include "storage/rollup_table.hpp"

namespace farebox {

class UsageGroupTable {
 public:
  explicit UsageGroupTable(const UsageQuery& query);

  const std::vector<Dimension>& dimensions() const { return dimensions_; }
  Granularity granularity() const { return granularity_; }

  // The number of a name at that position of `dimensions`.
  std::uint32_t intern(std::size_t position, std::string_view name) {
    return names_[position].intern(name);
  }
  // Precondition: `group` holds an interned number for each position.
  std::uint32_t find_or_add(std::optional<WallTime> start, std::span<const std::uint32_t> group);
  UsageSums& sums(std::uint32_t group) { return sums_[group]; }

  void add(const RecordFacts& facts);
  UsageReport report() const;

 private:
  // The names of a group. Positions may be none at all.
  std::span<const std::uint32_t> group(std::uint32_t number) const {
    return std::span(groups_).subspan(number * dimensions_.size(), dimensions_.size());
  }

  const std::vector<Dimension> dimensions_;
  const Granularity granularity_;
  std::vector<NameDictionary> names_;  // by position
  NumberIndex index_;                  // of groups
  std::vector<std::uint32_t> groups_;  // the names of all groups, one group behind the other
  std::vector<std::optional<WallTime>> starts_;  // by group
  std::vector<UsageSums> sums_;                  // by group
  std::vector<std::uint32_t> scratch_;
};

// Seen by RollupTable only, which adds rows instead of records.
struct UsageGroups::Impl {
  UsageGroupTable table;
};

}  // namespace farebox
