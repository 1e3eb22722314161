#include "storage/pinned_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

namespace farebox {

PinnedFile::~PinnedFile() {
  if (file_ >= 0) ::close(file_);
}

void PinnedFile::pin(const std::string& path) {
  path_ = path;
  file_ = ::open(path.c_str(), O_PATH | O_CLOEXEC);
}

bool PinnedFile::is_there() const {
  struct stat held {};
  if (file_ < 0 || ::fstat(file_, &held) != 0) return true;
  if (held.st_nlink == 0) return false;
  struct stat found {};
  // Another error doesn't say that it is gone; the store finds out by itself.
  if (::stat(path_.c_str(), &found) != 0) return errno != ENOENT && errno != ENOTDIR;
  return found.st_dev == held.st_dev && found.st_ino == held.st_ino;
}

}  // namespace farebox
