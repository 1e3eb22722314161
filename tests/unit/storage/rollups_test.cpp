#include "storage/rollups.hpp"

#include <gtest/gtest.h>

#include <thread>

#include "storage/entry.hpp"
#include "tests/unit/storage/rollups_fixture.hpp"

namespace farebox {
namespace {

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

// Names come from clients: 100,000 of them made every save take some 100 MiB, and more with
// each hour of the day.
TEST_F(RollupsTest, ManyNamesAreManySmallTables) {
  close();
  limits_.table_rows = 500;
  limits_.unsaved_rows = 1'000;
  open();
  RollupMaker make(16);
  make_records(make, 30'000, std::chrono::milliseconds(700));
  for (Record& record : records_) {
    record.user = "user-" + std::to_string(make.below(8'000));
    record.model = "model-" + std::to_string(make.below(3));
    record.provider = record.project = record.org = record.key_name = "same";
    record.endpoint = "chat";
    record.outcome = Outcome::ok;
  }
  std::size_t saves = 0;
  while (added_ < records_.size()) {
    const std::size_t began = added_;
    while (added_ < records_.size() && !rollups_->wants_saving()) add(1);
    EXPECT_LE(added_ - began, 30'000U);
    save();
    ++saves;
    EXPECT_FALSE(rollups_->wants_saving());
  }
  EXPECT_GT(saves, 10U);
  std::size_t tables = 0, rows = 0;
  for (const auto& [name, count] : stored_rows()) {
    EXPECT_LE(count, 2 * limits_.table_rows);
    ++tables;
    rows += count;
  }
  EXPECT_GT(tables, 50U);
  // Equal rows are summed, not kept again and again: 24,000 of an hour or a day are the most.
  EXPECT_LT(rows, 2U * 24'000U + 30'000U / 2);
  for (const Granularity granularity : {Granularity::none, Granularity::hour, Granularity::day}) {
    expect_answer({.filter = {}, .group_by = {Dimension::model}, .granularity = granularity});
    expect_answer({.filter = {}, .group_by = {Dimension::user}, .granularity = granularity});
  }
  reopen();
  EXPECT_EQ(rollups_->next_sequence(), records_.size() + 1);
  expect_answer({.filter = {}, .group_by = {Dimension::user}});
}

TEST_F(RollupsTest, DividedTablesAnswerAsWholeOnes) {
  for (unsigned seed = 17; seed <= 22; ++seed) {
    SCOPED_TRACE(seed);
    close();
    std::filesystem::remove_all(directory_);
    limits_ = {.table_rows = 20 + seed, .unsaved_rows = 300, .batch_octets = seed % 2 * 4'000 + 1};
    open();
    added_ = 0;
    RollupMaker make(seed);
    make_records(make, 2'500, std::chrono::seconds(seed % 2 == 0 ? 8 : 240));
    while (added_ < records_.size()) {
      add(1 + make.below(300));
      if (make.one_in(2)) save();
      if (make.one_in(6)) reopen();
      if (make.one_in(6)) {
        // Half of a save may be on the disk.
        db_->writes_left = static_cast<int>(make.below(4));
        rollups_->save();
        db_->writes_left = -1;
      }
      ASSERT_NO_FATAL_FAILURE(expect_answers(make, 15));
    }
    save();
    reopen();
    ASSERT_NO_FATAL_FAILURE(expect_answers(make, 100));
    for (const auto& [name, count] : stored_rows()) EXPECT_LE(count, 300U);
    // From the middle, with a day that is cut.
    const WallTime from = kStart + make.up_to(records_.back().time - kStart);
    std::uint64_t next = 1;
    while (records_[next - 1].time < std::chrono::floor<std::chrono::hours>(from)) ++next;
    ASSERT_TRUE(rollups_->forget(from, next));
    reopen();
    ASSERT_NO_FATAL_FAILURE(expect_answers(make, 50));
  }
}

TEST_F(RollupsTest, TablesOfTheUndividedFormatAreReadOn) {
  RollupMaker make(23);
  make_records(make, 3'000, std::chrono::seconds(60));
  add(1'000);
  save();
  std::string octets;
  ASSERT_TRUE(db_->Get(rocksdb::ReadOptions(), family_, "w", &octets).ok());
  std::string_view payload;
  ASSERT_EQ(open_sealed("w", octets, payload), Seal::good);
  std::string older(payload.substr(0, payload.size() - 8)), sealed;  // without the seed
  older[0] = 1;
  seal(sealed, "w", older);
  put_raw("w", sealed);
  limits_.table_rows = 50;
  ASSERT_NO_FATAL_FAILURE(reopen());
  EXPECT_EQ(rollups_->next_sequence(), 1'001U);
  expect_answers(make, 30);
  for (int i = 0; i < 10; ++i) {
    add(200);
    save();
    expect_answers(make, 10);
  }
  reopen();
  expect_answers(make, 50);
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

TEST_F(RollupsTest, ASaveIsSeenWholeOrNotAtAll) {
  RollupMaker make(15);
  make_records(make, 6'000, std::chrono::seconds(60));
  int looks = 0;
  db_->around_write = [&] {
    expect_answers(make, 10);
    add(7);
    expect_answers(make, 10);
    ++looks;
  };
  for (int i = 0; i < 8; ++i) {
    add(400);
    save();
  }
  EXPECT_EQ(looks, 16);
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
  limits_.unsaved_rows = 1'000'000;
  reopen();
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
