// Random records, random questions, and the slow answer that rollups must agree with.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <string>
#include <vector>

#include "storage/record_facts.hpp"
#include "storage/usage_query.hpp"

namespace farebox {

inline std::ostream& operator<<(std::ostream& out, const UsageRow& row) {
  for (const std::string& value : row.group) out << value << '|';
  if (row.start) out << rfc3339(*row.start);
  return out << " requests=" << row.sums.requests << " cost=" << row.sums.cost.decimal();
}

inline bool operator==(const UsageRow& a, const UsageRow& b) {
  return a.group == b.group && a.start == b.start && a.sums == b.sums;
}

class RollupMaker {
 public:
  explicit RollupMaker(unsigned seed) : random_(seed) {}

  std::uint64_t below(std::uint64_t end) {
    return std::uniform_int_distribution<std::uint64_t>(0, end - 1)(random_);
  }
  bool one_in(std::uint64_t count) { return below(count) == 0; }
  std::chrono::microseconds up_to(std::chrono::microseconds most) {
    return std::chrono::microseconds(below(static_cast<std::uint64_t>(most.count()) + 1));
  }

  // A few names, the empty one among them.
  std::string name(char letter, std::uint64_t count) {
    const std::uint64_t number = below(count);
    return number == 0 ? std::string() : letter + std::to_string(number);
  }

  Record record(std::uint64_t sequence, WallTime time) {
    Record row;
    row.sequence = sequence;
    row.time = time;
    row.request_id = "r" + std::to_string(sequence / 2);
    row.model = name('m', 6);
    row.provider = name('p', 3);
    row.project = name('j', 4);
    row.org = name('o', 3);
    row.user = name('u', 12);
    row.key_name = name('k', 5);
    row.endpoint = name('e', 3);
    row.outcome = one_in(4) ? static_cast<Outcome>(below(9)) : Outcome::ok;
    row.priced = !one_in(5);
    row.metered = !one_in(5);
    row.usage.input = below(100'000);
    row.usage.output = below(5'000);
    row.usage.cached_input = one_in(2) ? below(70'000) : 0;
    row.usage.cache_write = one_in(9) ? below(3'000) : 0;
    row.usage.reasoning = below(500);
    row.cost = Money::picodollars(Int128(below(1'000'000'000'000)) * below(1'000));
    return row;
  }

  // Nearly in the order of time: up to 20 minutes late.
  std::vector<Record> records(std::size_t count, WallTime start,
                              std::chrono::microseconds longest_gap) {
    std::vector<Record> all;
    WallTime now = start;
    for (std::uint64_t sequence = 1; sequence <= count; ++sequence) {
      now += up_to(longest_gap);
      all.push_back(record(sequence, now - up_to(std::chrono::minutes(20))));
    }
    return all;
  }

  // Asks about times between `first` and `last`, and some beyond.
  UsageQuery query(WallTime first, WallTime last) {
    UsageQuery asked;
    const auto time = [&] {
      WallTime chosen = first - std::chrono::hours(3) + up_to(last - first + std::chrono::hours(6));
      if (one_in(4)) chosen = std::chrono::floor<std::chrono::hours>(chosen);
      if (one_in(8)) chosen = std::chrono::floor<std::chrono::days>(chosen);
      return chosen;
    };
    if (!one_in(3)) asked.filter.since = time();
    if (!one_in(3)) asked.filter.until = time();
    if (one_in(6)) asked.filter.model = "m" + std::to_string(below(7));
    if (one_in(6)) asked.filter.provider = "p1";
    if (one_in(6)) asked.filter.project = "j" + std::to_string(below(5));
    if (one_in(6)) asked.filter.org = "o1";
    if (one_in(9)) asked.filter.user = "u" + std::to_string(below(12));
    if (one_in(9)) asked.filter.key_name = "k3";
    if (one_in(9)) asked.filter.endpoint = "e1";
    if (one_in(9)) asked.filter.outcome = one_in(2) ? "ok" : "timeout";
    if (one_in(20)) asked.filter.request_id = "r" + std::to_string(below(500));
    for (std::uint64_t i = below(4); i != 0; --i) {
      asked.group_by.push_back(static_cast<Dimension>(below(kDimensions)));
    }
    asked.granularity = static_cast<Granularity>(below(3));
    return asked;
  }

  std::mt19937_64& random() { return random_; }

 private:
  std::mt19937_64 random_;
};

// Looks at every record; `seen` of them are there.
inline UsageReport slow_answer(const UsageQuery& query, const std::vector<Record>& records,
                               std::size_t seen) {
  using Group = std::pair<std::optional<WallTime>, std::vector<std::string>>;
  std::map<Group, UsageSums> groups;
  UsageReport report;
  for (std::size_t i = 0; i < seen; ++i) {
    const RecordFacts facts = facts_of(records[i]);
    if (!query.filter.admits(facts)) continue;
    std::vector<std::string> values;
    for (const Dimension dimension : query.group_by) {
      values.emplace_back(value_of(dimension, facts));
    }
    groups[{start_of(query.granularity, facts.time), values}].add(facts);
    report.total.add(facts);
  }
  for (const auto& [group, sums] : groups) report.rows.push_back({group.second, group.first, sums});
  return report;
}

}  // namespace farebox
