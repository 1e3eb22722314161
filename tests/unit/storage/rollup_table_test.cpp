#include "storage/rollup_table.hpp"

#include <gtest/gtest.h>
#include <zlib.h>

#include "tests/unit/storage/rollup_support.hpp"

namespace farebox {
namespace {

constexpr WallTime kHour =
    WallTime(std::chrono::sys_days(std::chrono::year(2026) / 11 / 21)) + std::chrono::hours(22);

std::vector<Record> hour_of_records(RollupMaker& make, std::size_t count) {
  std::vector<Record> records;
  for (std::uint64_t sequence = 1; sequence <= count; ++sequence) {
    records.push_back(make.record(sequence, kHour + make.up_to(std::chrono::minutes(59))));
  }
  return records;
}

RollupTable table_of(const std::vector<Record>& records) {
  RollupTable table;
  for (const Record& record : records) table.add(facts_of(record));
  return table;
}

UsageReport ask(const RollupTable& table, const UsageQuery& query) {
  UsageGroups groups(query);
  table.collect(query.filter, kHour, groups);
  return std::move(groups).report();
}

void expect_answers(const RollupTable& table, const std::vector<Record>& records,
                    RollupMaker& make) {
  for (int i = 0; i < 50; ++i) {
    UsageQuery query = make.query(kHour, kHour);
    query.filter.since.reset();  // a table doesn't look at times, and has no request ids
    query.filter.until.reset();
    query.filter.request_id.clear();
    const UsageReport expected = slow_answer(query, records, records.size());
    const UsageReport answer = ask(table, query);
    ASSERT_EQ(answer.rows, expected.rows);
    ASSERT_EQ(answer.total, expected.total);
  }
}

std::string encoded(const RollupTable& table) {
  std::string octets;
  table.encode(octets);
  return octets;
}

// With a checksum that fits, so that what stands behind it is reached.
std::string resealed(std::string octets) {
  const std::size_t body = octets.size() - 4;
  const auto sum = crc32_z(0, reinterpret_cast<const Bytef*>(octets.data()), body);
  for (std::size_t i = 0; i < 4; ++i) octets[body + i] = static_cast<char>(sum >> (24 - 8 * i));
  return octets;
}

Money cost_of(const RollupTable& table, const RecordFilter& filter) {
  return ask(table, {.filter = filter, .group_by = {}}).total.cost;
}

// Whatever was read must be usable, and its costs the same when only they are read.
void use(const std::string& octets) {
  const Result<RollupTable> table = RollupTable::decode(octets);
  RecordFilter filter;
  const Result<Money> cost = RollupTable::cost_in(octets, filter);
  filter.user = "u1";
  filter.model = "m2";
  const Result<Money> of_user = RollupTable::cost_in(octets, filter);
  if (table) {
    ASSERT_TRUE(cost && of_user);
    EXPECT_EQ(*cost, cost_of(*table, {}));
    EXPECT_EQ(*of_user, cost_of(*table, filter));
  }
  if (!table) {
    EXPECT_EQ(table.error().code, ErrorCode::io_failed);
    return;
  }
  RollupTable sums;
  sums.merge(*table);
  ask(sums, {.filter = {}, .group_by = {Dimension::user, Dimension::outcome}});
  Record record;
  record.user = "u1";
  sums.add(facts_of(record));
}

TEST(RollupTable, SumsEqualASumOverAllRecords) {
  RollupMaker make(1);
  const auto records = hour_of_records(make, 3'000);
  const RollupTable table = table_of(records);
  EXPECT_EQ(table.first_sequence(), 1U);
  EXPECT_EQ(table.last_sequence(), 3'000U);
  expect_answers(table, records, make);
}

TEST(RollupTable, ManyNamesAreSummedToo) {
  RollupMaker make(2);
  auto records = hour_of_records(make, 8'000);
  for (Record& record : records) {
    record.user = "user-with-a-long-name-" + std::to_string(make.below(5'000));
    record.model = "model-" + std::to_string(make.below(3'000));
  }
  const RollupTable table = table_of(records);
  const UsageQuery query{.filter = {}, .group_by = {Dimension::user, Dimension::model}};
  EXPECT_EQ(ask(table, query).rows, slow_answer(query, records, records.size()).rows);
  expect_answers(table, records, make);
}

TEST(RollupTable, MergedTablesSumTogether) {
  RollupMaker make(3);
  const auto records = hour_of_records(make, 2'000);
  RollupTable all, empty;
  all.merge(empty);
  EXPECT_EQ(all.rows(), 0U);
  for (std::size_t begin = 0; begin < records.size(); begin += 500) {
    const auto from = records.begin() + static_cast<std::ptrdiff_t>(begin);
    RollupTable part = table_of({from, from + 250});
    part.merge(*RollupTable::decode(encoded(table_of({from + 250, from + 500}))));
    all.merge(part);
  }
  all.merge(empty);
  EXPECT_EQ(all.first_sequence(), 1U);
  EXPECT_EQ(all.last_sequence(), 2'000U);
  EXPECT_EQ(all.rows(), table_of(records).rows());
  expect_answers(all, records, make);
}

TEST(RollupTable, SurvivesBeingStored) {
  RollupMaker make(4);
  for (const std::size_t count : {1, 2, 17, 1'000}) {
    const auto records = hour_of_records(make, count);
    const RollupTable table = table_of(records);
    const std::string octets = encoded(table);
    Result<RollupTable> read = RollupTable::decode(octets);
    ASSERT_TRUE(read);
    EXPECT_EQ(read->first_sequence(), 1U);
    EXPECT_EQ(read->last_sequence(), count);
    EXPECT_EQ(encoded(*read), octets);
    expect_answers(*read, records, make);
    // It goes on where it was.
    auto more = records;
    for (const Record& record : records) {
      read->add(facts_of(record));
      more.push_back(record);
    }
    EXPECT_EQ(read->rows(), table.rows());
    expect_answers(*read, more, make);
  }
}

TEST(RollupTable, CostsAloneAreThoseOfTheWholeTable) {
  RollupMaker make(8);
  const RollupTable table = table_of(hour_of_records(make, 3'000));
  const std::string octets = encoded(table);
  for (int i = 0; i < 200; ++i) {
    UsageQuery query = make.query(kHour, kHour);
    query.filter.since.reset();
    query.filter.until.reset();
    query.filter.request_id.clear();
    const Result<Money> cost = RollupTable::cost_in(octets, query.filter);
    ASSERT_TRUE(cost);
    ASSERT_EQ(*cost, cost_of(table, query.filter));
  }
  EXPECT_EQ(*RollupTable::cost_in(encoded(RollupTable()), {}), Money());
}

TEST(RollupTable, AnEmptyTableAnswersNothing) {
  const RollupTable table;
  EXPECT_EQ(table.first_sequence(), 0U);
  EXPECT_EQ(table.last_sequence(), 0U);
  EXPECT_TRUE(ask(table, {}).rows.empty());
  const Result<RollupTable> read = RollupTable::decode(encoded(table));
  ASSERT_TRUE(read);
  EXPECT_EQ(read->rows(), 0U);
}

TEST(RollupTable, ExtremesSurvive) {
  Record record;
  record.sequence = ~std::uint64_t{0};
  record.priced = true;
  record.model = std::string(70'000, 'm');
  record.user = std::string("a\0b", 3);
  record.usage.input = ~Tokens{0};
  for (const Int128 cost : {Int128{0}, Int128{-1}, Int128{1} << 100, -(Int128{1} << 100)}) {
    record.cost = Money::picodollars(cost);
    const Result<RollupTable> read = RollupTable::decode(encoded(table_of({record})));
    ASSERT_TRUE(read);
    const UsageQuery query{.filter = {}, .group_by = {Dimension::model, Dimension::user}};
    EXPECT_EQ(ask(*read, query).rows, slow_answer(query, {record}, 1).rows);
    EXPECT_EQ(read->last_sequence(), record.sequence);
  }
}

TEST(RollupTable, EveryFlippedBitIsAnError) {
  RollupMaker make(5);
  const std::string octets = encoded(table_of(hour_of_records(make, 60)));
  for (std::size_t bit = 0; bit < 8 * octets.size(); ++bit) {
    std::string flipped = octets;
    flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << bit % 8));
    ASSERT_FALSE(RollupTable::decode(flipped)) << bit;
  }
}

TEST(RollupTable, EveryCutIsAnError) {
  RollupMaker make(6);
  const std::string octets = encoded(table_of(hour_of_records(make, 60)));
  for (std::size_t size = 0; size < octets.size(); ++size) {
    ASSERT_FALSE(RollupTable::decode(std::string_view(octets).substr(0, size))) << size;
    if (size < 5) continue;
    use(resealed(octets.substr(0, size)));
    ASSERT_FALSE(RollupTable::decode(resealed(octets.substr(0, size)))) << size;
  }
  EXPECT_FALSE(RollupTable::decode(octets + '\0'));
  EXPECT_FALSE(RollupTable::decode(resealed(octets + '\0')));
}

TEST(RollupTable, AnyOctetsAreReadSafely) {
  RollupMaker make(7);
  const std::string octets = encoded(table_of(hour_of_records(make, 40)));
  for (int i = 0; i < 20'000; ++i) {
    std::string broken = octets;
    // The front holds the sizes.
    const std::size_t reach = make.one_in(2) ? 200 : broken.size() - 4;
    for (std::uint64_t changes = 1 + make.below(4); changes != 0; --changes) {
      broken[make.below(reach)] = static_cast<char>(make.below(256));
    }
    use(resealed(broken));
  }
  for (int i = 0; i < 20'000; ++i) {
    std::string noise(5 + make.below(100), '\0');
    for (char& octet : noise) octet = static_cast<char>(make.below(make.one_in(2) ? 4 : 256));
    noise[0] = 1;
    use(noise);
    use(resealed(noise));
  }
}

}  // namespace
}  // namespace farebox
