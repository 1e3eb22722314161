// SyncedSlots: the second place that knows how far the ledger is on the disk.
//
// RocksDB doesn't know how much of its live log was synced, and opens without a word
// when the tail is gone. So after each sync one of two slots of a preallocated file gets
// the mark, in turn: one write, one fdatasync. A torn slot has a broken checksum and
// the other one still stands. `write` is thread-safe; an older mark than the last is skipped.
//
//   file := slot at 0, slot at 4096; slot := entry (entry.hpp, key "synced") of
//           generation:8 mark, behind its size:2
#pragma once

#include <memory>
#include <mutex>
#include <string>

#include "config/base/result.hpp"
#include "storage/ledger_state.hpp"

namespace rocksdb {
class FileSystem;
class FSRandomRWFile;
}  // namespace rocksdb

namespace farebox {

class SyncedSlots {
 public:
  struct Read {
    bool exists = false;    // the file is there
    bool readable = false;  // at least one slot is whole
    bool newer = false;     // one is of a later version
    std::uint64_t generation = 0;
    SyncedMark mark;
  };
  static Result<Read> read(rocksdb::FileSystem& files, const std::string& path);

  // Opens the file for writing, making it if need be.
  static Result<std::unique_ptr<SyncedSlots>> open(rocksdb::FileSystem& files,
                                                   const std::string& path);
  ~SyncedSlots();

  // On the disk when it returns. After an error nothing more may be written: open again.
  Result<void> write(const SyncedMark& mark);

 private:
  SyncedSlots(std::unique_ptr<rocksdb::FSRandomRWFile> file, std::uint64_t generation);

  std::unique_ptr<rocksdb::FSRandomRWFile> file_;
  std::mutex mutex_;
  std::uint64_t generation_;
  std::uint64_t newest_ = 0;  // batch
};

}  // namespace farebox
