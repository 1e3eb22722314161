#include "storage/synced_slots.hpp"

#include <rocksdb/file_system.h>

#include "storage/entry.hpp"
#include "storage/octets.hpp"

namespace farebox {
namespace {

constexpr std::uint64_t kSlotDistance = 4096;  // never in one sector, nor in one page
constexpr std::size_t kSlotSize = 512;
constexpr std::string_view kKey = "synced";

Error failed(std::string_view what, const std::string& path, const rocksdb::IOStatus& status) {
  return Error(ErrorCode::io_failed, std::string("can't ") + std::string(what) + " '" + path +
                                         "': " + status.ToString());
}

std::string make_slot(std::uint64_t generation, const SyncedMark& mark) {
  std::string payload, sealed, slot;
  OctetWriter(payload).fixed64(generation);
  mark.encode(payload);
  seal(sealed, kKey, payload);
  OctetWriter put(slot);
  put.octet(static_cast<std::uint8_t>(sealed.size() >> 8));
  put.octet(static_cast<std::uint8_t>(sealed.size()));
  put.raw(sealed);
  CHECK(slot.size() <= kSlotSize);
  slot.resize(kSlotSize, '\0');
  return slot;
}

Seal read_slot(std::string_view slot, std::uint64_t& generation, SyncedMark& mark) {
  OctetReader in(slot);
  const std::uint64_t high = in.octet();
  const std::uint64_t size = high << 8 | in.octet();
  std::string_view payload;
  if (const Seal seal = open_sealed(kKey, in.raw(size), payload); seal != Seal::good) return seal;
  OctetReader fields(payload);
  generation = fields.fixed64();
  const auto read = SyncedMark::decode(fields.rest());
  if (!read) return Seal::broken;
  mark = *read;
  return Seal::good;
}

}  // namespace

SyncedSlots::SyncedSlots(std::unique_ptr<rocksdb::FSRandomRWFile> file, std::uint64_t generation)
    : file_(std::move(file)), generation_(generation) {}

SyncedSlots::~SyncedSlots() { file_->Close(rocksdb::IOOptions(), nullptr); }

Result<SyncedSlots::Read> SyncedSlots::read(rocksdb::FileSystem& files, const std::string& path) {
  Read result;
  const rocksdb::IOStatus found = files.FileExists(path, rocksdb::IOOptions(), nullptr);
  if (found.IsNotFound()) return result;
  if (!found.ok()) return failed("look at", path, found);
  result.exists = true;
  std::unique_ptr<rocksdb::FSRandomAccessFile> file;
  const rocksdb::IOStatus opened =
      files.NewRandomAccessFile(path, rocksdb::FileOptions(), &file, nullptr);
  if (!opened.ok()) return failed("open", path, opened);
  for (std::uint64_t slot = 0; slot < 2; ++slot) {
    char scratch[kSlotSize];
    rocksdb::Slice octets;
    const rocksdb::IOStatus status = file->Read(slot * kSlotDistance, kSlotSize,
                                                rocksdb::IOOptions(), &octets, scratch, nullptr);
    if (!status.ok()) return failed("read", path, status);
    std::uint64_t generation = 0;
    SyncedMark mark;
    const Seal seal = read_slot({octets.data(), octets.size()}, generation, mark);
    result.newer = result.newer || seal == Seal::newer;
    if (seal != Seal::good) continue;
    if (result.readable && generation < result.generation) continue;
    result.readable = true;
    result.generation = generation;
    result.mark = mark;
  }
  return result;
}

Result<std::unique_ptr<SyncedSlots>> SyncedSlots::open(rocksdb::FileSystem& files,
                                                       const std::string& path) {
  const auto before = read(files, path);
  if (!before) return before.error();
  if (!before->exists) {
    // Made under another name and whole before it gets its own.
    const std::string fresh = path + ".new";
    std::unique_ptr<rocksdb::FSWritableFile> file;
    const rocksdb::IOOptions io;
    rocksdb::IOStatus status = files.NewWritableFile(fresh, rocksdb::FileOptions(), &file, nullptr);
    std::string octets = make_slot(0, {});
    octets.resize(kSlotDistance, '\0');
    octets += make_slot(0, {});
    if (status.ok()) status = file->Append(octets, io, nullptr);
    if (status.ok()) status = file->Fsync(io, nullptr);
    if (status.ok()) status = file->Close(io, nullptr);
    if (status.ok()) status = files.RenameFile(fresh, path, io, nullptr);
    std::unique_ptr<rocksdb::FSDirectory> directory;
    const std::string parent = path.substr(0, path.rfind('/'));
    if (status.ok()) status = files.NewDirectory(parent, io, &directory, nullptr);
    if (status.ok()) {
      status = directory->FsyncWithDirOptions(io, nullptr, rocksdb::DirFsyncOptions(path));
    }
    if (!status.ok()) return failed("make", path, status);
  }
  std::unique_ptr<rocksdb::FSRandomRWFile> file;
  const rocksdb::IOStatus status =
      files.NewRandomRWFile(path, rocksdb::FileOptions(), &file, nullptr);
  if (!status.ok()) return failed("open", path, status);
  return std::unique_ptr<SyncedSlots>(new SyncedSlots(std::move(file), before->generation));
}

Result<void> SyncedSlots::write(const SyncedMark& mark) {
  const std::lock_guard lock(mutex_);
  if (mark.batch < newest_) return {};
  const std::string slot = make_slot(generation_ + 1, mark);
  const rocksdb::IOOptions io;
  rocksdb::IOStatus status =
      file_->Write((generation_ + 1) % 2 * kSlotDistance, slot, io, nullptr);
  if (status.ok()) status = file_->Sync(io, nullptr);
  if (!status.ok()) {
    return Error(ErrorCode::io_failed, "can't write the synced mark: " + status.ToString());
  }
  ++generation_;
  newest_ = mark.batch;
  return {};
}

}  // namespace farebox
