// SocketFile: the file of a listening Unix socket, made by farebox and removed by it.
//
// A file that an earlier farebox left behind is removed if nobody answers on it. At the end
// ours is removed, unless another has taken its place meanwhile.
#pragma once

#include <sys/types.h>

#include <string>
#include <utility>

#include "config/base/result.hpp"

namespace farebox {

class SocketFile {
 public:
  SocketFile() = default;  // none
  SocketFile(SocketFile&& other) noexcept
      : path_(std::exchange(other.path_, {})), device_(other.device_), inode_(other.inode_) {}
  SocketFile& operator=(SocketFile&& other) noexcept {
    std::swap(path_, other.path_);
    std::swap(device_, other.device_);
    std::swap(inode_, other.inode_);
    return *this;
  }
  ~SocketFile();

  struct Bound;
  // Binds a new socket to `path`, with `mode`; it doesn't listen yet. An error is errno:
  // EADDRINUSE when somebody answers there, ENOTSOCK when it is a file of another kind.
  static Bound bind(const std::string& path, unsigned mode);

 private:
  std::string path_;
  dev_t device_ = 0;
  ino_t inode_ = 0;
};

struct SocketFile::Bound {
  int socket = -1;
  int error = 0;
  SocketFile file;
};

}  // namespace farebox
