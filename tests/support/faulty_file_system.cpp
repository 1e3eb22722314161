// The wrapped files and the file system itself: each changing operation first asks whether
// it may happen, then happens under the lock together with its entry in the model.
#include "tests/support/faulty_file_system.hpp"

#include <filesystem>
#include <thread>

namespace farebox::testing {
namespace {

using rocksdb::IODebugContext;
using rocksdb::IOOptions;
using rocksdb::IOStatus;
using rocksdb::Slice;

std::string tidy(const std::string& path) {
  std::string text = std::filesystem::path(path).lexically_normal().string();
  if (text.size() > 1 && text.ends_with('/')) text.pop_back();
  return text;
}

// Files written in one go from front to back share this with those written in place.
IOStatus sync_file(FaultyFileSystem& system, const std::string& path, LossyDisk::File* file) {
  bool half = false;
  std::unique_lock lock = system.lock();
  LossyDisk::File::Syncing what;
  if (file) what = file->begin_sync();
  lock.unlock();
  const auto start = std::chrono::steady_clock::now();
  const auto time = system.next_sync_time();
  if (time.count() > 0) std::this_thread::sleep_for(time);
  lock.lock();
  const IOStatus status = system.allowed(Operation::sync, path, &half);
  if (file && !system.is_off()) {
    if (status.ok()) {
      file->synced(what);
    } else {
      file->sync_failed(what);
    }
  }
  lock.unlock();
  system.sync_took(std::chrono::duration_cast<std::chrono::microseconds>(
      std::chrono::steady_clock::now() - start));
  return status;
}

class WritableFile final : public rocksdb::FSWritableFileOwnerWrapper {
 public:
  WritableFile(std::unique_ptr<rocksdb::FSWritableFile> target, FaultyFileSystem& system,
               std::string path, LossyDisk::FilePtr file)
      : FSWritableFileOwnerWrapper(std::move(target)),
        system_(system),
        path_(std::move(path)),
        file_(std::move(file)) {}

  IOStatus Append(const Slice& data, const IOOptions& options, IODebugContext* debug) override {
    const auto lock = system_.lock();
    bool half = false;
    const IOStatus status = system_.allowed(Operation::append, path_, &half);
    if (!status.ok() && !half) return status;
    const Slice part(data.data(), half ? data.size() / 2 : data.size());
    if (file_) file_->writing(file_->size(), part.size());
    const IOStatus wrote = target()->Append(part, options, debug);
    return status.ok() ? wrote : status;
  }
  IOStatus Append(const Slice& data, const IOOptions& options,
                  const rocksdb::DataVerificationInfo&, IODebugContext* debug) override {
    return Append(data, options, debug);
  }
  IOStatus PositionedAppend(const Slice&, std::uint64_t, const IOOptions&,
                            IODebugContext*) override {
    return IOStatus::NotSupported("only for direct I/O, which isn't modelled");
  }
  IOStatus PositionedAppend(const Slice& data, std::uint64_t offset, const IOOptions& options,
                            const rocksdb::DataVerificationInfo&,
                            IODebugContext* debug) override {
    return PositionedAppend(data, offset, options, debug);
  }
  IOStatus Truncate(std::uint64_t size, const IOOptions& options, IODebugContext* debug) override {
    const auto lock = system_.lock();
    const IOStatus status = system_.allowed(Operation::truncate, path_);
    if (!status.ok()) return status;
    if (file_) file_->truncating(size);
    return target()->Truncate(size, options, debug);
  }
  // The real file cuts off what it allocated beyond its end; the octets stay as they are.
  IOStatus Close(const IOOptions& options, IODebugContext* debug) override {
    const IOStatus closed = target()->Close(options, debug);
    const IOStatus status = system_.powered();
    return status.ok() ? closed : status;
  }
  IOStatus Flush(const IOOptions& options, IODebugContext* debug) override {
    const IOStatus status = system_.powered();
    return status.ok() ? target()->Flush(options, debug) : status;
  }
  IOStatus Sync(const IOOptions&, IODebugContext*) override {
    return sync_file(system_, path_, file_.get());
  }
  IOStatus Fsync(const IOOptions&, IODebugContext*) override {
    return sync_file(system_, path_, file_.get());
  }
  // A hint to write early; promises nothing.
  IOStatus RangeSync(std::uint64_t, std::uint64_t, const IOOptions&, IODebugContext*) override {
    return system_.powered();
  }
  void PrepareWrite(std::size_t offset, std::size_t size, const IOOptions& options,
                    IODebugContext* debug) override {
    const auto lock = system_.lock();
    if (system_.allowed(Operation::allocate, path_).ok()) {
      target()->PrepareWrite(offset, size, options, debug);
    }
  }
  IOStatus Allocate(std::uint64_t offset, std::uint64_t size, const IOOptions& options,
                    IODebugContext* debug) override {
    const auto lock = system_.lock();
    const IOStatus status = system_.allowed(Operation::allocate, path_);
    return status.ok() ? target()->Allocate(offset, size, options, debug) : status;
  }

 private:
  FaultyFileSystem& system_;
  const std::string path_;
  const LossyDisk::FilePtr file_;
};

class InPlaceFile final : public rocksdb::FSRandomRWFileOwnerWrapper {
 public:
  InPlaceFile(std::unique_ptr<rocksdb::FSRandomRWFile> target, FaultyFileSystem& system,
              std::string path, LossyDisk::FilePtr file)
      : FSRandomRWFileOwnerWrapper(std::move(target)),
        system_(system),
        path_(std::move(path)),
        file_(std::move(file)) {}

  IOStatus Write(std::uint64_t offset, const Slice& data, const IOOptions& options,
                 IODebugContext* debug) override {
    const auto lock = system_.lock();
    bool half = false;
    const IOStatus status = system_.allowed(Operation::append, path_, &half);
    if (!status.ok() && !half) return status;
    const Slice part(data.data(), half ? data.size() / 2 : data.size());
    if (file_) file_->writing(offset, part.size());
    const IOStatus wrote = target()->Write(offset, part, options, debug);
    return status.ok() ? wrote : status;
  }
  IOStatus Read(std::uint64_t offset, std::size_t size, const IOOptions& options, Slice* result,
                char* scratch, IODebugContext* debug) const override {
    const IOStatus status = system_.powered();
    return status.ok() ? target()->Read(offset, size, options, result, scratch, debug) : status;
  }
  IOStatus Flush(const IOOptions& options, IODebugContext* debug) override {
    const IOStatus status = system_.powered();
    return status.ok() ? target()->Flush(options, debug) : status;
  }
  IOStatus Sync(const IOOptions&, IODebugContext*) override {
    return sync_file(system_, path_, file_.get());
  }
  IOStatus Fsync(const IOOptions&, IODebugContext*) override {
    return sync_file(system_, path_, file_.get());
  }

 private:
  FaultyFileSystem& system_;
  const std::string path_;
  const LossyDisk::FilePtr file_;
};

class Directory final : public rocksdb::FSDirectoryWrapper {
 public:
  Directory(std::unique_ptr<rocksdb::FSDirectory> target, FaultyFileSystem& system,
            std::string path)
      : FSDirectoryWrapper(std::move(target)), system_(system), path_(std::move(path)) {}

  IOStatus Fsync(const IOOptions&, IODebugContext*) override {
    std::unique_lock lock = system_.lock();
    const std::size_t names = system_.disk().names_unsafe(path_);
    lock.unlock();
    const auto time = system_.next_sync_time();
    if (time.count() > 0) std::this_thread::sleep_for(time);
    lock.lock();
    const IOStatus status = system_.allowed(Operation::directory_sync, path_);
    if (status.ok()) system_.disk().names_synced(path_, names);
    return status;
  }
  IOStatus FsyncWithDirOptions(const IOOptions& options, IODebugContext* debug,
                               const rocksdb::DirFsyncOptions&) override {
    return Fsync(options, debug);
  }

 private:
  FaultyFileSystem& system_;
  const std::string path_;
};

}  // namespace

// ---- Opening --------------------------------------------------------------------------

IOStatus FaultyFileSystem::open_for_writing(const std::string& path, bool cut, const Open& open,
                                            LossyDisk::FilePtr& file) {
  const auto held = lock();
  const IOStatus status = allowed(Operation::create, path);
  if (!status.ok()) return status;
  LossyDisk::FilePtr before = disk_.before_opening(path);
  if (before && cut) before->truncating(0);
  const IOStatus opened = open(path);
  if (opened.ok()) file = disk_.opened(path, std::move(before));
  return opened;
}

IOStatus FaultyFileSystem::NewWritableFile(const std::string& path,
                                           const rocksdb::FileOptions& options,
                                           std::unique_ptr<rocksdb::FSWritableFile>* result,
                                           Debug* debug) {
  LossyDisk::FilePtr file;
  std::unique_ptr<rocksdb::FSWritableFile> target;
  const IOStatus status = open_for_writing(
      tidy(path), true,
      [&](const std::string& at) { return target_->NewWritableFile(at, options, &target, debug); },
      file);
  if (status.ok()) {
    *result = std::make_unique<WritableFile>(std::move(target), *this, tidy(path), std::move(file));
  }
  return status;
}

IOStatus FaultyFileSystem::ReopenWritableFile(const std::string& path,
                                              const rocksdb::FileOptions& options,
                                              std::unique_ptr<rocksdb::FSWritableFile>* result,
                                              Debug* debug) {
  LossyDisk::FilePtr file;
  std::unique_ptr<rocksdb::FSWritableFile> target;
  const IOStatus status = open_for_writing(
      tidy(path), false,
      [&](const std::string& at) {
        return target_->ReopenWritableFile(at, options, &target, debug);
      },
      file);
  if (status.ok()) {
    *result = std::make_unique<WritableFile>(std::move(target), *this, tidy(path), std::move(file));
  }
  return status;
}

IOStatus FaultyFileSystem::NewRandomRWFile(const std::string& path,
                                           const rocksdb::FileOptions& options,
                                           std::unique_ptr<rocksdb::FSRandomRWFile>* result,
                                           Debug* debug) {
  LossyDisk::FilePtr file;
  std::unique_ptr<rocksdb::FSRandomRWFile> target;
  const IOStatus status = open_for_writing(
      tidy(path), false,
      [&](const std::string& at) { return target_->NewRandomRWFile(at, options, &target, debug); },
      file);
  if (status.ok()) {
    *result = std::make_unique<InPlaceFile>(std::move(target), *this, tidy(path), std::move(file));
  }
  return status;
}

IOStatus FaultyFileSystem::NewDirectory(const std::string& path, const Options& options,
                                        std::unique_ptr<rocksdb::FSDirectory>* result,
                                        Debug* debug) {
  IOStatus status = powered();
  if (!status.ok()) return status;
  std::unique_ptr<rocksdb::FSDirectory> target;
  status = target_->NewDirectory(path, options, &target, debug);
  if (status.ok()) *result = std::make_unique<Directory>(std::move(target), *this, tidy(path));
  return status;
}

// ---- Names ----------------------------------------------------------------------------

IOStatus FaultyFileSystem::DeleteFile(const std::string& path, const Options& options,
                                      Debug* debug) {
  const auto held = lock();
  IOStatus status = allowed(Operation::remove, tidy(path));
  if (!status.ok()) return status;
  LossyDisk::FilePtr was = disk_.before_opening(tidy(path));
  status = target_->DeleteFile(path, options, debug);
  if (status.ok()) disk_.removed(tidy(path), std::move(was));
  return status;
}

IOStatus FaultyFileSystem::RenameFile(const std::string& from, const std::string& to,
                                      const Options& options, Debug* debug) {
  const auto held = lock();
  IOStatus status = allowed(Operation::rename, tidy(to));
  if (!status.ok()) return status;
  disk_.before_opening(tidy(from));
  LossyDisk::FilePtr replaced = disk_.before_opening(tidy(to));
  status = target_->RenameFile(from, to, options, debug);
  if (status.ok()) disk_.renamed(tidy(from), tidy(to), std::move(replaced));
  return status;
}

IOStatus FaultyFileSystem::LinkFile(const std::string& from, const std::string& to,
                                    const Options& options, Debug* debug) {
  const auto held = lock();
  IOStatus status = allowed(Operation::create, tidy(to));
  if (!status.ok()) return status;
  status = target_->LinkFile(from, to, options, debug);
  if (status.ok()) disk_.linked(tidy(from), tidy(to));
  return status;
}

IOStatus FaultyFileSystem::Truncate(const std::string& path, std::size_t size,
                                    const Options& options, Debug* debug) {
  const auto held = lock();
  const IOStatus status = allowed(Operation::truncate, tidy(path));
  if (!status.ok()) return status;
  const LossyDisk::FilePtr file = disk_.before_opening(tidy(path));
  if (file) file->truncating(size);
  return target_->Truncate(path, size, options, debug);
}

IOStatus FaultyFileSystem::CreateDir(const std::string& path, const Options& options,
                                     Debug* debug) {
  const auto held = lock();
  IOStatus status = allowed(Operation::create, tidy(path));
  if (!status.ok()) return status;
  status = target_->CreateDir(path, options, debug);
  if (status.ok()) disk_.made_directory(tidy(path));
  return status;
}

IOStatus FaultyFileSystem::CreateDirIfMissing(const std::string& path, const Options& options,
                                              Debug* debug) {
  const auto held = lock();
  IOStatus status = powered();
  if (!status.ok() || std::filesystem::is_directory(path)) return status;
  status = allowed(Operation::create, tidy(path));
  if (!status.ok()) return status;
  status = target_->CreateDirIfMissing(path, options, debug);
  if (status.ok()) disk_.made_directory(tidy(path));
  return status;
}

IOStatus FaultyFileSystem::DeleteDir(const std::string& path, const Options& options,
                                     Debug* debug) {
  const auto held = lock();
  IOStatus status = allowed(Operation::remove, tidy(path));
  if (!status.ok()) return status;
  status = target_->DeleteDir(path, options, debug);
  if (status.ok()) disk_.removed_directory(tidy(path));
  return status;
}

}  // namespace farebox::testing
