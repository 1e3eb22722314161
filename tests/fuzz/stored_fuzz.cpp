// What stands on disk, read from any octets: the first one says as what. Whatever can be
// read must come back the same when it is written and read again.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "storage/entry.hpp"
#include "storage/ledger_state.hpp"
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

void read_rollups(std::string_view octets) {
  const auto table = RollupTable::decode(octets);
  if (!table) return;
  UsageQuery query;
  query.group_by = {Dimension::user, Dimension::model};
  UsageGroups groups(query);
  table->collect(query.filter, WallTime(), groups);
  std::move(groups).report();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view octets(reinterpret_cast<const char*>(data) + 1, size - 1);
  SealedRecord record;
  std::string_view payload;
  switch (data[0] % 6) {
    case 0: read_record(octets); break;
    case 1: read_row<LedgerState>(octets); break;
    case 2: read_row<SyncedMark>(octets); break;
    case 3: read_row<Checkpoint>(octets); break;
    case 4: read_rollups(octets); break;
    default:
      open_record(octets.substr(0, 8), octets.size() < 8 ? octets : octets.substr(8), record);
      open_sealed("state", octets, payload);
  }
  return 0;
}
