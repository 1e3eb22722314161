// One script, two ledgers: the one in memory must agree with the one on disk, however
// often the latter is closed and opened again between two steps.
#include <gtest/gtest.h>

#include <algorithm>

#include "storage/ledger_reader.hpp"
#include "storage/memory_ledger.hpp"
#include "storage/rocks_ledger.hpp"
#include "tests/unit/storage/ledger_support.hpp"

namespace farebox {
namespace {

class LedgerScript : public ::testing::Test {
 protected:
  std::unique_ptr<RocksLedger> open(LedgerSettings settings = {}) {
    settings.sync_interval = std::chrono::milliseconds(1);
    auto opened = RocksLedger::open({directory_.path(), settings, nullptr}, log_, clock_);
    EXPECT_TRUE(opened) << opened.error().context;
    return opened ? std::move(*opened) : nullptr;
  }

  TestDirectory directory_;
  SystemClock clock_;
  Logger log_{2, Level::error, Logger::Format::text, clock_};
};

std::string json_of(const std::vector<Record>& records) {
  std::string json;
  for (const Record& record : records) append_json(json, record);
  return json;
}

std::string text_of(const UsageReport& report) {
  std::string text;
  for (const UsageRow& row : report.rows) {
    if (row.start) text += rfc3339(*row.start) + " ";
    for (const std::string& value : row.group) text += value + " | ";
    text += std::to_string(row.sums.requests) + " " + std::to_string(row.sums.input) + " " +
            row.sums.cost.decimal() + "\n";
  }
  return text + std::to_string(report.total.requests) + " " + report.total.cost.decimal();
}

// Few names and round sums, so that groups meet.
Record plain_record(std::mt19937_64& random) {
  Record record = random_record(random);
  record.model = "m" + std::to_string(random() % 3);
  record.project = "p" + std::to_string(random() % 2);
  record.endpoint = "chat.completions";
  record.outcome = random() % 5 == 0 ? Outcome::timeout : Outcome::ok;
  record.usage.input = random() % 1000;
  record.cost = Money::picodollars(static_cast<Int128>(random() % 1'000'000'000));
  record.time = WallTime(std::chrono::sys_days(std::chrono::year(2026) / 11 / 20)) +
                std::chrono::seconds(random() % 200'000);
  return record;
}

// By what they may cost, as the ledgers give ids of their own.
std::vector<std::string> drafts_of(const Ledger& ledger) {
  std::vector<std::string> drafts;
  EXPECT_TRUE(ledger.open_holds([&](const Record& draft) {
    EXPECT_TRUE(draft.hold);
    std::string json;
    append_json(json, draft);
    drafts.push_back(std::move(json));
  }));
  std::sort(drafts.begin(), drafts.end());
  return drafts;
}

// On a busy machine what was told may wait for the committer longer than `status` waits for it.
void expect_same_status(const Ledger& one, const Ledger& other) {
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  LedgerStatus here, there;
  do {
    here = one.status();
    there = other.status();
    if (here.last == there.last && here.open_holds == there.open_holds && here.held == there.held) {
      return;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  } while (std::chrono::steady_clock::now() < until);
  EXPECT_EQ(here.open_holds, there.open_holds);
  EXPECT_EQ(here.held, there.held);
  EXPECT_EQ(here.last, there.last);
}

void expect_equal(const Ledger& one, const Ledger& other) {
  expect_same_status(one, other);
  const auto records = one.records({}, 10'000, std::nullopt);
  const auto others = other.records({}, 10'000, std::nullopt);
  ASSERT_TRUE(records && others);
  EXPECT_EQ(json_of(records->records), json_of(others->records));
  const WallTime cut = WallTime(std::chrono::sys_days(std::chrono::year(2026) / 11 / 21)) +
                       std::chrono::minutes(83);
  for (const Granularity granularity : {Granularity::none, Granularity::hour, Granularity::day}) {
    for (const bool with_filter : {false, true}) {
      UsageQuery query;
      query.granularity = granularity;
      query.group_by = {Dimension::model, Dimension::project};
      if (with_filter) {
        query.filter.since = cut;
        query.filter.project = "p1";
      }
      const auto usage = one.usage(query), usages = other.usage(query);
      ASSERT_TRUE(usage && usages);
      EXPECT_EQ(text_of(*usage), text_of(*usages));
    }
  }
  EXPECT_EQ(drafts_of(one), drafts_of(other));
}

TEST_F(LedgerScript, MemoryAndDiskAgree) {
  std::mt19937_64 random(3);
  MemoryLedger memory(100'000);
  std::unique_ptr<RocksLedger> disk = open();
  WaitingClient in_memory(memory), on_disk(*disk);
  std::vector<std::pair<HoldId, HoldId>> open_holds;  // in memory, on disk
  for (int step = 0; step < 600; ++step) {
    const std::uint64_t what = random() % 10;
    const Record record = plain_record(random);
    if (what < 4 || open_holds.empty()) {
      open_holds.emplace_back(memory.make_hold_id(), disk->make_hold_id());
      const auto [here, there] = open_holds.back();
      EXPECT_EQ(in_memory.hold(here, record).committed, Committed::written);
      EXPECT_EQ(on_disk.hold(there, record).committed, Committed::written);
      continue;
    }
    const std::size_t at = random() % open_holds.size();
    const auto [here, there] = open_holds[at];
    if (what == 4) {  // grows
      in_memory.hold(here, record);
      on_disk.hold(there, record);
    } else if (what == 5) {
      in_memory.release(here);
      on_disk.release(there);
      open_holds.erase(open_holds.begin() + static_cast<std::ptrdiff_t>(at));
    } else if (what == 6) {  // a refusal: no hold
      in_memory.settle(HoldId(), record);
      on_disk.settle(HoldId(), record);
    } else {
      // An end that comes again changes nothing.
      for (int again = 0; again < 3; ++again) {
        in_memory.settle(here, record);
        on_disk.settle(there, record);
        expect_same_status(memory, *disk);
      }
      open_holds.erase(open_holds.begin() + static_cast<std::ptrdiff_t>(at));
    }
    if (step % 150 == 149) {
      EXPECT_EQ(drafts_of(memory), drafts_of(*disk));
      EXPECT_EQ(drafts_of(memory).size(), open_holds.size());
      // Nothing may be in flight when it closes: those would become crashed calls.
      for (const auto& [mine, theirs] : open_holds) {
        in_memory.settle(mine, record);
        on_disk.settle(theirs, record);
      }
      open_holds.clear();
      expect_equal(memory, *disk);
      disk->close();
      disk = open();
      on_disk.use(*disk);
      expect_equal(memory, *disk);
      ASSERT_TRUE(disk->rebuild());
      expect_equal(memory, *disk);
    }
  }
  disk->close();
  auto reader = LedgerReader::open(directory_.path());
  ASSERT_TRUE(reader) << reader.error().context;
  const auto report = (*reader)->verify();
  ASSERT_TRUE(report);
  EXPECT_TRUE(report->faults.empty()) << report->faults.front();
  EXPECT_EQ(report->last, memory.status().last);
}

TEST_F(LedgerScript, AHoldThatACrashLeftBecomesOneRecord) {
  std::mt19937_64 random(4);
  for (const CrashSettlement rule : {CrashSettlement::charge, CrashSettlement::release}) {
    LedgerSettings settings;
    settings.crash_settlement = rule;
    std::unique_ptr<RocksLedger> ledger = open(settings);
    const std::uint64_t before = ledger->status().last;
    WaitingClient client(*ledger);
    Record draft = plain_record(random);
    draft.priced = true;
    draft.outcome = Outcome::crashed;
    client.hold(ledger->make_hold_id(), draft);
    // The hold outlives the ledger object as it would the process.
    ledger->close();
    for (int starts = 0; starts < 3; ++starts) {
      ledger = open(settings);
      EXPECT_EQ(ledger->status().last, before + 1);
      EXPECT_EQ(ledger->status().open_holds, 0u);
      EXPECT_EQ(ledger->status().held, Money());
      ledger->close();
    }
    ledger = open(settings);
    const auto page = ledger->records({}, 1, std::nullopt);
    ASSERT_TRUE(page && page->records.size() == 1);
    EXPECT_EQ(page->records[0].outcome, Outcome::crashed);
    EXPECT_EQ(page->records[0].cost, rule == CrashSettlement::charge ? draft.cost : Money());
    ledger->close();
  }
}

TEST_F(LedgerScript, HoldIdsAreNeverUsedAgain) {
  std::vector<std::uint64_t> seen;
  for (int start = 0; start < 3; ++start) {
    const auto ledger = open();
    for (int i = 0; i < 3; ++i) seen.push_back(ledger->make_hold_id().value);
  }
  std::sort(seen.begin(), seen.end());
  EXPECT_EQ(std::adjacent_find(seen.begin(), seen.end()), seen.end());
}

TEST_F(LedgerScript, PruningWaitsForItsGuard) {
  std::mt19937_64 random(6);
  LedgerSettings settings;
  settings.retain = std::chrono::hours(24 * 30);
  settings.sync_interval = std::chrono::milliseconds(1);
  auto opened = RocksLedger::open({directory_.path(), settings, nullptr, true}, log_, clock_);
  ASSERT_TRUE(opened);
  RocksLedger& ledger = **opened;
  WaitingClient client(ledger);
  for (int i = 0; i < 20; ++i) {
    Record record = plain_record(random);
    record.time = clock_.wall_now() - std::chrono::hours(i < 10 ? 24 * 40 : 1);
    client.settle(HoldId(), record);
  }
  std::uint64_t seen = 0, asked = 0;
  std::atomic<int> calls = 0;
  ledger.guard_pruning([&](std::uint64_t first, const std::function<Result<void>()>& prune) {
    if (++calls == 1) return Result<void>(Error(ErrorCode::io_failed, "not yet"));
    asked = first;
    EXPECT_TRUE(ledger.scan_part(3, first, [&](const Record& record) {
      EXPECT_GE(record.sequence, 3u);
      ++seen;
    }));
    return prune();
  });
  for (int wait = 0; wait < 1'500 && ledger.status().first != 11; ++wait) {
    EXPECT_EQ(ledger.status().first, 1u);
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  EXPECT_EQ(ledger.status().first, 11u);
  ledger.guard_pruning(nullptr);
  EXPECT_EQ(asked, 11u);
  EXPECT_EQ(seen, 8u);
  ledger.close();
}

TEST_F(LedgerScript, PruningKeepsTheChainAndTheSums) {
  std::mt19937_64 random(5);
  LedgerSettings settings;
  settings.retain = std::chrono::hours(24 * 30);
  {
    LedgerSettings keep_all;
    keep_all.retain = std::chrono::hours(24 * 36'500);
    const auto ledger = open(keep_all);
    WaitingClient client(*ledger);
    for (int i = 0; i < 200; ++i) {
      Record record = plain_record(random);
      // Half of them are forty days old, the rest is of today.
      record.time = clock_.wall_now() - std::chrono::hours(i < 100 ? 24 * 40 : 1);
      client.settle(HoldId(), record);
    }
    ledger->close();
  }
  const auto before = LedgerReader::open(directory_.path());
  ASSERT_TRUE(before);
  const auto whole = (*before)->verify();
  const auto ledger = open(settings);
  for (int wait = 0; wait < 500 && ledger->status().first != 101; ++wait) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  EXPECT_EQ(ledger->status().first, 101u);
  EXPECT_EQ(ledger->status().last, 200u);
  WaitingClient client(*ledger);
  client.settle(HoldId(), plain_record(random));
  EXPECT_EQ(ledger->status().last, 201u);
  ledger->close();

  const auto after = LedgerReader::open(directory_.path());
  ASSERT_TRUE(after) << after.error().context;
  const auto report = (*after)->verify();
  ASSERT_TRUE(report);
  EXPECT_TRUE(report->faults.empty()) << report->faults.front();
  EXPECT_EQ(report->pruned, 100u);
  EXPECT_EQ(report->records, 101u);
  EXPECT_GE(report->cost, whole->cost);

  TestDirectory copy;
  const auto copied = (*after)->copy_to(copy.path() + "/backup");
  ASSERT_TRUE(copied) << copied.error().context;
  const auto second = LedgerReader::open(copy.path() + "/backup");
  ASSERT_TRUE(second) << second.error().context;
  const auto verified = (*second)->verify();
  ASSERT_TRUE(verified);
  EXPECT_TRUE(verified->faults.empty()) << verified->faults.front();
  EXPECT_EQ(verified->chain, report->chain);
}

}  // namespace
}  // namespace farebox
