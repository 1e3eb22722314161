#include "config/small_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <openssl/crypto.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <string_view>

namespace farebox {

namespace {

constexpr std::size_t kMaxSecretOctets = 64 << 10;

Error unreadable(int error_number) {
  return Error(ErrorCode::invalid_config,
               fmt::format("the file can't be read ({}); check its name and its permissions",
                           std::strerror(error_number)));
}

class Descriptor {
 public:
  explicit Descriptor(const std::string& path)
      // Not blocking: opening a pipe nobody writes to would wait for ever.
      : number_(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)) {}
  ~Descriptor() {
    if (number_ >= 0) ::close(number_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;

  bool is_open() const { return number_ >= 0; }
  ssize_t read(char* into, std::size_t size) const { return ::read(number_, into, size); }

 private:
  int number_;
};

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kWhite = " \t\r";
  const auto first = text.find_first_not_of(kWhite);
  if (first == text.npos) return "";
  return text.substr(first, text.find_last_not_of(kWhite) - first + 1);
}

}  // namespace

Result<std::string> read_small_file(const std::string& path, std::size_t max_octets) {
  const Descriptor file(path);
  if (!file.is_open()) return unreadable(errno);
  std::string text;
  std::array<char, 4096> piece;
  for (;;) {
    const ssize_t size = file.read(piece.data(), piece.size());
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) return unreadable(errno);
    if (size == 0) break;
    text.append(piece.data(), static_cast<std::size_t>(size));
    if (text.size() > max_octets) {
      return Error(ErrorCode::invalid_config,
                   fmt::format("the file is larger than {} KiB; is it the right one?",
                               max_octets >> 10));
    }
  }
  OPENSSL_cleanse(piece.data(), piece.size());
  return text;
}

Result<void> check_readable(const std::string& path) {
  const Descriptor file(path);
  if (!file.is_open()) return unreadable(errno);
  char octet;
  if (file.read(&octet, 1) < 0) return unreadable(errno);  // a directory
  return {};
}

Result<SecretFile> read_secret_file(const std::string& path) {
  Result<std::string> text = read_small_file(path, kMaxSecretOctets);
  if (!text) return text.error();
  SecretFile secrets;
  std::string_view rest = *text;
  while (!rest.empty()) {
    const auto end = rest.find('\n');
    const std::string_view line = trimmed(rest.substr(0, end));
    if (!line.empty()) secrets.lines.emplace_back(std::string(line));
    rest = end == rest.npos ? std::string_view() : rest.substr(end + 1);
  }
  OPENSSL_cleanse(text->data(), text->size());
  struct stat status{};
  secrets.open_to_others = ::stat(path.c_str(), &status) == 0 && (status.st_mode & 007) != 0;
  return secrets;
}

}  // namespace farebox
