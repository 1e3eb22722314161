#include "storage/rollups.hpp"

#include <gtest/gtest.h>
#include <rocksdb/db.h>
#include <rocksdb/utilities/stackable_db.h>
#include <rocksdb/write_batch.h>

#include <atomic>
#include <filesystem>
#include <thread>

#include "tests/unit/storage/rollup_support.hpp"

namespace farebox {
namespace {

constexpr WallTime kStart =
    WallTime(std::chrono::sys_days(std::chrono::year(2026) / 11 / 20)) + std::chrono::hours(21);

// A database whose next writes or flushes can be made to fail.
class FailingDb : public rocksdb::StackableDB {
 public:
  using StackableDB::Flush;
  using StackableDB::StackableDB;

  rocksdb::Status Write(const rocksdb::WriteOptions& options, rocksdb::WriteBatch* batch) override {
    if (writes_fail) return rocksdb::Status::IOError("no space");
    return StackableDB::Write(options, batch);
  }
  rocksdb::Status Flush(const rocksdb::FlushOptions& options,
                        rocksdb::ColumnFamilyHandle* family) override {
    if (flushes_fail) return rocksdb::Status::IOError("no space");
    return StackableDB::Flush(options, family);
  }

  std::atomic<bool> writes_fail = false;
  std::atomic<bool> flushes_fail = false;
};

// Rollups over a database of their own and records that are all known beforehand.
class RollupsTest : public testing::Test {
 protected:
  RollupsTest() {
    std::string name = (std::filesystem::temp_directory_path() / "rollups-XXXXXX").string();
    directory_ = ::mkdtemp(name.data());
    open();
  }
  ~RollupsTest() override {
    close();
    std::filesystem::remove_all(directory_);
  }

  void open() {
    rocksdb::DBOptions options;
    options.create_if_missing = true;
    options.create_missing_column_families = true;
    options.avoid_flush_during_shutdown = true;  // closing is then like a crash
    std::vector<rocksdb::ColumnFamilyHandle*> families;
    rocksdb::DB* db = nullptr;
    const rocksdb::Status status = rocksdb::DB::Open(
        options, directory_,
        {{rocksdb::kDefaultColumnFamilyName, {}}, {"rollups", rocksdb::ColumnFamilyOptions()}},
        &families, &db);
    ASSERT_TRUE(status.ok()) << status.ToString();
    db_ = std::make_unique<FailingDb>(db);
    default_ = families[0];
    family_ = families[1];
    auto rollups = Rollups::open(*db_, *family_);
    ASSERT_TRUE(rollups) << rollups.error().context;
    rollups_ = std::move(*rollups);
  }
  void close() {
    rollups_.reset();
    if (!db_) return;
    db_->DestroyColumnFamilyHandle(family_);
    db_->DestroyColumnFamilyHandle(default_);
    db_.reset();
  }
  // What wasn't saved is replayed, as the ledger does it.
  void reopen() {
    close();
    open();
    for (std::size_t i = 0; i < added_; ++i) {
      if (records_[i].sequence >= rollups_->next_sequence()) rollups_->add(facts_of(records_[i]));
    }
  }
  void make_records(RollupMaker& make, std::size_t count, std::chrono::microseconds longest_gap) {
    records_ = make.records(count, kStart, longest_gap);
  }
  void add(std::size_t count) {
    for (; count != 0 && added_ < records_.size(); --count) {
      rollups_->add(facts_of(records_[added_++]));
    }
  }
  void save() {
    const Result<void> saved = rollups_->save();
    ASSERT_TRUE(saved) << saved.error().context;
  }
  Result<void> scan(std::uint64_t first, std::uint64_t last, const Rollups::Visit& visit) const {
    scanned_ = true;
    for (std::uint64_t i = std::max<std::uint64_t>(first, 1); i <= last; ++i) {
      if (i > records_.size()) break;
      visit(facts_of(records_[i - 1]));
    }
    return {};
  }
  Result<UsageReport> ask(const UsageQuery& query) const {
    return rollups_->usage(query, [this](std::uint64_t first, std::uint64_t last,
                                         const Rollups::Visit& visit) {
      return scan(first, last, visit);
    });
  }
  void expect_answer(const UsageQuery& query) const {
    const Result<UsageReport> answer = ask(query);
    ASSERT_TRUE(answer) << answer.error().context;
    const UsageReport expected = slow_answer(query, records_, added_);
    ASSERT_EQ(answer->rows, expected.rows);
    ASSERT_EQ(answer->total, expected.total);
  }
  void expect_answers(RollupMaker& make, int count) const {
    const WallTime last = added_ == 0 ? kStart : records_[added_ - 1].time;
    for (int i = 0; i < count; ++i) {
      ASSERT_NO_FATAL_FAILURE(expect_answer(make.query(kStart, last)));
    }
  }
  void put_raw(const std::string& key, const std::string& value) {
    ASSERT_TRUE(db_->Put(rocksdb::WriteOptions(), family_, key, value).ok());
  }
  static std::string key(char span, std::uint32_t number) {
    std::string key(1, span);
    for (int shift = 24; shift >= 0; shift -= 8) key += static_cast<char>(number >> shift);
    return key;
  }
  static std::uint32_t hour_number(WallTime time) {
    return static_cast<std::uint32_t>(
        std::chrono::floor<std::chrono::hours>(time).time_since_epoch().count());
  }

  std::string directory_;
  std::unique_ptr<FailingDb> db_;
  rocksdb::ColumnFamilyHandle* default_ = nullptr;
  rocksdb::ColumnFamilyHandle* family_ = nullptr;
  std::unique_ptr<Rollups> rollups_;
  std::vector<Record> records_;
  std::size_t added_ = 0;
  mutable std::atomic<bool> scanned_ = false;
};

TEST_F(RollupsTest, AnswersEqualASumOverAllRecords) {
  for (unsigned seed = 1; seed <= 6; ++seed) {
    SCOPED_TRACE(seed);
    close();
    std::filesystem::remove_all(directory_);
    open();
    added_ = 0;
    RollupMaker make(seed);
    // A few hours or some days.
    make_records(make, 3'000, std::chrono::seconds(seed % 2 == 0 ? 8 : 240));
    // A call that took a day to be settled.
    for (int i = 0; i < 5; ++i) {
      records_[make.below(records_.size())].time -= make.up_to(std::chrono::hours(30));
    }
    while (added_ < records_.size()) {
      add(1 + make.below(300));
      if (make.one_in(3)) save();
      if (make.one_in(6)) reopen();
      ASSERT_NO_FATAL_FAILURE(expect_answers(make, 20));
    }
    save();
    reopen();
    EXPECT_EQ(rollups_->next_sequence(), records_.size() + 1);
    ASSERT_NO_FATAL_FAILURE(expect_answers(make, 200));
  }
}

TEST_F(RollupsTest, AnEmptyLedgerAnswersNothing) {
  const Result<UsageReport> answer = ask({});
  ASSERT_TRUE(answer);
  EXPECT_TRUE(answer->rows.empty());
  EXPECT_EQ(answer->total, UsageSums());
  EXPECT_EQ(rollups_->next_sequence(), 0U);
  EXPECT_FALSE(rollups_->wants_saving());
  save();
}

TEST_F(RollupsTest, EveryRecordCountsOnceBesideSaving) {
  RollupMaker make(7);
  make_records(make, 60'000, std::chrono::seconds(9));
  std::vector<Tokens> input_of{0};  // by number of records
  for (const Record& record : records_) input_of.push_back(input_of.back() + record.usage.input);

  std::atomic<std::size_t> adding = 0, done = 0;
  std::atomic<bool> ended = false;
  std::thread adder([&] {
    for (const Record& record : records_) {
      ++adding;
      rollups_->add(facts_of(record));
      ++done;
      if (done % 1'024 == 0) std::this_thread::yield();
    }
    ended = true;
  });
  std::thread saver([&] {
    while (!ended) EXPECT_TRUE(rollups_->save());
  });
  const auto read = [&](Granularity granularity) {
    std::size_t answers = 0;
    while (!ended || answers < 20) {
      UsageQuery query;
      query.granularity = granularity;
      query.group_by = {Dimension::model};
      if (granularity == Granularity::none) {
        query.filter.since = kStart - std::chrono::minutes(30);  // cuts an hour
      }
      const std::size_t least = done;
      const Result<UsageReport> answer = ask(query);
      const std::size_t most = adding;
      ASSERT_TRUE(answer);
      ASSERT_GE(answer->total.requests, least);
      ASSERT_LE(answer->total.requests, most);
      ASSERT_EQ(answer->total.input, input_of[answer->total.requests]);
      ++answers;
    }
  };
  std::thread reader([&] { read(Granularity::day); });
  std::thread other([&] { read(Granularity::none); });
  read(Granularity::hour);
  for (std::thread* thread : {&adder, &saver, &reader, &other}) thread->join();
  added_ = records_.size();
  expect_answers(make, 20);
}

TEST_F(RollupsTest, AFailedSaveLosesNothing) {
  RollupMaker make(8);
  make_records(make, 9'000, std::chrono::seconds(30));
  add(1'000);
  save();
  db_->writes_fail = true;
  for (int i = 0; i < 3; ++i) {
    add(1'000);
    EXPECT_FALSE(rollups_->save());
    expect_answers(make, 20);
  }
  db_->writes_fail = false;
  db_->flushes_fail = true;
  add(1'000);
  EXPECT_FALSE(rollups_->save());
  expect_answers(make, 20);
  add(1'000);
  EXPECT_FALSE(rollups_->save());
  EXPECT_FALSE(rollups_->save());
  expect_answers(make, 20);
  // What couldn't be flushed is gone after a crash, watermark and all.
  db_->flushes_fail = false;
  reopen();
  expect_answers(make, 20);
  save();
  reopen();
  EXPECT_EQ(rollups_->next_sequence(), added_ + 1);
  expect_answers(make, 20);
}

TEST_F(RollupsTest, ARebuildEndsWhereItBegan) {
  RollupMaker make(9);
  make_records(make, 4'000, std::chrono::seconds(120));
  add(2'500);
  save();
  add(500);
  // Everything; then from the middle, with records that are late for their hour.
  ASSERT_TRUE(rollups_->forget(WallTime::min(), 0));
  EXPECT_EQ(ask({})->total.requests, 0U);
  EXPECT_EQ(rollups_->next_sequence(), 0U);
  reopen();
  expect_answers(make, 30);
  for (int i = 0; i < 8; ++i) {
    const WallTime from = kStart + make.up_to(records_[added_ - 1].time - kStart);
    const WallTime hour = std::chrono::floor<std::chrono::hours>(from);
    // The first record that is forgotten; some behind it aren't.
    std::uint64_t next = 1;
    while (records_[next - 1].time < hour) ++next;
    ASSERT_TRUE(rollups_->forget(from, next));
    if (i % 2 == 0) {
      // Broken off and begun anew, elsewhere.
      for (std::uint64_t j = next; j < next + 50 && j <= added_; ++j) {
        rollups_->add(facts_of(records_[j - 1]));
      }
      if (i % 4 == 0) save();
      const WallTime later = hour + std::chrono::hours(2);
      ASSERT_TRUE(rollups_->forget(later, next));
    }
    reopen();
    ASSERT_NO_FATAL_FAILURE(expect_answers(make, 30));
    add(100);
    ASSERT_NO_FATAL_FAILURE(expect_answers(make, 30));
  }
}

TEST_F(RollupsTest, PruningRemovesWholeDays) {
  RollupMaker make(10);
  make_records(make, 3'000, std::chrono::seconds(240));
  add(3'000);
  save();
  const auto day = std::chrono::floor<std::chrono::days>(kStart + std::chrono::hours(60));
  ASSERT_TRUE(rollups_->prune(day + std::chrono::hours(7)));
  std::erase_if(records_, [&](const Record& record) { return record.time < day; });
  added_ = records_.size();
  for (const Granularity granularity : {Granularity::none, Granularity::hour, Granularity::day}) {
    expect_answer({.filter = {}, .group_by = {Dimension::user}, .granularity = granularity});
  }
}

TEST_F(RollupsTest, ADamagedTableSaysHowItIsMended) {
  RollupMaker make(11);
  make_records(make, 2'000, std::chrono::seconds(240));
  add(2'000);
  save();
  const std::uint32_t hour = hour_number(kStart) + 30;
  for (const std::string& name : {key('h', hour), key('d', hour / 24)}) {
    put_raw(name, "noise");
    UsageQuery query;
    if (name[0] == 'h') query.granularity = Granularity::hour;
    const Result<UsageReport> answer = ask(query);
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().code, ErrorCode::io_failed);
    EXPECT_NE(answer.error().context.find("run farebox ledger rebuild"), std::string::npos)
        << answer.error().context;
  }
  ASSERT_TRUE(rollups_->forget(WallTime::min(), 1));
  for (const Record& record : records_) rollups_->add(facts_of(record));
  expect_answers(make, 30);
  save();
  // A day is mended by its hours even where no record is left.
  put_raw(key('d', hour / 24), "noise");
  ASSERT_TRUE(rollups_->forget(WallTime(std::chrono::hours(hour + 40)), records_.size() + 1));
  std::erase_if(records_, [&](const Record& record) {
    return record.time >= WallTime(std::chrono::hours(hour + 40));
  });
  added_ = records_.size();
  expect_answer({.filter = {}, .group_by = {Dimension::model}, .granularity = Granularity::day});
}

TEST_F(RollupsTest, TablesOfAnotherFormatAreForgotten) {
  RollupMaker make(12);
  make_records(make, 500, std::chrono::seconds(60));
  add(500);
  save();
  put_raw("w", "another format");
  ASSERT_NO_FATAL_FAILURE(reopen());
  expect_answers(make, 20);
  save();
  ASSERT_TRUE(db_->Delete(rocksdb::WriteOptions(), family_, "w").ok());
  close();
  open();
  EXPECT_EQ(rollups_->next_sequence(), 0U);
  EXPECT_TRUE(ask({})->rows.empty());
}

TEST_F(RollupsTest, RecordsAreReadOnlyWhereAnHourIsCut) {
  RollupMaker make(13);
  make_records(make, 500, std::chrono::seconds(60));
  add(300);
  save();
  add(200);
  UsageQuery query;
  query.filter.since = std::chrono::floor<std::chrono::hours>(kStart);
  query.filter.until = records_.back().time + std::chrono::minutes(21);
  expect_answer(query);
  EXPECT_FALSE(scanned_);
  query.filter.since = kStart + std::chrono::minutes(1);
  expect_answer(query);
  EXPECT_TRUE(scanned_);

  const Result<UsageReport> answer = rollups_->usage(
      query, [](std::uint64_t, std::uint64_t, const Rollups::Visit&) -> Result<void> {
        return Error(ErrorCode::ledger_unavailable, "gone");
      });
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, ErrorCode::ledger_unavailable);
}

TEST_F(RollupsTest, RecordsAreTakenOnceAndWantSavingWhenThereAreMany) {
  RollupMaker make(14);
  make_records(make, 50'000, std::chrono::milliseconds(100));
  add(49'999);
  EXPECT_FALSE(rollups_->wants_saving());
  for (std::size_t i = 0; i < 100; ++i) rollups_->add(facts_of(records_[i]));  // again
  EXPECT_FALSE(rollups_->wants_saving());
  add(1);
  EXPECT_TRUE(rollups_->wants_saving());
  expect_answer({.filter = {}, .group_by = {Dimension::model}});
  EXPECT_TRUE(rollups_->wants_saving());
  save();
  EXPECT_FALSE(rollups_->wants_saving());
  expect_answer({.filter = {}, .group_by = {Dimension::model}});
}

}  // namespace
}  // namespace farebox
