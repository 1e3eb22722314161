// Rollups over a database in a directory of its own, with records to add and to scan.
#pragma once

#include <gtest/gtest.h>
#include <rocksdb/db.h>
#include <rocksdb/utilities/stackable_db.h>
#include <rocksdb/write_batch.h>

#include <atomic>
#include <filesystem>
#include <functional>
#include <map>

#include "storage/rollups.hpp"
#include "tests/unit/storage/rollup_support.hpp"

namespace farebox {

inline constexpr WallTime kStart =
    WallTime(std::chrono::sys_days(std::chrono::year(2026) / 11 / 20)) + std::chrono::hours(21);

// A database whose writes or flushes can be made to fail, and tells when it has written.
class FailingDb : public rocksdb::StackableDB {
 public:
  using StackableDB::Flush;
  using StackableDB::StackableDB;

  rocksdb::Status Write(const rocksdb::WriteOptions& options, rocksdb::WriteBatch* batch) override {
    if (writes_fail || writes_left == 0) return rocksdb::Status::IOError("no space");
    if (writes_left > 0) --writes_left;
    if (around_write) around_write();
    const rocksdb::Status status = StackableDB::Write(options, batch);
    if (around_write) around_write();
    return status;
  }
  rocksdb::Status Flush(const rocksdb::FlushOptions& options,
                        rocksdb::ColumnFamilyHandle* family) override {
    if (flushes_fail) return rocksdb::Status::IOError("no space");
    return StackableDB::Flush(options, family);
  }

  std::function<void()> around_write;
  std::atomic<bool> writes_fail = false;
  std::atomic<int> writes_left = -1;  // before they fail; below 0: they don't
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
    auto rollups = Rollups::open(*db_, *family_, limits_);
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

  // The rows of each stored table, by its key.
  std::map<std::string, std::size_t> stored_rows() const {
    std::map<std::string, std::size_t> rows;
    const std::unique_ptr<rocksdb::Iterator> at(
        db_->NewIterator(rocksdb::ReadOptions(), family_));
    for (at->SeekToFirst(); at->Valid(); at->Next()) {
      if (at->key() == "w") continue;
      rows[at->key().ToString()] = *RollupTable::rows_in({at->value().data(), at->value().size()});
    }
    return rows;
  }

  RollupLimits limits_;
  std::string directory_;
  std::unique_ptr<FailingDb> db_;
  rocksdb::ColumnFamilyHandle* default_ = nullptr;
  rocksdb::ColumnFamilyHandle* family_ = nullptr;
  std::unique_ptr<Rollups> rollups_;
  std::vector<Record> records_;
  std::size_t added_ = 0;
  mutable std::atomic<bool> scanned_ = false;
};

}  // namespace farebox
