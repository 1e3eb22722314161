#include "storage/memory_ledger.hpp"

#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <random>

namespace farebox {
namespace {

constexpr WallTime kStart =
    WallTime(std::chrono::sys_days(std::chrono::year(2026) / 11 / 21)) + std::chrono::hours(22);

// Records of three projects and four models, one every ten minutes.
Record record(std::uint64_t number) {
  Record row;
  row.time = kStart + std::chrono::minutes(10 * number);
  row.request_id = "r" + std::to_string(number);
  row.project = "p" + std::to_string(number % 3);
  row.model = "m" + std::to_string(number % 4);
  row.provider = number % 2 == 0 ? "openai" : "anthropic";
  row.org = "o" + std::to_string(number % 5);
  row.user = "u" + std::to_string(number % 7);
  row.key_name = "k" + std::to_string(number % 2);
  row.endpoint = number % 6 == 0 ? "models" : "chat.completions";
  row.metered = number % 6 != 0;
  row.outcome = number % 8 == 0 ? Outcome::timeout : Outcome::ok;
  row.usage.source = UsageSource::reported;
  row.usage.input = number * 10;
  row.usage.output = number;
  row.usage.cached_input = number * 3;
  row.usage.cache_write = number * 2;
  row.usage.reasoning = number / 2;
  row.priced = number % 9 != 0;
  row.cost = Money::picodollars(Int128(number) * 1'000'000'007);
  return row;
}

RecordPage records_of(const Ledger& ledger, const RecordFilter& filter, std::size_t limit,
                      std::optional<std::uint64_t> below) {
  return *ledger.records(filter, limit, below);
}

UsageReport usage_of(const Ledger& ledger, const UsageQuery& query) { return *ledger.usage(query); }

std::vector<std::string> ids_of(const std::vector<Record>& records) {
  std::vector<std::string> ids;
  for (const Record& row : records) ids.push_back(row.request_id);
  return ids;
}

std::vector<std::string> numbered(std::initializer_list<int> numbers) {
  std::vector<std::string> ids;
  for (const int number : numbers) ids.push_back("r" + std::to_string(number));
  return ids;
}

TEST(MemoryLedger, AnEmptyOneAnswersEverything) {
  const MemoryLedger ledger(4);
  EXPECT_TRUE(records_of(ledger, {}, 10, std::nullopt).records.empty());
  EXPECT_FALSE(records_of(ledger, {}, 10, 7).next_below);
  EXPECT_TRUE(usage_of(ledger, {}).rows.empty());
  EXPECT_EQ(usage_of(ledger, {}).total.requests, 0u);
  EXPECT_EQ(ledger.status().appended, 0u);
}

TEST(MemoryLedger, RecordsAreNumberedAndTheNewestComesFirst) {
  MemoryLedger ledger(100);
  for (std::uint64_t i = 0; i < 5; ++i) ledger.append(record(i));
  const RecordPage page = records_of(ledger, {}, 10, std::nullopt);
  EXPECT_EQ(ids_of(page.records), numbered({4, 3, 2, 1, 0}));
  for (const Record& row : page.records) {
    EXPECT_EQ("r" + std::to_string(row.sequence - 1), row.request_id);
  }
  EXPECT_FALSE(page.next_below);
}

TEST(MemoryLedger, TheRingKeepsTheNewestAndNoMore) {
  MemoryLedger ledger(4);
  for (std::uint64_t i = 0; i < 11; ++i) {
    ledger.append(record(i));
    EXPECT_EQ(records_of(ledger, {}, 100, std::nullopt).records.size(), std::min<std::size_t>(i + 1, 4));
    EXPECT_EQ(usage_of(ledger, {}).total.requests, std::min<std::uint64_t>(i + 1, 4));
  }
  EXPECT_EQ(ids_of(records_of(ledger, {}, 100, std::nullopt).records), numbered({10, 9, 8, 7}));
  EXPECT_EQ(ledger.status().appended, 11u);
}

TEST(MemoryLedger, PagesCoverEverythingExactlyOnce) {
  MemoryLedger ledger(500);
  constexpr std::uint64_t kRecords = 137;
  for (std::uint64_t i = 0; i < kRecords; ++i) ledger.append(record(i));
  RecordFilter of_one_project;
  of_one_project.project = "p1";
  for (const RecordFilter& filter : {RecordFilter(), of_one_project}) {
    const auto all = ids_of(records_of(ledger, filter, kRecords, std::nullopt).records);
    for (const std::size_t limit : {1u, 2u, 7u, 45u, 46u, 136u, 137u, 1000u}) {
      std::vector<std::string> seen;
      std::optional<std::uint64_t> below;
      do {
        const RecordPage page = records_of(ledger, filter, limit, below);
        ASSERT_LE(page.records.size(), limit);
        ASSERT_TRUE(!page.next_below || page.records.size() == limit);
        const auto ids = ids_of(page.records);
        seen.insert(seen.end(), ids.begin(), ids.end());
        below = page.next_below;
      } while (below);
      EXPECT_EQ(seen, all) << limit;
    }
  }
}

TEST(MemoryLedger, PagesDoNotShiftWhileRecordsArrive) {
  MemoryLedger ledger(100);
  std::uint64_t next = 0;
  for (; next < 40; ++next) ledger.append(record(next));
  std::vector<std::string> seen;
  std::optional<std::uint64_t> below;
  do {
    const RecordPage page = records_of(ledger, {}, 6, below);
    const auto ids = ids_of(page.records);
    seen.insert(seen.end(), ids.begin(), ids.end());
    below = page.next_below;
    for (int more = 0; more < 3; ++more) ledger.append(record(next++));
  } while (below);
  ASSERT_EQ(seen.size(), 40u);
  for (int i = 0; i < 40; ++i) EXPECT_EQ(seen[static_cast<std::size_t>(i)], numbered({39 - i})[0]);
}

TEST(MemoryLedger, ACursorOfWhatTheRingLostIsAnEmptyPage) {
  MemoryLedger ledger(4);
  for (std::uint64_t i = 0; i < 20; ++i) ledger.append(record(i));
  EXPECT_TRUE(records_of(ledger, {}, 10, 12).records.empty());
  EXPECT_EQ(ids_of(records_of(ledger, {}, 10, 18).records), numbered({16}));
  EXPECT_EQ(records_of(ledger, {}, 10, ~std::uint64_t(0)).records.size(), 4u);
}

TEST(MemoryLedger, FiltersAskForAllTheyName) {
  MemoryLedger ledger(100);
  for (std::uint64_t i = 0; i < 60; ++i) ledger.append(record(i));
  struct Row {
    const char* what;
    std::function<void(RecordFilter&)> ask;
    std::function<bool(const Record&)> admits;
  };
  const Row rows[] = {
      {"nothing", [](RecordFilter&) {}, [](const Record&) { return true; }},
      {"project", [](RecordFilter& f) { f.project = "p2"; }, [](const Record& r) { return r.project == "p2"; }},
      {"org", [](RecordFilter& f) { f.org = "o2"; }, [](const Record& r) { return r.org == "o2"; }},
      {"user", [](RecordFilter& f) { f.user = "u2"; }, [](const Record& r) { return r.user == "u2"; }},
      {"key", [](RecordFilter& f) { f.key_name = "k1"; }, [](const Record& r) { return r.key_name == "k1"; }},
      {"provider", [](RecordFilter& f) { f.provider = "openai"; }, [](const Record& r) { return r.provider == "openai"; }},
      {"model", [](RecordFilter& f) { f.model = "m3"; }, [](const Record& r) { return r.model == "m3"; }},
      {"endpoint", [](RecordFilter& f) { f.endpoint = "models"; }, [](const Record& r) { return r.endpoint == "models"; }},
      {"outcome", [](RecordFilter& f) { f.outcome = "timeout"; }, [](const Record& r) { return r.outcome == Outcome::timeout; }},
      {"request id", [](RecordFilter& f) { f.request_id = "r17"; }, [](const Record& r) { return r.request_id == "r17"; }},
      {"a name that is no other's prefix", [](RecordFilter& f) { f.request_id = "r1"; }, [](const Record& r) { return r.request_id == "r1"; }},
      {"nobody", [](RecordFilter& f) { f.model = "M3"; }, [](const Record&) { return false; }},
      {"two at once", [](RecordFilter& f) { f.model = "m3"; f.project = "p1"; },
       [](const Record& r) { return r.model == "m3" && r.project == "p1"; }},
      {"since, inclusive", [](RecordFilter& f) { f.since = record(20).time; }, [](const Record& r) { return r.time >= record(20).time; }},
      {"until, exclusive", [](RecordFilter& f) { f.until = record(20).time; }, [](const Record& r) { return r.time < record(20).time; }},
      {"no time at all", [](RecordFilter& f) { f.since = f.until = record(20).time; }, [](const Record&) { return false; }},
  };
  for (const Row& row : rows) {
    RecordFilter filter;
    row.ask(filter);
    std::vector<std::string> expected;
    for (std::uint64_t i = 60; i-- > 0;) {
      if (row.admits(record(i))) expected.push_back("r" + std::to_string(i));
    }
    EXPECT_EQ(ids_of(records_of(ledger, filter, 100, std::nullopt).records), expected) << row.what;
    UsageQuery query;
    query.filter = filter;
    EXPECT_EQ(usage_of(ledger, query).total.requests, expected.size()) << row.what;
  }
}

struct Naive {
  std::uint64_t requests = 0, errors = 0, unpriced = 0, input = 0, output = 0, cached = 0, written = 0, reasoning = 0;
  Int128 cost = 0;
  bool operator==(const Naive&) const = default;
};

Naive naive_of(const UsageSums& sums) {
  return {sums.requests, sums.errors, sums.unpriced, sums.input, sums.output, sums.cached_input,
          sums.cache_write, sums.reasoning, sums.cost.picodollars()};
}

void add(Naive& sums, const Record& row) {
  ++sums.requests;
  sums.errors += row.outcome != Outcome::ok;
  sums.unpriced += row.metered && !row.priced;
  sums.input += row.usage.input;
  sums.output += row.usage.output;
  sums.cached += row.usage.cached_input;
  sums.written += row.usage.cache_write;
  sums.reasoning += row.usage.reasoning;
  if (row.priced) sums.cost += row.cost.picodollars();
}

TEST(MemoryLedger, UsageEqualsNaiveSums) {
  MemoryLedger ledger(200);
  std::map<std::pair<std::string, std::string>, Naive> by_group;
  Naive total;
  for (std::uint64_t i = 0; i < 150; ++i) {
    const Record row = record(i);
    ledger.append(row);
    add(by_group[{row.model, row.project}], row);
    add(total, row);
  }
  UsageQuery query;
  query.group_by = {Dimension::model, Dimension::project};
  const UsageReport report = usage_of(ledger, query);
  EXPECT_EQ(naive_of(report.total), total);
  ASSERT_EQ(report.rows.size(), by_group.size());
  for (const UsageRow& row : report.rows) {
    ASSERT_EQ(row.group.size(), 2u);
    EXPECT_FALSE(row.start);
    EXPECT_EQ(naive_of(row.sums), (by_group[{row.group[0], row.group[1]}])) << row.group[0];
  }
}

TEST(MemoryLedger, WithoutGroupsThereIsOneRow) {
  MemoryLedger ledger(10);
  ledger.append(record(1));
  ledger.append(record(2));
  const UsageReport report = usage_of(ledger, {});
  ASSERT_EQ(report.rows.size(), 1u);
  EXPECT_TRUE(report.rows[0].group.empty());
  EXPECT_EQ(naive_of(report.rows[0].sums), naive_of(report.total));
}

TEST(MemoryLedger, GranularityCutsAtFullHoursAndDaysOfUtc) {
  MemoryLedger ledger(100);
  for (std::uint64_t i = 0; i < 20; ++i) ledger.append(record(i));  // 22:00 to 01:10
  UsageQuery query;
  query.granularity = Granularity::hour;
  const UsageReport hours = usage_of(ledger, query);
  ASSERT_EQ(hours.rows.size(), 4u);
  const std::uint64_t in_hour[] = {6, 6, 6, 2};
  for (std::size_t i = 0; i < 4; ++i) {
    EXPECT_EQ(*hours.rows[i].start, kStart + std::chrono::hours(i));
    EXPECT_EQ(hours.rows[i].sums.requests, in_hour[i]);
  }
  query.granularity = Granularity::day;
  const UsageReport days = usage_of(ledger, query);
  ASSERT_EQ(days.rows.size(), 2u);
  EXPECT_EQ(rfc3339(*days.rows[0].start), "2026-11-21T00:00:00.000Z");
  EXPECT_EQ(days.rows[0].sums.requests, 12u);
  EXPECT_EQ(rfc3339(*days.rows[1].start), "2026-11-22T00:00:00.000Z");
  EXPECT_EQ(days.rows[1].sums.requests, 8u);
}

TEST(MemoryLedger, SumsGoBeyondSixtyFourBitsOfPicodollars) {
  MemoryLedger ledger(10);
  Record row = record(1);
  row.cost = Money::dollars(9'000'000);
  for (int i = 0; i < 3; ++i) ledger.append(row);
  EXPECT_EQ(usage_of(ledger, {}).total.cost.decimal(), "27000000");
}

TEST(Dimensions, EveryNameLeadsBackToItself) {
  for (const char* name : {"model", "provider", "project", "org", "user", "key", "endpoint", "outcome"}) {
    const auto dimension = dimension_named(name);
    ASSERT_TRUE(dimension) << name;
    EXPECT_EQ(name_of(*dimension), name);
  }
  for (const char* name : {"", "Model", "keyName", "projectId", "cost"}) {
    EXPECT_FALSE(dimension_named(name)) << name;
  }
}

}  // namespace
}  // namespace farebox
