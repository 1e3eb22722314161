#include "storage/rollup_table.hpp"

#include <algorithm>

#include "policy/scope_table.hpp"
#include "storage/rollup_rows.hpp"
#include "storage/usage_groups.hpp"

namespace farebox {
namespace {

constexpr std::uint32_t kNone = NumberIndex::kNone;

using RowNames = std::array<std::uint32_t, kDimensions>;

// A filter in the numbers of one table.
struct Wanted {
  std::array<std::size_t, kDimensions> dimension{};
  std::array<std::uint32_t, kDimensions> number{};
  std::size_t count = 0;

  bool admits(const RowNames& row) const {
    for (std::size_t i = 0; i < count; ++i) {
      if (row[dimension[i]] != number[i]) return false;
    }
    return true;
  }
};

// Nothing: no row of the table can pass.
std::optional<Wanted> resolve(const RecordFilter& filter,
                              const std::array<NameDictionary, kDimensions>& names) {
  Wanted wanted;
  for (std::size_t i = 0; i < kDimensions; ++i) {
    const std::string& name = wanted_by(filter, static_cast<Dimension>(i));
    if (name.empty()) continue;
    const std::uint32_t number = names[i].find(name);
    if (number == kNone) return std::nullopt;
    wanted.dimension[wanted.count] = i;
    wanted.number[wanted.count] = number;
    ++wanted.count;
  }
  return wanted;
}

// Which group a row of one table belongs to, remembered by the row's grouped names. Where
// these have few combinations the memory is an array, and a row costs one look into it.
class GroupFinder {
 public:
  GroupFinder(const std::array<NameDictionary, kDimensions>& names, std::size_t rows,
              std::optional<WallTime> start, UsageGroupTable& groups)
      : names_(names), start_(start), groups_(groups) {
    const std::size_t most = std::max<std::size_t>(4'096, 2 * rows);
    std::size_t combinations = 1;
    for (const Dimension dimension : groups.dimensions()) {
      const auto number = static_cast<std::size_t>(dimension);
      dimensions_.push_back(number);
      translated_.emplace_back(names[number].size(), kNone);
      if (combinations <= most) combinations *= names[number].size();
    }
    if (combinations <= most) known_.assign(combinations, kNone);
    group_.resize(dimensions_.size());
  }

  std::uint32_t find(const RowNames& row) {
    if (known_.empty()) return look_up(row);
    std::size_t place = 0;
    for (const std::size_t dimension : dimensions_) {
      place = place * names_[dimension].size() + row[dimension];
    }
    std::uint32_t& group = known_[place];
    if (group == kNone) group = look_up(row);
    return group;
  }

 private:
  std::uint32_t look_up(const RowNames& row) {
    for (std::size_t i = 0; i < dimensions_.size(); ++i) {
      const std::uint32_t own = row[dimensions_[i]];
      std::uint32_t& number = translated_[i][own];
      if (number == kNone) number = groups_.intern(i, names_[dimensions_[i]].name(own));
      group_[i] = number;
    }
    return groups_.find_or_add(start_, group_);
  }

  const std::array<NameDictionary, kDimensions>& names_;
  std::optional<WallTime> start_;
  UsageGroupTable& groups_;
  std::vector<std::size_t> dimensions_;
  std::vector<std::vector<std::uint32_t>> translated_;  // own number -> the groups' number
  std::vector<std::uint32_t> known_;  // by combination; empty: there are too many
  std::vector<std::uint32_t> group_;
};

}  // namespace

const std::string& wanted_by(const RecordFilter& filter, Dimension dimension) {
  switch (dimension) {
    case Dimension::model: return filter.model;
    case Dimension::provider: return filter.provider;
    case Dimension::project: return filter.project;
    case Dimension::org: return filter.org;
    case Dimension::user: return filter.user;
    case Dimension::key: return filter.key_name;
    case Dimension::endpoint: return filter.endpoint;
    case Dimension::outcome: return filter.outcome;
  }
  return filter.model;
}

void RollupTable::Impl::fill_index() {
  for (auto row = static_cast<std::uint32_t>(index.size()); row < rows.size(); ++row) {
    index.add(hash_of(rows[row].names), row);
  }
}

// The same as `add` makes from the names themselves.
std::uint64_t RollupTable::Impl::hash_of(const RowNames& row) {
  std::uint64_t hash = 0;
  for (std::size_t i = 0; i < kDimensions; ++i) hash = mix_hash(hash, names[i].hash(row[i]));
  return hash;
}

void RollupTable::Impl::widen(std::uint64_t more_first, std::uint64_t more_last) {
  first = rows.empty() ? more_first : std::min(first, more_first);
  last = rows.empty() ? more_last : std::max(last, more_last);
}

RollupTable::RollupTable() : impl_(std::make_unique<Impl>()) {}
RollupTable::RollupTable(RollupTable&&) noexcept = default;
RollupTable& RollupTable::operator=(RollupTable&&) noexcept = default;
RollupTable::~RollupTable() = default;

void RollupTable::add(const RecordFacts& facts) {
  Impl& own = *impl_;
  own.fill_index();
  std::array<std::string_view, kDimensions> values;
  std::array<std::uint64_t, kDimensions> hashes;
  std::uint64_t hash = 0;
  for (std::size_t i = 0; i < kDimensions; ++i) {
    values[i] = value_of(static_cast<Dimension>(i), facts);
    hashes[i] = hash_of_name(values[i]);
    hash = mix_hash(hash, hashes[i]);
  }
  own.widen(facts.sequence, facts.sequence);
  std::uint32_t found = own.index.find(hash, [&](std::uint32_t row) {
    for (std::size_t i = 0; i < kDimensions; ++i) {
      if (own.names[i].name(own.rows[row].names[i]) != values[i]) return false;
    }
    return true;
  });
  if (found == kNone) {
    found = static_cast<std::uint32_t>(own.rows.size());
    CHECK(found != kNone);
    Impl::Row& row = own.rows.emplace_back();
    for (std::size_t i = 0; i < kDimensions; ++i) {
      row.names[i] = own.names[i].intern(values[i], hashes[i]);
    }
    own.index.add(hash, found);
  }
  own.rows[found].sums.add(facts);
}

void RollupTable::merge(const RollupTable& more) {
  Impl& own = *impl_;
  const Impl& other = *more.impl_;
  if (other.rows.empty()) return;
  own.fill_index();
  own.widen(other.first, other.last);
  std::array<std::vector<std::uint32_t>, kDimensions> translated;
  for (std::size_t i = 0; i < kDimensions; ++i) {
    translated[i].reserve(other.names[i].size());
    for (std::uint32_t number = 0; number < other.names[i].size(); ++number) {
      translated[i].push_back(own.names[i].intern(other.names[i].name(number)));
    }
  }
  for (const Impl::Row& theirs : other.rows) {
    RowNames names;
    for (std::size_t i = 0; i < kDimensions; ++i) names[i] = translated[i][theirs.names[i]];
    const std::uint64_t hash = own.hash_of(names);
    std::uint32_t found = own.index.find(
        hash, [&](std::uint32_t row) { return own.rows[row].names == names; });
    if (found == kNone) {
      found = static_cast<std::uint32_t>(own.rows.size());
      CHECK(found != kNone);
      own.rows.push_back({names, {}});
      own.index.add(hash, found);
    }
    own.rows[found].sums.add(theirs.sums);
  }
}

std::vector<RollupTable> RollupTable::divide(std::uint64_t seed,
                                             std::span<const RollupPart> parts) const {
  const Impl& own = *impl_;
  CHECK(!parts.empty());
  std::array<std::vector<std::uint64_t>, kDimensions> hashes;
  for (std::size_t i = 0; i < kDimensions; ++i) {
    hashes[i].reserve(own.names[i].size());
    for (std::uint32_t number = 0; number < own.names[i].size(); ++number) {
      SeededHash hash(seed);
      hash.add(own.names[i].name(number));
      hashes[i].push_back(hash.value());
    }
  }
  // Rows by part first: then names are translated for one part at a time.
  std::vector<std::vector<std::uint32_t>> rows_of(parts.size());
  for (std::uint32_t row = 0; row < own.rows.size(); ++row) {
    SeededHash hash(seed);
    for (std::size_t i = 0; i < kDimensions; ++i) hash.add(hashes[i][own.rows[row].names[i]]);
    const auto after = std::ranges::upper_bound(parts, hash.value(), {}, &RollupPart::begin);
    rows_of[after == parts.begin() ? 0 : static_cast<std::size_t>(after - parts.begin()) - 1]
        .push_back(row);
  }
  std::vector<RollupTable> tables(parts.size());
  for (std::size_t part = 0; part < parts.size(); ++part) {
    Impl& table = *tables[part].impl_;
    if (rows_of[part].empty()) continue;
    table.widen(own.first, own.last);
    table.rows.reserve(rows_of[part].size());
    for (const std::uint32_t number : rows_of[part]) {
      const Impl::Row& row = own.rows[number];
      Impl::Row& copy = table.rows.emplace_back();
      for (std::size_t i = 0; i < kDimensions; ++i) {
        copy.names[i] = table.names[i].intern(own.names[i].name(row.names[i]));
      }
      copy.sums = row.sums;
    }
  }
  return tables;
}

std::uint64_t RollupTable::first_sequence() const { return impl_->first; }
std::uint64_t RollupTable::last_sequence() const { return impl_->last; }
std::size_t RollupTable::rows() const { return impl_->rows.size(); }

void RollupTable::collect(const RecordFilter& filter, WallTime start, UsageGroups& groups) const {
  const Impl& own = *impl_;
  if (own.rows.empty()) return;
  const std::optional<Wanted> wanted = resolve(filter, own.names);
  if (!wanted) return;
  UsageGroupTable& table = groups.impl_->table;
  GroupFinder finder(own.names, own.rows.size(), start_of(table.granularity(), start), table);
  for (const Impl::Row& row : own.rows) {
    if (wanted->admits(row.names)) table.sums(finder.find(row.names)).add(row.sums);
  }
}

}  // namespace farebox
