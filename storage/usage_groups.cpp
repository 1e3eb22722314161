#include "storage/usage_groups.hpp"

#include <algorithm>
#include <numeric>

namespace farebox {
namespace {

// The place of each name in the order of names.
std::vector<std::uint32_t> ranks_of(const NameDictionary& names) {
  std::vector<std::uint32_t> order(names.size());
  std::iota(order.begin(), order.end(), 0U);
  std::sort(order.begin(), order.end(),
            [&](std::uint32_t a, std::uint32_t b) { return names.name(a) < names.name(b); });
  std::vector<std::uint32_t> ranks(order.size());
  for (std::uint32_t place = 0; place < order.size(); ++place) ranks[order[place]] = place;
  return ranks;
}

}  // namespace

UsageGroupTable::UsageGroupTable(const UsageQuery& query)
    : dimensions_(query.group_by),
      granularity_(query.granularity),
      names_(query.group_by.size()),
      scratch_(query.group_by.size()) {}

std::uint32_t UsageGroupTable::find_or_add(std::optional<WallTime> start,
                                           std::span<const std::uint32_t> wanted) {
  std::uint64_t hash =
      mix_hash(0, start ? static_cast<std::uint64_t>(start->time_since_epoch().count()) : 0);
  for (const std::uint32_t name : wanted) hash = mix_hash(hash, name);
  const std::uint32_t found = index_.find(hash, [&](std::uint32_t number) {
    return starts_[number] == start && std::ranges::equal(group(number), wanted);
  });
  if (found != NumberIndex::kNone) return found;
  const auto number = static_cast<std::uint32_t>(sums_.size());
  CHECK(number != NumberIndex::kNone);
  groups_.insert(groups_.end(), wanted.begin(), wanted.end());
  starts_.push_back(start);
  sums_.emplace_back();
  index_.add(hash, number);
  return number;
}

void UsageGroupTable::add(const RecordFacts& facts) {
  for (std::size_t i = 0; i < dimensions_.size(); ++i) {
    scratch_[i] = intern(i, value_of(dimensions_[i], facts));
  }
  sums_[find_or_add(start_of(granularity_, facts.time), scratch_)].add(facts);
}

UsageReport UsageGroupTable::report() const {
  std::vector<std::vector<std::uint32_t>> ranks;
  for (const NameDictionary& names : names_) ranks.push_back(ranks_of(names));
  std::vector<std::uint32_t> order(sums_.size());
  std::iota(order.begin(), order.end(), 0U);
  std::sort(order.begin(), order.end(), [&](std::uint32_t a, std::uint32_t b) {
    if (starts_[a] != starts_[b]) return starts_[a] < starts_[b];
    for (std::size_t i = 0; i < dimensions_.size(); ++i) {
      const std::uint32_t rank_a = ranks[i][group(a)[i]];
      const std::uint32_t rank_b = ranks[i][group(b)[i]];
      if (rank_a != rank_b) return rank_a < rank_b;
    }
    return false;
  });
  UsageReport report;
  report.rows.reserve(order.size());
  for (const std::uint32_t number : order) {
    UsageRow& row = report.rows.emplace_back();
    row.group.reserve(dimensions_.size());
    for (std::size_t i = 0; i < dimensions_.size(); ++i) {
      row.group.emplace_back(names_[i].name(group(number)[i]));
    }
    row.start = starts_[number];
    row.sums = sums_[number];
    report.total.add(row.sums);
  }
  return report;
}

UsageGroups::UsageGroups(const UsageQuery& query)
    : impl_(std::make_unique<Impl>(Impl{UsageGroupTable(query)})) {}
UsageGroups::~UsageGroups() = default;

void UsageGroups::add(const RecordFacts& facts) { impl_->table.add(facts); }

void UsageGroups::add_cost(WallTime time, Money cost) {
  UsageGroupTable& table = impl_->table;
  table.sums(table.find_or_add(start_of(table.granularity(), time), {})).cost += cost;
}

UsageReport UsageGroups::report() && { return impl_->table.report(); }

}  // namespace farebox
