#include "storage/rollup_pieces.hpp"

#include <rocksdb/write_batch.h>

namespace farebox {
namespace {

using Span = RollupStore::Span;

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

}  // namespace

Result<void> fold(const RollupStore& store, const Pieces& pieces, HourNumber end,
                  rocksdb::WriteBatch& batch) {
  const auto all = tables_by_hour(pieces, end);
  for (auto next = all.begin(); next != all.end();) {
    const DayNumber day = next->first / kHoursOfDay;
    Result<RollupTable> day_sums = store.table(Span::day, day, nullptr);
    if (!day_sums) return day_sums.error();
    for (; next != all.end() && next->first / kHoursOfDay == day; ++next) {
      Result<RollupTable> hour_sums = store.table(Span::hour, next->first, nullptr);
      if (!hour_sums) return hour_sums.error();
      for (const RollupTable* table : next->second) {
        hour_sums->merge(*table);
        day_sums->merge(*table);
      }
      store.put(batch, Span::hour, next->first, *hour_sums);
    }
    store.put(batch, Span::day, day, *day_sums);
  }
  return {};
}

Result<void> fold_cut_day(const RollupStore& store, const Pieces& pieces, HourNumber end,
                          rocksdb::WriteBatch& batch) {
  const DayNumber day = end / kHoursOfDay;
  const auto all = tables_by_hour(pieces, end);
  RollupTable day_sums;
  for (HourNumber hour = day * kHoursOfDay; hour < end; ++hour) {
    Result<RollupTable> hour_sums = store.table(Span::hour, hour, nullptr);
    if (!hour_sums) return hour_sums.error();
    if (const auto added = all.find(hour); added != all.end()) {
      for (const RollupTable* table : added->second) hour_sums->merge(*table);
      store.put(batch, Span::hour, hour, *hour_sums);
    }
    day_sums.merge(*hour_sums);
  }
  if (day_sums.rows() != 0) store.put(batch, Span::day, day, day_sums);
  return {};
}

}  // namespace farebox
