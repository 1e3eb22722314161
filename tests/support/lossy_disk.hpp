// LossyDisk: what a disk would still hold if the power went off now.
//
// The real directory is the page cache: everything written is there at once. This model
// remembers beside it which octets and which names were never synced, and can rewrite
// the directory to something that a disk could hold instead. Rules of the model:
//
//   - Octets are safe once Sync or Fsync of their file has returned. Of the others each
//     512-octet sector is there or not (then it is what it was before, or zero), or the
//     file ends at any octet behind the safe ones.
//   - Octets whose sync failed stay unsafe, although a later sync of the file succeeds:
//     the kernel has marked their pages clean (PostgreSQL, 2018).
//   - Names (a file made, renamed, deleted, linked, a directory made) are safe once their
//     directory was synced. Of the others a prefix happened: file systems journal them in
//     order, and RocksDB relies on that. Syncing a file doesn't save its name.
//   - A directory's rename or deletion is taken as safe at once.
//
// Every file made here has a second name in "<root>.stash" so that it can come back after
// it was deleted or renamed over. Not thread-safe: FaultyFileSystem has the lock.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace farebox::testing {

// Octets [begin, end) of a file that a loss may take.
struct UnsafeRange {
  std::uint64_t begin = 0;
  std::uint64_t end = 0;
  bool sync_failed = false;
};

class LossyDisk {
 public:
  class File;
  using FilePtr = std::shared_ptr<File>;

  // `root` exists; only what lies under it is modelled.
  explicit LossyDisk(const std::string& root);
  ~LossyDisk();
  LossyDisk(const LossyDisk&) = delete;
  LossyDisk& operator=(const LossyDisk&) = delete;

  // Before the real operation: remembers what it will overwrite.
  FilePtr before_opening(const std::string& path);  // null: it isn't there yet
  // After the real operation succeeded.
  FilePtr opened(const std::string& path, FilePtr before);
  void renamed(const std::string& from, const std::string& to, FilePtr replaced);
  void removed(const std::string& path, FilePtr was);
  void linked(const std::string& from, const std::string& to);
  void made_directory(const std::string& path);
  void removed_directory(const std::string& path);

  // A sync covers what was there when it began.
  std::size_t names_unsafe(const std::string& directory) const;
  void names_synced(const std::string& directory, std::size_t count);

  // Rewrites the directory as a loss of power could leave it; after that all of it is safe.
  void lose(std::mt19937_64& dice);

  bool has(const std::string& path) const;  // lies under the root
  std::string summary() const;              // what is unsafe, for people

 private:
  // One step in a directory's journal: what each name was before it.
  struct Step {
    std::vector<std::pair<std::string, FilePtr>> before;
    std::string directory;  // made by this step
  };

  FilePtr track(const std::string& path);
  void add_step(const std::string& path, Step step);
  void undo(const Step& step);

  const std::string root_;
  const std::string stash_;
  std::uint64_t next_name_ = 0;
  std::map<std::string, FilePtr> files_;             // by path, those we have met
  std::map<std::string, std::vector<Step>> unsafe_;  // by directory, oldest first
};

// One file, whatever its names.
class LossyDisk::File {
 public:
  explicit File(std::string stash_name);
  ~File();
  File(const File&) = delete;
  File& operator=(const File&) = delete;

  // Before octets [offset, offset + size) are written.
  void writing(std::uint64_t offset, std::uint64_t size);
  // Before the file is cut to `size`.
  void truncating(std::uint64_t size);

  // A sync covers what was there when it began: `begin_sync` gives that to the others.
  struct Syncing {
    std::vector<UnsafeRange> ranges;
    std::uint64_t size = 0;
    std::string octets;  // of a file that is overwritten in place
  };
  Syncing begin_sync() const;
  void synced(const Syncing& what);
  void sync_failed(const Syncing& what);

  std::uint64_t size() const;
  const std::vector<UnsafeRange>& unsafe() const { return unsafe_; }
  const std::string& stash_name() const { return stash_name_; }

  void lose(std::mt19937_64& dice);

 private:
  std::string read() const;
  std::string safe_octets(const std::string& now) const;
  void keep_image();

  const std::string stash_name_;
  std::uint64_t safe_size_;
  // The safe octets, kept once the file itself no longer has them all.
  std::optional<std::string> image_;
  std::vector<UnsafeRange> unsafe_;  // sorted, apart
};

}  // namespace farebox::testing
