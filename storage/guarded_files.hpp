// GuardedFiles: the file system under a RocksStore, so that a failing disk can't abort us.
//
// RocksDB 7.8.3 asserts (and Debian builds it with asserts on) that nobody touches a log
// whose write or sync failed, yet its flush threads sync the same logs as we do, one waiting
// for the other. So no log tells RocksDB of a failure: it marks the failure, says
// that all is well, and writes nothing more. From then on whatever else would change the disk fails, so
// that nothing RocksDB does in good faith reaches it: no table, no manifest, no deletion.
// Who writes looks at the mark after RocksDB has said ok, and gives the store up.
#pragma once

#include <rocksdb/file_system.h>

#include <atomic>
#include <memory>
#include <mutex>
#include <string>

#include "config/base/result.hpp"

namespace rocksdb {
class EventListener;
}  // namespace rocksdb

namespace farebox {

// That a store's disk failed, and why it did first. Thread-safe.
class DiskFailure {
 public:
  bool struck() const { return struck_.load(); }
  void strike(const std::string& why);
  std::string why() const;

 private:
  std::atomic<bool> struck_ = false;
  mutable std::mutex mutex_;
  std::string why_;
};

// Thread-safe. `failure` is struck before the operation that failed returns.
std::shared_ptr<rocksdb::FileSystem> guard_files(std::shared_ptr<rocksdb::FileSystem> files,
                                                 std::shared_ptr<DiskFailure> failure);

// Strikes `failure` when RocksDB's own threads can't write.
std::shared_ptr<rocksdb::EventListener> listen_for_failure(std::shared_ptr<DiskFailure> failure);

// RocksDB syncs its own directory, but not the one that has its name: this does.
// Error: io_failed.
Result<void> keep_name(rocksdb::FileSystem& disk, const std::string& path);

}  // namespace farebox
