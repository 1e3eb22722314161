// FaultyFileSystem: a disk that fails on command and loses power.
//
// Wraps the system's file system for RocksDB and for whatever else writes through it.
//
//   power_off(), then close what uses it, then apply_loss(seed): the directory is what a
//     disk could hold after the power went (rules: lossy_disk.hpp), and the power is on
//     again. Between the two every operation fails and nothing reaches the disk.
//   arm(fault): the n-th operation from now on fails, and perhaps the ones behind it.
//   heal(): nothing fails any more.
//
// Sync doesn't reach the real disk, which only costs time here: it takes `sync_time` and
// changes what the model takes as safe. Thread-safe.
#pragma once

#include <rocksdb/file_system.h>

#include <array>
#include <atomic>
#include <chrono>
#include <limits>
#include <mutex>
#include <optional>

#include "tests/support/lossy_disk.hpp"

namespace farebox::testing {

enum class Operation : std::uint8_t {
  append,          // also a write in place
  sync,            // Sync and Fsync of a file
  rename,
  create,          // opening for writing, making a link or a directory
  directory_sync,
  allocate,
  truncate,
  remove,
};
inline constexpr std::size_t kOperations = 8;
std::string_view name_of(Operation operation);

enum class Failure : std::uint8_t {
  io_error,
  no_space,
  short_write,  // half of it is written, then an I/O error; as io_error where nothing is written
};
std::string_view name_of(Failure failure);

struct Fault {
  static constexpr std::uint64_t kUntilHealed = std::numeric_limits<std::uint64_t>::max();

  std::uint64_t after = 1;  // 1: the next operation that counts
  std::uint64_t times = 1;  // consecutive ones
  Failure failure = Failure::io_error;
  std::optional<Operation> only;  // count and fail these alone
};

class FaultyFileSystem final : public rocksdb::FileSystemWrapper {
 public:
  // Models what lies under `root`, which exists. Paths outside pass as they are.
  explicit FaultyFileSystem(const std::string& root);

  void power_off();
  bool is_off() const { return off_; }
  void apply_loss(std::uint64_t seed);

  void arm(const Fault& fault);
  void heal();
  bool is_failing() const;  // the fault has struck, and the next operation fails too

  std::uint64_t count() const;  // operations so far, failed ones too
  std::uint64_t count(Operation operation) const;
  std::uint64_t failed() const;  // on command
  // Where the last commanded failure hit: "sync /tmp/x/ledger/000004.log".
  std::string last_failure() const;

  // What M12 asks: was a log's sync made to fail, and has no database been opened since?
  bool log_sync_failed_unopened() const { return log_sync_failed_; }
  std::uint64_t databases_opened() const { return databases_opened_; }

  void set_sync_time(std::chrono::microseconds shortest, std::chrono::microseconds longest);
  std::chrono::microseconds longest_sync() const;  // seen so far

  // What is unsafe now, for people.
  std::string unsafe() const;

  // For the wrapped files: `allowed` counts the operation and says how it fails, `lock`
  // keeps the power on while something is written.
  rocksdb::IOStatus allowed(Operation operation, const std::string& path,
                            bool* half = nullptr);
  rocksdb::IOStatus powered() const;
  std::unique_lock<std::mutex> lock() const { return std::unique_lock(mutex_); }
  LossyDisk& disk() { return disk_; }
  std::chrono::microseconds next_sync_time();
  void sync_took(std::chrono::microseconds time);

  static const char* kClassName() { return "FaultyFileSystem"; }
  const char* Name() const override { return kClassName(); }

  using Options = rocksdb::IOOptions;
  using Debug = rocksdb::IODebugContext;
  using Status = rocksdb::IOStatus;
  Status NewSequentialFile(const std::string& path, const rocksdb::FileOptions& options,
                           std::unique_ptr<rocksdb::FSSequentialFile>* result,
                           Debug* debug) override;
  Status NewRandomAccessFile(const std::string& path, const rocksdb::FileOptions& options,
                             std::unique_ptr<rocksdb::FSRandomAccessFile>* result,
                             Debug* debug) override;
  Status NewWritableFile(const std::string& path, const rocksdb::FileOptions& options,
                         std::unique_ptr<rocksdb::FSWritableFile>* result,
                         Debug* debug) override;
  Status ReopenWritableFile(const std::string& path, const rocksdb::FileOptions& options,
                            std::unique_ptr<rocksdb::FSWritableFile>* result,
                            Debug* debug) override;
  Status ReuseWritableFile(const std::string& path, const std::string& old_path,
                           const rocksdb::FileOptions& options,
                           std::unique_ptr<rocksdb::FSWritableFile>* result,
                           Debug* debug) override;
  Status NewRandomRWFile(const std::string& path, const rocksdb::FileOptions& options,
                         std::unique_ptr<rocksdb::FSRandomRWFile>* result,
                         Debug* debug) override;
  Status NewMemoryMappedFileBuffer(const std::string&,
                                   std::unique_ptr<rocksdb::MemoryMappedFileBuffer>*) override;
  Status NewDirectory(const std::string& path, const Options& options,
                      std::unique_ptr<rocksdb::FSDirectory>* result, Debug* debug) override;
  Status NewLogger(const std::string& path, const Options& options,
                   std::shared_ptr<rocksdb::Logger>* result, Debug* debug) override;
  Status FileExists(const std::string& path, const Options& options, Debug* debug) override;
  Status GetChildren(const std::string& path, const Options& options,
                     std::vector<std::string>* result, Debug* debug) override;
  Status GetFileSize(const std::string& path, const Options& options, std::uint64_t* size,
                     Debug* debug) override;
  Status NumFileLinks(const std::string& path, const Options& options, std::uint64_t* count,
                      Debug* debug) override;
  Status DeleteFile(const std::string& path, const Options& options, Debug* debug) override;
  Status Truncate(const std::string& path, std::size_t size, const Options& options,
                  Debug* debug) override;
  Status CreateDir(const std::string& path, const Options& options, Debug* debug) override;
  Status CreateDirIfMissing(const std::string& path, const Options& options,
                            Debug* debug) override;
  Status DeleteDir(const std::string& path, const Options& options, Debug* debug) override;
  Status RenameFile(const std::string& from, const std::string& to, const Options& options,
                    Debug* debug) override;
  Status LinkFile(const std::string& from, const std::string& to, const Options& options,
                  Debug* debug) override;
  Status LockFile(const std::string& path, const Options& options, rocksdb::FileLock** result,
                  Debug* debug) override;

 private:
  // Shared by the three ways to open a file for writing.
  using Open = std::function<Status(const std::string& path)>;
  Status open_for_writing(const std::string& path, bool cut, const Open& open,
                          LossyDisk::FilePtr& file);

  mutable std::mutex mutex_;  // also held while something is written
  LossyDisk disk_;
  std::atomic<bool> off_ = false;
  std::atomic<bool> log_sync_failed_ = false;
  std::atomic<std::uint64_t> databases_opened_ = 0;
  std::array<std::uint64_t, kOperations> counts_{};
  std::optional<Fault> fault_;
  std::uint64_t until_fault_ = 0;
  std::uint64_t failed_ = 0;
  std::string last_failure_;
  std::mt19937_64 dice_{1};
  std::chrono::microseconds shortest_sync_{0};
  std::chrono::microseconds sync_limit_{0};
  std::chrono::microseconds longest_sync_seen_{0};
};

}  // namespace farebox::testing
