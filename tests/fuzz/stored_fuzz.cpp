// What stands on disk, read from any octets: the first one says as what. Whatever can be
// read must come back the same when it is written and read again.
#include <zlib.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "storage/entry.hpp"
#include "storage/ledger_state.hpp"
#include "storage/octets.hpp"
#include "storage/record_codec.hpp"
#include "storage/rollup_table.hpp"

namespace {

using namespace farebox;

void must(bool holds) {
  if (!holds) std::abort();
}

void read_record(std::string_view octets) {
  Record record, again;
  RecordFacts facts;
  const bool has_facts = decode_facts(octets, facts);
  if (!decode_record(octets, record)) return;
  must(has_facts);
  std::string first, second;
  encode_record(first, record, record.hold);
  must(decode_record(first, again));
  encode_record(second, again, again.hold);
  must(first == second);
}

template <class Row>
void read_row(std::string_view octets) {
  const auto row = Row::decode(octets);
  if (!row) return;
  std::string first, second;
  row->encode(first);
  const auto again = Row::decode(first);
  must(again.has_value());
  again->encode(second);
  must(first == second);
}

UsageQuery every_name() {
  UsageQuery query;
  for (std::size_t i = 0; i < kDimensions; ++i) query.group_by.push_back(static_cast<Dimension>(i));
  return query;
}

// What bills come to; a table refuses to be written with sums that nobody could read again.
bool is_money(const UsageRow& row) {
  const Money much = Money::picodollars(std::int64_t{1} << 62);
  for (const Money amount : {row.sums.cost, row.sums.corrections}) {
    if (amount > much || Money() - amount > much) return false;
  }
  return true;
}

UsageReport report_of(const RollupTable& table, const UsageQuery& query) {
  UsageGroups groups(query);
  table.collect(query.filter, WallTime(), groups);
  return std::move(groups).report();
}

void read_rollups(std::string_view octets) {
  const auto table = RollupTable::decode(octets);
  if (!table) return;
  must(RollupTable::rows_in(octets).value() == table->rows());
  std::string first, second;
  table->encode(first);
  auto again = RollupTable::decode(first);
  must(again && again->rows() == table->rows());
  again->encode(second);
  must(first == second);

  UsageQuery query;
  query.group_by = {Dimension::user, Dimension::model};
  const UsageReport by_name = report_of(*table, query);
  must(report_of(*again, query).total == by_name.total);
  const auto cost = RollupTable::cost_in(octets, query.filter);
  must(cost && *cost == by_name.total.cost);
  const RollupPart halves[] = {{1, 0}, {1, 1}};
  UsageSums sum;
  for (const RollupTable& half : table->divide(7, halves)) sum.add(report_of(half, {}).total);
  must(sum == by_name.total);
  // A table of our own has each name once; one of any octets has not.
  if (!std::ranges::all_of(report_of(*table, every_name()).rows, is_money)) return;
  RollupTable own;
  own.merge(*table);
  std::string written;
  own.encode(written);
  for (const UsageRow& row : by_name.rows) {
    RecordFilter filter;
    filter.user = row.group[0];
    filter.model = row.group[1];
    // An empty word of a filter asks for nothing.
    if (filter.user.empty() || filter.model.empty()) continue;
    const auto part = RollupTable::cost_in(written, filter);
    must(part && *part == row.sums.cost);
    break;
  }
}

// With a sum that is right, so that what is behind it is looked at.
void read_summed_rollups(std::string_view octets) {
  std::string table(octets);
  OctetWriter(table).fixed32(static_cast<std::uint32_t>(
      crc32_z(0, reinterpret_cast<const Bytef*>(octets.data()), octets.size())));
  read_rollups(table);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view octets(reinterpret_cast<const char*>(data) + 1, size - 1);
  SealedRecord record;
  std::string_view payload;
  switch (data[0] % 7) {
    case 0: read_record(octets); break;
    case 1: read_row<LedgerState>(octets); break;
    case 2: read_row<SyncedMark>(octets); break;
    case 3: read_row<Checkpoint>(octets); break;
    case 4: read_rollups(octets); break;
    case 5: read_summed_rollups(octets); break;
    default:
      open_record(octets.substr(0, 8), octets.size() < 8 ? octets : octets.substr(8), record);
      open_sealed("state", octets, payload);
  }
  return 0;
}
