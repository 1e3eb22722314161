// What can be asked of the ledger, and the shape of its answers.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "storage/record_facts.hpp"

namespace farebox {

// Which records; an empty field asks nothing.
struct RecordFilter {
  std::optional<WallTime> since;  // inclusive
  std::optional<WallTime> until;  // exclusive
  std::string org, project, user, key_name, provider, model, endpoint, outcome, request_id;
  bool audits = false;  // changes that somebody made instead of requests

  bool admits(const RecordFacts& facts) const;
  // The same without looking at the time.
  bool admits_names(const RecordFacts& facts) const;
};

struct RecordPage {
  std::vector<Record> records;  // newest first
  // Continue below this sequence; nothing: that was all. A page may hold fewer records
  // than asked for and still not be the last.
  std::optional<std::uint64_t> next_below;
};

// A dimension usage can be grouped by.
enum class Dimension : std::uint8_t { model, provider, project, org, user, key, endpoint, outcome };
inline constexpr std::size_t kDimensions = 8;
std::optional<Dimension> dimension_named(std::string_view name);
std::string_view name_of(Dimension dimension);
std::string_view value_of(Dimension dimension, const RecordFacts& facts);

enum class Granularity : std::uint8_t { none, hour, day };  // of UTC
std::optional<WallTime> start_of(Granularity granularity, WallTime time);

struct UsageQuery {
  RecordFilter filter;
  std::vector<Dimension> group_by;
  Granularity granularity = Granularity::none;
  // Only costs are wanted, and grouped by no dimension: all other sums may stay 0.
  bool costs_only = false;
};

struct UsageSums {
  std::uint64_t requests = 0;
  std::uint64_t errors = 0;
  std::uint64_t unpriced = 0;  // requests whose cost isn't known, so cost is a lower bound
  Tokens input = 0;
  Tokens output = 0;
  Tokens cached_input = 0;
  Tokens cache_write = 0;
  Tokens reasoning = 0;
  Money cost;
  Money corrections;  // of prices, made later; not in `cost`

  void add(const RecordFacts& facts);
  void add(const UsageSums& more);
  friend bool operator==(const UsageSums&, const UsageSums&) = default;
};

struct UsageRow {
  std::vector<std::string> group;  // one value for each dimension asked for
  std::optional<WallTime> start;   // of the hour or day
  UsageSums sums;
};

struct UsageReport {
  std::vector<UsageRow> rows;  // by start, then by group
  UsageSums total;
};

}  // namespace farebox
