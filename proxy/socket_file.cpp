#include "proxy/socket_file.hpp"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace farebox {
namespace {

sockaddr_un address_of(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.data(), std::min(path.size(), sizeof address.sun_path - 1));
  return address;
}

int open_socket() { return ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0); }

// unix(7): nobody listens on a socket that refuses. One with a full backlog says EAGAIN.
bool is_deserted(const sockaddr_un& address) {
  const int probe = open_socket();
  if (probe < 0) return false;
  const bool refused =
      ::connect(probe, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 &&
      errno == ECONNREFUSED;
  ::close(probe);
  return refused;
}

// 0, or why the place can't be had.
int clear_the_place(const std::string& path, const sockaddr_un& address) {
  struct stat status {};
  if (::lstat(path.c_str(), &status) != 0) return errno == ENOENT ? 0 : errno;
  if (!S_ISSOCK(status.st_mode)) return ENOTSOCK;
  if (!is_deserted(address)) return EADDRINUSE;
  return ::unlink(path.c_str()) == 0 || errno == ENOENT ? 0 : errno;
}

// 0, or why there is no telling.
int identify(const std::string& path, SocketFile::Identity& identity) {
  struct statx status {};
  if (::statx(AT_FDCWD, path.c_str(), AT_SYMLINK_NOFOLLOW, STATX_INO | STATX_CTIME | STATX_BTIME,
              &status) != 0) {
    return errno;
  }
  const auto& born = (status.stx_mask & STATX_BTIME) != 0 ? status.stx_btime : status.stx_ctime;
  identity.device = std::uint64_t{status.stx_dev_major} << 32 | status.stx_dev_minor;
  identity.inode = status.stx_ino;
  identity.born_ns = born.tv_sec * 1'000'000'000 + born.tv_nsec;
  return 0;
}

}  // namespace

SocketFile::~SocketFile() {
  if (path_.empty()) return;
  Identity there;
  if (identify(path_, there) == 0 && there == identity_) ::unlink(path_.c_str());
}

SocketFile::Bound SocketFile::bind(const std::string& path, unsigned mode) {
  Bound bound;
  const sockaddr_un address = address_of(path);
  bound.error = clear_the_place(path, address);
  if (bound.error != 0) return bound;
  bound.socket = open_socket();
  if (bound.socket < 0) {
    bound.error = errno;
    return bound;
  }
  // Nobody else may connect before the mode is set, whatever the umask was.
  const mode_t umask_before = ::umask(0177);
  const bool done =
      ::bind(bound.socket, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  bound.error = done ? 0 : errno;
  ::umask(umask_before);
  if (done) {
    bound.error = ::chmod(path.c_str(), mode) == 0 ? identify(path, bound.file.identity_) : errno;
    if (bound.error != 0) ::unlink(path.c_str());
  }
  if (bound.error != 0) {
    ::close(bound.socket);
    bound.socket = -1;
    return bound;
  }
  bound.file.path_ = path;
  return bound;
}

}  // namespace farebox
