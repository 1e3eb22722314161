// CI once died in a RocksDB assertion ("sync_without_flush_called_"): the disk failed while
// a flush thread synced a log for which our own sync waited, which then touched that log.
#include "storage/guarded_files.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <thread>

#include "storage/rocks_store.hpp"
#include "tests/unit/storage/ledger_support.hpp"

namespace farebox {
namespace {

using Options = rocksdb::IOOptions;
using Debug = rocksdb::IODebugContext;

// A disk whose logs can't be synced once `broken` is set; it takes its time to find out.
class BreakingDisk final : public rocksdb::FileSystemWrapper {
 public:
  BreakingDisk() : FileSystemWrapper(rocksdb::FileSystem::Default()) {}
  const char* Name() const override { return "BreakingDisk"; }

  class Log final : public rocksdb::FSWritableFileOwnerWrapper {
   public:
    Log(std::unique_ptr<rocksdb::FSWritableFile>&& file, BreakingDisk& disk)
        : FSWritableFileOwnerWrapper(std::move(file)), disk_(disk) {}
    rocksdb::IOStatus Sync(const Options& options, Debug* debug) override {
      if (!disk_.broken) return target()->Sync(options, debug);
      ++disk_.syncs;
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
      return rocksdb::IOStatus::IOError("the disk is broken");
    }

   private:
    BreakingDisk& disk_;
  };

  rocksdb::IOStatus NewWritableFile(const std::string& path, const rocksdb::FileOptions& options,
                                    std::unique_ptr<rocksdb::FSWritableFile>* file,
                                    Debug* debug) override {
    const auto status = target()->NewWritableFile(path, options, file, debug);
    if (status.ok() && path.ends_with(".log")) *file = std::make_unique<Log>(std::move(*file), *this);
    return status;
  }

  std::atomic<bool> broken = false;
  std::atomic<int> syncs = 0;
};

TEST(GuardedFiles, AFailedLogTellsUsAndNotRocksDb) {
  const TestDirectory directory;
  const auto disk = std::make_shared<BreakingDisk>();
  const auto failure = std::make_shared<DiskFailure>();
  const auto files = guard_files(disk, failure);
  const auto make = [&](const std::string& name) {
    std::unique_ptr<rocksdb::FSWritableFile> file;
    EXPECT_TRUE(files->NewWritableFile(directory.path() + name, {}, &file, nullptr).ok());
    return file;
  };
  const auto log = make("/000001.log");
  const auto table = make("/000002.sst");
  ASSERT_TRUE(log->Append("before", {}, nullptr).ok());
  EXPECT_FALSE(failure->struck());
  disk->broken = true;
  EXPECT_TRUE(log->Sync({}, nullptr).ok());
  EXPECT_TRUE(failure->struck());
  EXPECT_NE(failure->why().find("the disk is broken"), std::string::npos);

  // Nothing reaches the disk any more, and only logs say otherwise.
  EXPECT_TRUE(log->Append("after", {}, nullptr).ok());
  EXPECT_TRUE(log->Sync({}, nullptr).ok());
  EXPECT_EQ(disk->syncs, 1);
  EXPECT_FALSE(table->Append("after", {}, nullptr).ok());
  std::unique_ptr<rocksdb::FSWritableFile> file;
  EXPECT_FALSE(files->NewWritableFile(directory.path() + "/3.sst", {}, &file, nullptr).ok());
  EXPECT_FALSE(files->DeleteFile(directory.path() + "/000001.log", {}, nullptr).ok());
  EXPECT_FALSE(files->RenameFile(directory.path() + "/000001.log", directory.path() + "/x", {},
                                 nullptr).ok());
  EXPECT_TRUE(log->Close({}, nullptr).ok());
  EXPECT_EQ(std::filesystem::file_size(directory.path() + "/000001.log"), 6u);
}

TEST(GuardedFiles, RocksDbSurvivesALogThatFailsUnderItsOwnThread) {
  for (int round = 0; round < 3; ++round) {
    const TestDirectory directory;
    const auto disk = std::make_shared<BreakingDisk>();
    auto opened = RocksStore::open(directory.path() + "/db", disk, RocksStore::Access::read_write,
                                   RocksStore::Recovery::refuse_damage);
    ASSERT_TRUE(opened) << opened.error().context;
    const RocksStore& store = **opened;
    rocksdb::WriteBatch batch;
    batch.Put(&store.records(), "key", "value");
    batch.Put(&store.holds(), "key", "value");
    ASSERT_TRUE(store.write(batch, false));
    disk->broken = true;
    std::jthread flusher([&] {
      // Several families share the log, so a flush of one syncs it first.
      EXPECT_FALSE(store.db().Flush(rocksdb::FlushOptions(), &store.records()).ok());
    });
    while (disk->syncs == 0) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    const auto synced = store.sync();  // waits for the flush thread's sync
    ASSERT_FALSE(synced);
    EXPECT_NE(synced.error().context.find("broken"), std::string::npos);
    flusher.join();
    EXPECT_FALSE(store.write(batch, true));
  }
}

}  // namespace
}  // namespace farebox
