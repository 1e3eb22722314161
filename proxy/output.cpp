#include "proxy/output.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <utility>

namespace farebox {
namespace {

constexpr std::size_t kBuffer = 64 << 10;

std::string temporary(const std::string& path) { return path + ".tmp"; }

CommandFailure failure(const std::string& path, int error, int otherwise) {
  const bool permission = error == EACCES || error == EPERM || error == EROFS;
  return {permission ? kExitPermission : otherwise,
          fmt::format("can't write {}: {}", path.empty() ? "to standard output" : "'" + path + "'",
                      std::strerror(error))};
}

}  // namespace

CommandResult<Output> Output::open(const std::string& path) {
  if (path.empty() || path == "-") return Output(STDOUT_FILENO, "", false);
  struct stat there {};
  const bool renames = ::stat(path.c_str(), &there) != 0 || S_ISREG(there.st_mode);
  const std::string name = renames ? temporary(path) : path;
  const int file = ::open(name.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  if (file < 0) return failure(name, errno, kExitCantCreate);
  return Output(file, path, renames);
}

Output::Output(Output&& other) noexcept
    : file_(std::exchange(other.file_, -1)),
      path_(std::move(other.path_)),
      renames_(std::exchange(other.renames_, false)),
      buffer_(std::move(other.buffer_)),
      error_(other.error_) {}

Output::~Output() {
  if (file_ >= 0 && file_ != STDOUT_FILENO) ::close(file_);
  if (renames_) ::unlink(temporary(path_).c_str());
}

bool Output::write(std::string_view text) {
  buffer_ += text;
  if (buffer_.size() >= kBuffer) flush();
  return error_ == 0;
}

void Output::flush() {
  std::string_view left = buffer_;
  while (!left.empty() && error_ == 0) {
    const ssize_t written = ::write(file_, left.data(), left.size());
    if (written >= 0) {
      left.remove_prefix(static_cast<std::size_t>(written));
    } else if (errno != EINTR) {
      error_ = errno;
    }
  }
  buffer_.clear();
}

CommandResult<void> Output::finish() {
  flush();
  // `farebox ledger export | head` is no mistake.
  if (error_ == EPIPE) return {};
  if (error_ != 0) return failure(path_, error_, kExitIo);
  if (!renames_) return {};
  // Synced before it gets its name: a file of that name is whole, also after a power loss.
  if (::fsync(file_) != 0 || ::rename(temporary(path_).c_str(), path_.c_str()) != 0) {
    return failure(path_, errno, kExitIo);
  }
  renames_ = false;
  return {};
}

bool on_terminal() { return ::isatty(STDOUT_FILENO) == 1; }

std::string paint(Colour colour, std::string_view text, int fd) {
  const char* const no_colour = std::getenv("NO_COLOR");
  const char* const terminal = std::getenv("TERM");
  const bool plain = ::isatty(fd) == 0 || (no_colour != nullptr && *no_colour != '\0') ||
                     (terminal != nullptr && std::string_view(terminal) == "dumb");
  if (plain) return std::string(text);
  constexpr const char* kCodes[] = {"31", "32", "33", "1"};
  return fmt::format("\x1b[{}m{}\x1b[0m", kCodes[static_cast<std::size_t>(colour)], text);
}

int say(std::string_view text) {
  auto output = Output::open("");
  output->write(text);
  const auto finished = output->finish();
  return finished ? 0 : complain(finished.error());
}

int say_answer(const std::string& answer, bool json, std::string_view listen,
               const std::function<Result<std::string>()>& for_people) {
  if (json || !on_terminal()) return say(answer + "\n");
  const auto text = for_people();
  if (text) return say(*text);
  return complain({kExitUnavailable, fmt::format("{}; the farebox at {} may be of another version",
                                                 text.error().context, listen)});
}

int complain(const CommandFailure& failure) {
  fmt::print(stderr, "farebox: {}\n", failure.why);
  return failure.exit_code;
}

}  // namespace farebox
