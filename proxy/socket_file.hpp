// SocketFile: the file of a listening Unix socket, made by farebox and removed by it.
//
// A file that an earlier farebox left behind is removed if nobody answers on it. At the end
// ours is removed, unless another has taken its place meanwhile.
#pragma once

#include <cstdint>
#include <string>
#include <utility>

#include "config/base/result.hpp"

namespace farebox {

class SocketFile {
 public:
  SocketFile() = default;  // none
  SocketFile(SocketFile&& other) noexcept
      : path_(std::exchange(other.path_, {})), identity_(other.identity_) {}
  SocketFile& operator=(SocketFile&& other) noexcept {
    std::swap(path_, other.path_);
    std::swap(identity_, other.identity_);
    return *this;
  }
  ~SocketFile();

  struct Bound;
  // Binds a new socket to `path`, with `mode`; it doesn't listen yet. An error is errno:
  // EADDRINUSE when somebody answers there, ENOTSOCK when it is a file of another kind.
  static Bound bind(const std::string& path, unsigned mode);

  // Which file it is. An inode's number alone is soon another file's.
  struct Identity {
    std::uint64_t device = 0, inode = 0;
    std::int64_t born_ns = 0;  // where the file system doesn't say, the last change of its inode
    bool operator==(const Identity&) const = default;
  };

 private:
  std::string path_;
  Identity identity_;
};

struct SocketFile::Bound {
  int socket = -1;
  int error = 0;
  SocketFile file;
};

}  // namespace farebox
