#include "storage/guarded_files.hpp"

#include <rocksdb/listener.h>

#include <string>

namespace farebox {
namespace {

using Status = rocksdb::IOStatus;
using Options = rocksdb::IOOptions;
using Debug = rocksdb::IODebugContext;
using Failure = std::shared_ptr<DiskFailure>;

Status refuse(const std::string& path) {
  return Status::IOError("the ledger's disk failed before", path);
}

// A log hides its own failure and what comes after it; any other file tells both.
class GuardedFile final : public rocksdb::FSWritableFileOwnerWrapper {
 public:
  GuardedFile(std::unique_ptr<rocksdb::FSWritableFile>&& file, Failure failure, bool is_log)
      : FSWritableFileOwnerWrapper(std::move(file)),
        failure_(std::move(failure)),
        is_log_(is_log) {}

  Status Append(const rocksdb::Slice& octets, const Options& options, Debug* debug) override {
    return guard([&] { return target()->Append(octets, options, debug); });
  }
  Status Append(const rocksdb::Slice& octets, const Options& options,
                const rocksdb::DataVerificationInfo& info, Debug* debug) override {
    return guard([&] { return target()->Append(octets, options, info, debug); });
  }
  Status PositionedAppend(const rocksdb::Slice& octets, std::uint64_t at, const Options& options,
                          Debug* debug) override {
    return guard([&] { return target()->PositionedAppend(octets, at, options, debug); });
  }
  Status PositionedAppend(const rocksdb::Slice& octets, std::uint64_t at, const Options& options,
                          const rocksdb::DataVerificationInfo& info, Debug* debug) override {
    return guard([&] { return target()->PositionedAppend(octets, at, options, info, debug); });
  }
  Status Truncate(std::uint64_t size, const Options& options, Debug* debug) override {
    return guard([&] { return target()->Truncate(size, options, debug); });
  }
  Status Flush(const Options& options, Debug* debug) override {
    return guard([&] { return target()->Flush(options, debug); });
  }
  Status Sync(const Options& options, Debug* debug) override {
    return guard([&] { return target()->Sync(options, debug); });
  }
  Status Fsync(const Options& options, Debug* debug) override {
    return guard([&] { return target()->Fsync(options, debug); });
  }
  Status RangeSync(std::uint64_t from, std::uint64_t size, const Options& options,
                   Debug* debug) override {
    return guard([&] { return target()->RangeSync(from, size, options, debug); });
  }
  Status Close(const Options& options, Debug* debug) override {
    const Status status = target()->Close(options, debug);
    return is_log_ ? hide(status) : status;
  }

 private:
  template <class Operation>
  Status guard(const Operation& operation) {
    if (failure_->struck()) return is_log_ ? Status::OK() : refuse("");
    const Status status = operation();
    return is_log_ ? hide(status) : status;
  }

  Status hide(const Status& status) {
    if (!status.ok()) failure_->strike(status.ToString());
    return Status::OK();
  }

  const Failure failure_;
  const bool is_log_;
};

class GuardedFiles final : public rocksdb::FileSystemWrapper {
 public:
  GuardedFiles(std::shared_ptr<rocksdb::FileSystem> files, Failure failure)
      : FileSystemWrapper(std::move(files)), failure_(std::move(failure)) {}

  static const char* kClassName() { return "FareboxGuardedFiles"; }
  const char* Name() const override { return kClassName(); }

  Status NewWritableFile(const std::string& path, const rocksdb::FileOptions& options,
                         std::unique_ptr<rocksdb::FSWritableFile>* file, Debug* debug) override {
    if (failure_->struck()) return refuse(path);
    return guarded(path, target()->NewWritableFile(path, options, file, debug), file);
  }
  Status ReopenWritableFile(const std::string& path, const rocksdb::FileOptions& options,
                            std::unique_ptr<rocksdb::FSWritableFile>* file,
                            Debug* debug) override {
    if (failure_->struck()) return refuse(path);
    return guarded(path, target()->ReopenWritableFile(path, options, file, debug), file);
  }
  Status DeleteFile(const std::string& path, const Options& options, Debug* debug) override {
    return failure_->struck() ? refuse(path) : target()->DeleteFile(path, options, debug);
  }
  Status Truncate(const std::string& path, std::size_t size, const Options& options,
                  Debug* debug) override {
    return failure_->struck() ? refuse(path) : target()->Truncate(path, size, options, debug);
  }
  Status RenameFile(const std::string& from, const std::string& to, const Options& options,
                    Debug* debug) override {
    return failure_->struck() ? refuse(from) : target()->RenameFile(from, to, options, debug);
  }
  Status LinkFile(const std::string& from, const std::string& to, const Options& options,
                  Debug* debug) override {
    return failure_->struck() ? refuse(from) : target()->LinkFile(from, to, options, debug);
  }

 private:
  Status guarded(const std::string& path, Status status,
                 std::unique_ptr<rocksdb::FSWritableFile>* file) const {
    if (!status.ok()) return status;
    *file = std::make_unique<GuardedFile>(std::move(*file), failure_, path.ends_with(".log"));
    return status;
  }

  const Failure failure_;
};

class FailureListener final : public rocksdb::EventListener {
 public:
  explicit FailureListener(Failure failure) : failure_(std::move(failure)) {}
  void OnBackgroundError(rocksdb::BackgroundErrorReason, rocksdb::Status* status) override {
    failure_->strike(status->ToString());
  }

 private:
  const Failure failure_;
};

}  // namespace

void DiskFailure::strike(const std::string& why) {
  const std::lock_guard lock(mutex_);
  if (struck_) return;
  why_ = why;
  struck_ = true;
}

std::string DiskFailure::why() const {
  const std::lock_guard lock(mutex_);
  return why_;
}

std::shared_ptr<rocksdb::FileSystem> guard_files(std::shared_ptr<rocksdb::FileSystem> files,
                                                 std::shared_ptr<DiskFailure> failure) {
  return std::make_shared<GuardedFiles>(std::move(files), std::move(failure));
}

std::shared_ptr<rocksdb::EventListener> listen_for_failure(std::shared_ptr<DiskFailure> failure) {
  return std::make_shared<FailureListener>(std::move(failure));
}

Result<void> keep_name(rocksdb::FileSystem& disk, const std::string& path) {
  const Options io;
  std::unique_ptr<rocksdb::FSDirectory> parent;
  Status status = disk.NewDirectory(path.substr(0, path.rfind('/')), io, &parent, nullptr);
  if (status.ok()) {
    status = parent->FsyncWithDirOptions(io, nullptr, rocksdb::DirFsyncOptions(path));
  }
  if (!status.ok()) {
    return Error(ErrorCode::io_failed, "can't keep the name of '" + path + "': " + status.ToString());
  }
  return {};
}

}  // namespace farebox
