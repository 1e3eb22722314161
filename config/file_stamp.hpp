// FileStamp: which content a path led to, as far as the file system tells without reading.
//
// Links are followed, so a swap of the directory behind a link (as Kubernetes does with
// secrets) is another stamp. Equal stamps: nothing to read again.
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <string>

namespace farebox {

struct FileStamp {
  bool operator==(const FileStamp&) const = default;

  std::uint64_t device = 0, inode = 0, size = 0;  // all 0: there is no such file
  std::int64_t modified_s = 0, modified_ns = 0;

  static FileStamp of(const std::string& path) {
    struct stat status {};
    if (path.empty() || ::stat(path.c_str(), &status) != 0) return {};
    FileStamp stamp;
    stamp.device = status.st_dev;
    stamp.inode = status.st_ino;
    stamp.size = static_cast<std::uint64_t>(status.st_size);
    stamp.modified_s = status.st_mtim.tv_sec;
    stamp.modified_ns = status.st_mtim.tv_nsec;
    return stamp;
  }
};

}  // namespace farebox
