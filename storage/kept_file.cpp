#include "storage/kept_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <cerrno>
#include <cstring>

namespace farebox {
namespace {

constexpr std::string_view kMark = "farebox-kept 1 ";
constexpr std::size_t kHeadSize = kMark.size() + 8 + 1;

class Descriptor {
 public:
  explicit Descriptor(int number) : number_(number) {}
  ~Descriptor() {
    if (number_ >= 0) ::close(number_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  bool is_open() const { return number_ >= 0; }
  int number() const { return number_; }

 private:
  int number_;
};

Error failed(std::string_view what, const std::string& path, int error) {
  return Error(ErrorCode::io_failed, fmt::format("can't {} '{}': {}", what, path, std::strerror(error)));
}

std::string head_of(std::string_view octets) {
  const auto* const data = reinterpret_cast<const Bytef*>(octets.data());
  return fmt::format("{}{:08x}\n", kMark, crc32_z(0, data, octets.size()));
}

bool write_all(int file, std::string_view octets) {
  while (!octets.empty()) {
    const ssize_t size = ::write(file, octets.data(), octets.size());
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) return false;
    octets.remove_prefix(static_cast<std::size_t>(size));
  }
  return true;
}

// So that the new name is on the disk too.
void sync_directory_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  const std::string directory = slash == path.npos ? "." : path.substr(0, slash + 1);
  const Descriptor opened(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (opened.is_open()) ::fsync(opened.number());
}

}  // namespace

Result<std::string> KeptFile::load() {
  const Descriptor file(::open(path_.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!file.is_open()) {
    if (errno == ENOENT) return Error(ErrorCode::not_found);
    return failed("read", path_, errno);
  }
  std::string text(kMostOctets + kHeadSize + 1, '\0');
  std::size_t size = 0;
  while (size < text.size()) {
    const ssize_t got = ::read(file.number(), text.data() + size, text.size() - size);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return failed("read", path_, errno);
    if (got == 0) break;
    size += static_cast<std::size_t>(got);
  }
  text.resize(size);
  if (size >= kHeadSize && size <= kMostOctets + kHeadSize &&
      text.starts_with(head_of(std::string_view(text).substr(kHeadSize)))) {
    return text.substr(kHeadSize);
  }
  return Error(ErrorCode::ledger_damaged, fmt::format("'{}' is not as farebox wrote it", path_));
}

Result<void> KeptFile::save(std::string_view octets) {
  if (octets.size() > kMostOctets) return Error(ErrorCode::io_failed, "too much to keep");
  const std::string fresh = path_ + ".new";
  const int made = ::open(fresh.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (made < 0) return failed("make", fresh, errno);
  bool written = write_all(made, head_of(octets)) && write_all(made, octets) && ::fsync(made) == 0;
  int why = errno;
  if (::close(made) != 0 && written) {
    written = false;
    why = errno;
  }
  if (written && ::rename(fresh.c_str(), path_.c_str()) == 0) {
    sync_directory_of(path_);
    return {};
  }
  if (written) why = errno;
  ::unlink(fresh.c_str());
  return failed("write", path_, why);
}

Result<std::string> KeptFile::set_aside() {
  std::string aside = path_ + ".damaged";
  if (::rename(path_.c_str(), aside.c_str()) != 0) return failed("rename", path_, errno);
  return aside;
}

}  // namespace farebox
