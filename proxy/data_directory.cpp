#include "proxy/data_directory.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <utility>

namespace farebox {
namespace {

DataDirectoryFailure failure(const std::string& path, int error) {
  const bool permission = error == EACCES || error == EPERM || error == EROFS;
  return {permission ? 77 : 73,
          fmt::format("can't use data_dir '{}': {}; choose a writable place with data_dir or "
                      "--data-dir",
                      path, std::strerror(error))};
}

}  // namespace

boost::system::result<DataDirectory, DataDirectoryFailure> DataDirectory::open(
    const std::string& path) {
  std::error_code ec;
  const bool existed = std::filesystem::exists(path, ec);
  std::filesystem::create_directories(path, ec);
  if (ec) return failure(path, ec.value());
  if (!existed) {
    std::filesystem::permissions(path, std::filesystem::perms::owner_all, ec);
    if (ec) return failure(path, ec.value());
  }
  const std::string file = path + "/LOCK.farebox";
  const int lock = ::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (lock < 0) return failure(path, errno);
  if (::flock(lock, LOCK_EX | LOCK_NB) != 0) {
    ::close(lock);
    return DataDirectoryFailure{
        69, fmt::format("data_dir '{}' is in use by another farebox; stop it, or give this one a "
                        "directory of its own",
                        path)};
  }
  return DataDirectory(lock);
}

DataDirectory::DataDirectory(DataDirectory&& other) noexcept
    : lock_(std::exchange(other.lock_, -1)) {}

DataDirectory& DataDirectory::operator=(DataDirectory&& other) noexcept {
  std::swap(lock_, other.lock_);
  return *this;
}

DataDirectory::~DataDirectory() {
  if (lock_ >= 0) ::close(lock_);
}

}  // namespace farebox
