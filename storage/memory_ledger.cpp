#include "storage/memory_ledger.hpp"

#include <map>
#include <tuple>

namespace farebox {
namespace {

std::string value_of(Dimension dimension, const Record& record) {
  switch (dimension) {
    case Dimension::model: return record.model;
    case Dimension::provider: return record.provider;
    case Dimension::project: return record.project;
    case Dimension::org: return record.org;
    case Dimension::user: return record.user;
    case Dimension::key: return record.key_name;
    case Dimension::endpoint: return record.endpoint;
    case Dimension::outcome: return std::string(name_of(record.outcome));
  }
  return {};
}

std::optional<WallTime> start_of(Granularity granularity, WallTime time) {
  switch (granularity) {
    case Granularity::none: return std::nullopt;
    case Granularity::hour: return WallTime(std::chrono::floor<std::chrono::hours>(time));
    case Granularity::day: return WallTime(std::chrono::floor<std::chrono::days>(time));
  }
  return std::nullopt;
}

}  // namespace

void MemoryLedger::append(const Record& record) {
  const std::lock_guard lock(mutex_);
  if (ring_.size() < capacity_) ring_.emplace_back();
  Record& place = ring_[next_ % capacity_];
  place = record;
  place.sequence = next_;
  ++next_;
}

RecordPage MemoryLedger::records(const RecordFilter& filter, std::size_t limit,
                                 std::optional<std::uint64_t> below) const {
  const std::lock_guard lock(mutex_);
  RecordPage page;
  std::uint64_t sequence = below ? std::min(*below, next_) : next_;
  while (sequence > oldest()) {
    const Record& record = at(--sequence);
    if (!filter.admits(record)) continue;
    if (page.records.size() == limit) {
      page.next_below = sequence + 1;
      break;
    }
    page.records.push_back(record);
  }
  return page;
}

UsageReport MemoryLedger::usage(const UsageQuery& query) const {
  using Group = std::tuple<std::optional<WallTime>, std::vector<std::string>>;
  std::map<Group, UsageSums> groups;
  UsageReport report;
  {
    const std::lock_guard lock(mutex_);
    for (std::uint64_t sequence = oldest(); sequence < next_; ++sequence) {
      const Record& record = at(sequence);
      if (!query.filter.admits(record)) continue;
      report.total.add(record);
      std::vector<std::string> values;
      for (const Dimension dimension : query.group_by) {
        values.push_back(value_of(dimension, record));
      }
      groups[{start_of(query.granularity, record.time), std::move(values)}].add(record);
    }
  }
  for (const auto& [group, sums] : groups) {
    report.rows.push_back({std::get<1>(group), std::get<0>(group), sums});
  }
  return report;
}

std::uint64_t MemoryLedger::appended() const {
  const std::lock_guard lock(mutex_);
  return next_;
}

}  // namespace farebox
