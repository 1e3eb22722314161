// Ledger: what was spent, and by whom. The interface every room to the right uses.
//
// Thread-safe. MemoryLedger keeps the newest records in a bounded ring; the durable
// ledger takes its place behind the same interface.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "config/base/clock.hpp"
#include "config/base/result.hpp"
#include "storage/record.hpp"

namespace farebox {

// Which records; an empty field asks nothing.
struct RecordFilter {
  std::optional<WallTime> since;  // inclusive
  std::optional<WallTime> until;  // exclusive
  std::string org, project, user, key_name, provider, model, endpoint, outcome, request_id;

  bool admits(const Record& record) const;
};

struct RecordPage {
  std::vector<Record> records;  // newest first
  // Continue below this sequence; nothing: that was all.
  std::optional<std::uint64_t> next_below;
};

// A dimension usage can be grouped by.
enum class Dimension : std::uint8_t { model, provider, project, org, user, key, endpoint, outcome };
std::optional<Dimension> dimension_named(std::string_view name);
std::string_view name_of(Dimension dimension);
enum class Granularity : std::uint8_t { none, hour, day };

struct UsageQuery {
  RecordFilter filter;
  std::vector<Dimension> group_by;
  Granularity granularity = Granularity::none;
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

  void add(const Record& record);
};

struct UsageRow {
  std::vector<std::string> group;  // one value for each dimension asked for
  std::optional<WallTime> start;   // of the hour or day
  UsageSums sums;
};

struct UsageReport {
  std::vector<UsageRow> rows;
  UsageSums total;
};

class Ledger {
 public:
  virtual ~Ledger() = default;

  // Remembers a finished request. It is visible to every query from the return on.
  virtual void append(const Record& record) = 0;

  virtual RecordPage records(const RecordFilter& filter, std::size_t limit,
                             std::optional<std::uint64_t> below) const = 0;
  virtual UsageReport usage(const UsageQuery& query) const = 0;

  virtual std::uint64_t appended() const = 0;  // since the start
};

}  // namespace farebox
