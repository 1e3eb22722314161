// The commands to a FaultyFileSystem, what it counts, and the operations that only read.
#include <algorithm>
#include <filesystem>

#include "tests/support/faulty_file_system.hpp"

namespace farebox::testing {

using rocksdb::IOStatus;

std::string_view name_of(Operation operation) {
  switch (operation) {
    case Operation::append: return "append";
    case Operation::sync: return "sync";
    case Operation::rename: return "rename";
    case Operation::create: return "create";
    case Operation::directory_sync: return "directory sync";
    case Operation::allocate: return "allocate";
    case Operation::truncate: return "truncate";
    case Operation::remove: return "remove";
  }
  return "?";
}

std::string_view name_of(Failure failure) {
  switch (failure) {
    case Failure::io_error: return "EIO";
    case Failure::no_space: return "ENOSPC";
    case Failure::short_write: return "short write";
  }
  return "?";
}

FaultyFileSystem::FaultyFileSystem(const std::string& root)
    : FileSystemWrapper(rocksdb::FileSystem::Default()), disk_(root) {}

void FaultyFileSystem::power_off() {
  const std::lock_guard held(mutex_);
  off_ = true;
}

void FaultyFileSystem::apply_loss(std::uint64_t seed) {
  const std::lock_guard held(mutex_);
  std::mt19937_64 dice(seed);
  disk_.lose(dice);
  fault_.reset();
  log_sync_failed_ = false;
  off_ = false;
}

void FaultyFileSystem::arm(const Fault& fault) {
  const std::lock_guard held(mutex_);
  fault_ = fault;
  until_fault_ = fault.after;
}

void FaultyFileSystem::heal() {
  const std::lock_guard held(mutex_);
  fault_.reset();
}

bool FaultyFileSystem::is_failing() const {
  const std::lock_guard held(mutex_);
  return fault_ && until_fault_ <= 1 && failed_ != 0;
}

std::uint64_t FaultyFileSystem::count() const {
  const std::lock_guard held(mutex_);
  std::uint64_t sum = 0;
  for (const std::uint64_t count : counts_) sum += count;
  return sum;
}

std::uint64_t FaultyFileSystem::count(Operation operation) const {
  const std::lock_guard held(mutex_);
  return counts_[static_cast<std::size_t>(operation)];
}

std::uint64_t FaultyFileSystem::failed() const {
  const std::lock_guard held(mutex_);
  return failed_;
}

std::string FaultyFileSystem::last_failure() const {
  const std::lock_guard held(mutex_);
  return last_failure_;
}

std::string FaultyFileSystem::unsafe() const {
  const std::lock_guard held(mutex_);
  return disk_.summary();
}

void FaultyFileSystem::set_sync_time(std::chrono::microseconds shortest,
                                     std::chrono::microseconds longest) {
  const std::lock_guard held(mutex_);
  shortest_sync_ = shortest;
  sync_limit_ = longest;
}

std::chrono::microseconds FaultyFileSystem::next_sync_time() {
  const std::lock_guard held(mutex_);
  std::uniform_int_distribution<std::int64_t> range(shortest_sync_.count(), sync_limit_.count());
  return std::chrono::microseconds(range(dice_));
}

void FaultyFileSystem::sync_took(std::chrono::microseconds time) {
  const std::lock_guard held(mutex_);
  longest_sync_seen_ = std::max(longest_sync_seen_, time);
}

std::chrono::microseconds FaultyFileSystem::longest_sync() const {
  const std::lock_guard held(mutex_);
  return longest_sync_seen_;
}

// Called under the lock.
IOStatus FaultyFileSystem::allowed(Operation operation, const std::string& path, bool* half) {
  if (off_) return IOStatus::IOError("the power is off");
  if (!disk_.has(path) && !disk_.has(path + "/")) return IOStatus::OK();
  ++counts_[static_cast<std::size_t>(operation)];
  if (!fault_ || (fault_->only && *fault_->only != operation)) return IOStatus::OK();
  if (until_fault_ > 1) {
    --until_fault_;
    return IOStatus::OK();
  }
  const Failure failure = fault_->failure;
  if (fault_->times != Fault::kUntilHealed && --fault_->times == 0) fault_.reset();
  ++failed_;
  last_failure_ = std::string(name_of(operation)) + " " + path;
  if (operation == Operation::sync && path.ends_with(".log")) log_sync_failed_ = true;
  if (failure == Failure::no_space) return IOStatus::NoSpace("injected");
  if (failure == Failure::short_write && half != nullptr) *half = true;
  return IOStatus::IOError("injected");
}

IOStatus FaultyFileSystem::powered() const {
  return off_ ? IOStatus::IOError("the power is off") : IOStatus::OK();
}

// ---- Reading --------------------------------------------------------------------------

IOStatus FaultyFileSystem::NewSequentialFile(const std::string& path,
                                             const rocksdb::FileOptions& options,
                                             std::unique_ptr<rocksdb::FSSequentialFile>* result,
                                             Debug* debug) {
  if (off_) return powered();
  // Whoever opens a database reads its manifest.
  if (path.find("/MANIFEST-") != std::string::npos) {
    log_sync_failed_ = false;
    ++databases_opened_;
  }
  return target_->NewSequentialFile(path, options, result, debug);
}

IOStatus FaultyFileSystem::NewRandomAccessFile(
    const std::string& path, const rocksdb::FileOptions& options,
    std::unique_ptr<rocksdb::FSRandomAccessFile>* result, Debug* debug) {
  return off_ ? powered() : target_->NewRandomAccessFile(path, options, result, debug);
}

// Renames and opens: both count, as both can fail.
IOStatus FaultyFileSystem::ReuseWritableFile(const std::string& path, const std::string& old_path,
                                             const rocksdb::FileOptions& options,
                                             std::unique_ptr<rocksdb::FSWritableFile>* result,
                                             Debug* debug) {
  const IOStatus status = RenameFile(old_path, path, options.io_options, debug);
  return status.ok() ? NewWritableFile(path, options, result, debug) : status;
}

IOStatus FaultyFileSystem::NewMemoryMappedFileBuffer(
    const std::string&, std::unique_ptr<rocksdb::MemoryMappedFileBuffer>*) {
  return IOStatus::NotSupported("mapped files aren't modelled");
}

// RocksDB's own log isn't modelled: nobody reads it.
IOStatus FaultyFileSystem::NewLogger(const std::string& path, const Options& options,
                                     std::shared_ptr<rocksdb::Logger>* result, Debug* debug) {
  return off_ ? powered() : target_->NewLogger(path, options, result, debug);
}

IOStatus FaultyFileSystem::FileExists(const std::string& path, const Options& options,
                                      Debug* debug) {
  return off_ ? powered() : target_->FileExists(path, options, debug);
}

IOStatus FaultyFileSystem::GetChildren(const std::string& path, const Options& options,
                                       std::vector<std::string>* result, Debug* debug) {
  return off_ ? powered() : target_->GetChildren(path, options, result, debug);
}

IOStatus FaultyFileSystem::GetFileSize(const std::string& path, const Options& options,
                                       std::uint64_t* size, Debug* debug) {
  return off_ ? powered() : target_->GetFileSize(path, options, size, debug);
}

// The second name in the stash is nobody's business.
IOStatus FaultyFileSystem::NumFileLinks(const std::string& path, const Options& options,
                                        std::uint64_t* count, Debug* debug) {
  const std::lock_guard held(mutex_);
  if (off_) return powered();
  const std::string tidy = std::filesystem::path(path).lexically_normal().string();
  disk_.before_opening(tidy);
  const IOStatus status = target_->NumFileLinks(path, options, count, debug);
  if (status.ok() && disk_.has(tidy)) --*count;
  return status;
}

IOStatus FaultyFileSystem::LockFile(const std::string& path, const Options& options,
                                    rocksdb::FileLock** result, Debug* debug) {
  return off_ ? powered() : target_->LockFile(path, options, result, debug);
}

}  // namespace farebox::testing
