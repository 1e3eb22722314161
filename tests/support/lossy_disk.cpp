// The model behind FaultyFileSystem: which octets and names are safe, and what a loss
// makes of the others.
#include "tests/support/lossy_disk.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "config/base/check.hpp"

namespace farebox::testing {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kSector = 512;

std::string directory_of(const std::string& path) { return path.substr(0, path.rfind('/')); }

std::uint64_t size_of(const std::string& path) {
  struct stat facts {};
  return ::stat(path.c_str(), &facts) == 0 ? static_cast<std::uint64_t>(facts.st_size) : 0;
}

// Through the inode that is there, so that every name of it sees the octets.
void overwrite(const std::string& path, const std::string& octets) {
  const int file = ::open(path.c_str(), O_WRONLY | O_TRUNC | O_CLOEXEC);
  CHECK(file >= 0);
  std::size_t done = 0;
  while (done < octets.size()) {
    const ssize_t wrote = ::write(file, octets.data() + done, octets.size() - done);
    CHECK(wrote > 0);
    done += static_cast<std::size_t>(wrote);
  }
  ::close(file);
}

// What of `from` lies outside [begin, end).
std::vector<UnsafeRange> without(const std::vector<UnsafeRange>& from, std::uint64_t begin,
                                 std::uint64_t end) {
  std::vector<UnsafeRange> left;
  for (const UnsafeRange& range : from) {
    if (range.end <= begin || range.begin >= end) {
      left.push_back(range);
      continue;
    }
    if (range.begin < begin) left.push_back({range.begin, begin, range.sync_failed});
    if (range.end > end) left.push_back({end, range.end, range.sync_failed});
  }
  return left;
}

void insert(std::vector<UnsafeRange>& into, UnsafeRange added) {
  if (added.begin >= added.end) return;
  // Nearly every write goes on where the last one ended.
  if (!into.empty() && into.back().end == added.begin &&
      into.back().sync_failed == added.sync_failed) {
    into.back().end = added.end;
    return;
  }
  into = without(into, added.begin, added.end);
  into.push_back(added);
  std::sort(into.begin(), into.end(),
            [](const UnsafeRange& a, const UnsafeRange& b) { return a.begin < b.begin; });
}

std::uint64_t up_to(std::mt19937_64& dice, std::uint64_t low, std::uint64_t high) {
  return std::uniform_int_distribution<std::uint64_t>(low, high)(dice);
}

}  // namespace

// ---- One file -------------------------------------------------------------------------

LossyDisk::File::File(std::string stash_name)
    : stash_name_(std::move(stash_name)), safe_size_(size_of(stash_name_)) {}

LossyDisk::File::~File() { ::unlink(stash_name_.c_str()); }

std::uint64_t LossyDisk::File::size() const { return size_of(stash_name_); }

std::string LossyDisk::File::read() const {
  std::ifstream in(stash_name_, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

std::string LossyDisk::File::safe_octets(const std::string& now) const {
  if (image_) return *image_;
  std::string safe = now.substr(0, safe_size_);
  for (const UnsafeRange& range : unsafe_) {
    const std::uint64_t end = std::min<std::uint64_t>(range.end, safe.size());
    for (std::uint64_t i = range.begin; i < end; ++i) safe[i] = '\0';
  }
  return safe;
}

void LossyDisk::File::keep_image() {
  if (!image_) image_ = safe_octets(read());
}

void LossyDisk::File::writing(std::uint64_t offset, std::uint64_t size) {
  if (size == 0) return;
  if (offset < safe_size_) keep_image();
  insert(unsafe_, {offset, offset + size, false});
}

void LossyDisk::File::truncating(std::uint64_t size) {
  const std::uint64_t now = this->size();
  if (size < safe_size_) keep_image();
  unsafe_ = without(unsafe_, size, now);
  // The cut itself may be lost, and with it what it took may come back.
  if (size < safe_size_) insert(unsafe_, {size, safe_size_, false});
}

LossyDisk::File::Syncing LossyDisk::File::begin_sync() const {
  Syncing what{unsafe_, size(), {}};
  if (image_) what.octets = read();
  return what;
}

void LossyDisk::File::synced(const Syncing& what) {
  if (image_) {
    // Octets written since the sync began, and those an earlier sync failed for, are
    // still what they were.
    if (what.octets.empty() && what.size > 0) return;  // the image is younger than the sync
    std::string image = what.octets;
    for (const UnsafeRange& range : what.ranges) {
      if (!range.sync_failed) continue;
      const std::uint64_t end = std::min<std::uint64_t>(range.end, image.size());
      for (std::uint64_t i = range.begin; i < end; ++i) {
        image[i] = i < image_->size() ? (*image_)[i] : '\0';
      }
    }
    image_ = std::move(image);
  }
  safe_size_ = what.size;
  // A write during the sync makes its octets unsafe again, but those merged with what the
  // sync covered; in a file that is only appended to they can't be the same octets.
  for (const UnsafeRange& range : what.ranges) {
    if (!range.sync_failed) unsafe_ = without(unsafe_, range.begin, range.end);
  }
  if (unsafe_.empty()) image_.reset();  // the file has them all again
}

void LossyDisk::File::sync_failed(const Syncing& what) {
  for (const UnsafeRange& range : what.ranges) {
    unsafe_ = without(unsafe_, range.begin, range.end);
    insert(unsafe_, {range.begin, range.end, true});
  }
}

void LossyDisk::File::lose(std::mt19937_64& dice) {
  const std::string now = read();
  const std::string safe = safe_octets(now);
  if (unsafe_.empty() && now == safe) return;
  std::string left;
  switch (up_to(dice, 0, 3)) {
    case 0:  // nothing of it reached the disk
      left = safe;
      break;
    case 1:  // all of it did
      left = now;
      break;
    case 2:  // what was appended ends anywhere
      left = now.size() >= safe.size() && !image_ ? safe + now.substr(safe.size()) : safe;
      if (left.size() > safe.size()) left.resize(up_to(dice, safe.size(), left.size()));
      break;
    default: {  // each sector did or didn't
      left = safe;
      if (now.size() > safe.size()) {
        left.resize(up_to(dice, safe.size(), now.size()), '\0');
      } else if (up_to(dice, 0, 1) == 0) {
        left.resize(now.size());
      }
      // Seldom, often or in half of the cases, so that long gaps and single ones occur.
      const std::uint64_t kept_of_8 = up_to(dice, 0, 2) * 3 + 1;
      for (const UnsafeRange& range : unsafe_) {
        for (std::uint64_t at = range.begin; at < range.end; at = (at / kSector + 1) * kSector) {
          const std::uint64_t end = std::min({range.end, (at / kSector + 1) * kSector,
                                              std::uint64_t{left.size()},
                                              std::uint64_t{now.size()}});
          if (at >= end || up_to(dice, 0, 7) >= kept_of_8) continue;
          left.replace(at, end - at, now, at, end - at);
        }
      }
    }
  }
  if (left != now) overwrite(stash_name_, left);
  safe_size_ = left.size();
  image_.reset();
  unsafe_.clear();
}

// ---- Names ----------------------------------------------------------------------------

LossyDisk::LossyDisk(const std::string& root) : root_(root), stash_(root + ".stash") {
  fs::remove_all(stash_);
  fs::create_directories(stash_);
}

LossyDisk::~LossyDisk() {
  unsafe_.clear();
  files_.clear();
  std::error_code ignored;
  fs::remove_all(stash_, ignored);
}

bool LossyDisk::has(const std::string& path) const { return path.starts_with(root_ + "/"); }

LossyDisk::FilePtr LossyDisk::track(const std::string& path) {
  if (!has(path)) return nullptr;
  const auto known = files_.find(path);
  if (known != files_.end()) return known->second;
  if (!fs::is_regular_file(path)) return nullptr;
  const std::string name = stash_ + "/" + std::to_string(++next_name_);
  CHECK(::link(path.c_str(), name.c_str()) == 0);
  return files_[path] = std::make_shared<File>(name);
}

void LossyDisk::add_step(const std::string& path, Step step) {
  unsafe_[directory_of(path)].push_back(std::move(step));
}

LossyDisk::FilePtr LossyDisk::before_opening(const std::string& path) { return track(path); }

LossyDisk::FilePtr LossyDisk::opened(const std::string& path, FilePtr before) {
  if (before || !has(path)) return before;
  add_step(path, {{{path, nullptr}}, {}});
  return track(path);
}

void LossyDisk::renamed(const std::string& from, const std::string& to, FilePtr replaced) {
  const auto moved = files_.find(from);
  if (moved == files_.end()) {
    // A directory: what we know of its files goes with it.
    std::map<std::string, FilePtr> inside;
    for (auto file = files_.begin(); file != files_.end();) {
      if (!file->first.starts_with(from + "/")) {
        ++file;
        continue;
      }
      inside[to + file->first.substr(from.size())] = file->second;
      file = files_.erase(file);
    }
    files_.merge(inside);
    return;
  }
  const FilePtr file = moved->second;
  files_.erase(moved);
  files_[to] = file;
  add_step(to, {{{from, file}, {to, std::move(replaced)}}, {}});
}

void LossyDisk::removed(const std::string& path, FilePtr was) {
  files_.erase(path);
  if (was) add_step(path, {{{path, std::move(was)}}, {}});
}

void LossyDisk::linked(const std::string& from, const std::string& to) {
  const FilePtr file = track(from);
  if (!file || !has(to)) return;
  files_[to] = file;
  add_step(to, {{{to, nullptr}}, {}});
}

void LossyDisk::made_directory(const std::string& path) {
  if (has(path)) add_step(path, {{}, path});
}

void LossyDisk::removed_directory(const std::string& path) { unsafe_.erase(path); }

std::size_t LossyDisk::names_unsafe(const std::string& directory) const {
  const auto found = unsafe_.find(directory);
  return found == unsafe_.end() ? 0 : found->second.size();
}

void LossyDisk::names_synced(const std::string& directory, std::size_t count) {
  const auto found = unsafe_.find(directory);
  if (found == unsafe_.end()) return;
  std::vector<Step>& steps = found->second;
  const auto safe = static_cast<std::ptrdiff_t>(std::min(count, steps.size()));
  steps.erase(steps.begin(), steps.begin() + safe);
}

void LossyDisk::undo(const Step& step) {
  if (!step.directory.empty()) {
    fs::remove_all(step.directory);
    std::erase_if(unsafe_, [&](const auto& directory) {
      return directory.first == step.directory ||
             directory.first.starts_with(step.directory + "/");
    });
  }
  for (const auto& [path, file] : step.before) {
    ::unlink(path.c_str());
    files_.erase(path);
    if (!file) continue;
    CHECK(::link(file->stash_name().c_str(), path.c_str()) == 0);
    files_[path] = file;
  }
}

void LossyDisk::lose(std::mt19937_64& dice) {
  // Parents first: a directory that never was takes everything in it along.
  std::vector<std::string> directories;
  for (const auto& [directory, steps] : unsafe_) directories.push_back(directory);
  for (const std::string& directory : directories) {
    const auto found = unsafe_.find(directory);
    if (found == unsafe_.end()) continue;
    std::vector<Step> steps = std::move(found->second);
    // All of it happened, or none, or anything between.
    const std::uint64_t kind = up_to(dice, 0, 3);
    const std::size_t happened = kind == 0   ? 0
                                 : kind == 1 ? steps.size()
                                             : up_to(dice, 0, steps.size());
    while (steps.size() > happened) {
      undo(steps.back());
      steps.pop_back();
    }
  }
  unsafe_.clear();
  for (const auto& [path, file] : files_) {
    if (fs::exists(path)) file->lose(dice);
  }
  files_.clear();
}

std::string LossyDisk::summary() const {
  std::string text;
  for (const auto& [directory, steps] : unsafe_) {
    if (!steps.empty()) text += directory + ": " + std::to_string(steps.size()) + " names\n";
  }
  for (const auto& [path, file] : files_) {
    for (const UnsafeRange& range : file->unsafe()) {
      text += path + ": " + std::to_string(range.begin) + " to " + std::to_string(range.end) +
              (range.sync_failed ? ", sync failed\n" : "\n");
    }
  }
  return text;
}

}  // namespace farebox::testing
