#include "storage/rollup_pieces.hpp"

#include <rocksdb/write_batch.h>

namespace farebox {
namespace {

// More tables beside a leaf's own cost a reader more than folding them in costs.
constexpr std::size_t kMostWaiting = 8;

// The pieces' tables of each hour below `end`.
std::map<HourNumber, std::vector<const RollupTable*>> tables_by_hour(const Pieces& pieces,
                                                                     HourNumber end) {
  std::map<HourNumber, std::vector<const RollupTable*>> tables;
  for (const auto& piece : pieces) {
    for (const auto& [hour, table] : piece->hours) {
      if (hour < end) tables[hour].push_back(&table);
    }
  }
  return tables;
}

// Is it time to write the leaf's table anew? Not for a few rows: that many are written
// for nothing.
bool ripe(const RollupStore::Leaf& leaf) {
  return leaf.waiting.size() > kMostWaiting || 2 * leaf.waiting_rows >= leaf.rows;
}

}  // namespace

Result<void> RollupFolder::fold_in(Span span, std::uint32_t number, const RollupTable& more,
                                   std::uint64_t piece, rocksdb::WriteBatch& batch) {
  Result<std::vector<RollupStore::Leaf>> leaves = store_.leaves(span, number);
  if (!leaves) return leaves.error();
  std::vector<RollupTable> divided;
  if (leaves->size() > 1) {
    std::vector<RollupPart> parts;
    for (const RollupStore::Leaf& leaf : *leaves) parts.push_back(leaf.part);
    divided = more.divide(division_.seed, parts);
  }
  for (std::size_t i = 0; i < leaves->size(); ++i) {
    const RollupStore::Leaf& leaf = (*leaves)[i];
    const RollupTable& table = divided.empty() ? more : divided[i];
    if (table.rows() == 0) continue;
    RollupStore::Leaf grown = leaf;
    grown.waiting.push_back(piece);
    grown.waiting_rows += table.rows();
    if (!ripe(grown)) {
      store_.put_waiting(batch, span, number, leaf.part, piece, table);
      continue;
    }
    if (batch.GetDataSize() >= limits_.batch_octets) {
      store_.put_waiting(batch, span, number, leaf.part, piece, table);
      untidy_.emplace(span, number);
      continue;
    }
    Result<RollupTable> sums = store_.sums(span, number, leaf);
    if (!sums) return sums.error();
    sums->merge(table);
    store_.replace(batch, span, number, leaf, *sums, division_);
  }
  return {};
}

Result<void> RollupFolder::fold(const Pieces& pieces, HourNumber end, rocksdb::WriteBatch& batch) {
  if (pieces.empty()) return {};
  const std::uint64_t piece = pieces.back()->number;
  const auto all = tables_by_hour(pieces, end);
  for (auto next = all.begin(); next != all.end();) {
    const DayNumber day = next->first / kHoursOfDay;
    RollupTable day_sums;
    for (; next != all.end() && next->first / kHoursOfDay == day; ++next) {
      RollupTable hour_sums;
      for (const RollupTable* table : next->second) {
        hour_sums.merge(*table);
        day_sums.merge(*table);
      }
      const auto done = fold_in(Span::hour, next->first, hour_sums, piece, batch);
      if (!done) return done;
    }
    const auto done = fold_in(Span::day, day, day_sums, piece, batch);
    if (!done) return done;
  }
  return {};
}

Result<void> RollupFolder::tidy() {
  while (!untidy_.empty()) {
    const auto [span, number] = *untidy_.begin();
    const auto leaves = store_.leaves(span, number);
    if (!leaves) return leaves.error();
    for (const RollupStore::Leaf& leaf : *leaves) {
      if (leaf.waiting.empty() || !ripe(leaf)) continue;
      const auto sums = store_.sums(span, number, leaf);
      if (!sums) return sums.error();
      rocksdb::WriteBatch batch;
      store_.replace(batch, span, number, leaf, *sums, division_);
      if (const auto done = store_.write(batch); !done) return done;
    }
    untidy_.erase(untidy_.begin());
  }
  return {};
}

Result<void> RollupFolder::fold_cut_day(const Pieces& pieces, HourNumber end,
                                        rocksdb::WriteBatch& batch) {
  const DayNumber day = end / kHoursOfDay;
  const auto all = tables_by_hour(pieces, end);
  RollupTable day_sums;
  const auto read = store_.each(Span::hour, {day * kHoursOfDay, end}, nullptr,
                                [&](std::uint32_t, const RollupTable& table) {
                                  day_sums.merge(table);
                                });
  if (!read) return read;
  for (auto hour = all.lower_bound(day * kHoursOfDay); hour != all.end(); ++hour) {
    RollupTable hour_sums;
    for (const RollupTable* table : hour->second) hour_sums.merge(*table);
    const auto done = fold_in(Span::hour, hour->first, hour_sums, pieces.back()->number, batch);
    if (!done) return done;
    day_sums.merge(hour_sums);
  }
  if (day_sums.rows() != 0) store_.replace(batch, Span::day, day, {}, day_sums, division_);
  return {};
}

}  // namespace farebox
