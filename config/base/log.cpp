#include "config/base/log.hpp"

#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstring>

#include "config/base/json_writer.hpp"

namespace farebox {
namespace {

constexpr std::size_t kQueueLimit = 4 << 20;  // octets
constexpr std::size_t kValueLimit = 4 << 10;
// How long the writer collects lines before it writes them. One write call a batch.
constexpr std::chrono::milliseconds kBatchDelay{5};

std::string_view name_of(Level level) {
  switch (level) {
    case Level::debug: return "debug";
    case Level::info: return "info";
    case Level::warn: return "warn";
    case Level::error: return "error";
  }
  return "error";
}

void append_value(JsonWriter& json, const LogField& field) {
  if (const auto* text = std::get_if<std::string_view>(&field.value)) {
    json.string(*text, kValueLimit);
  } else if (const auto* number = std::get_if<std::int64_t>(&field.value)) {
    json.number(*number);
  } else {
    json.boolean(std::get<bool>(field.value));
  }
}

std::string_view clipped(std::string_view text) { return text.substr(0, kValueLimit); }

// The most octets that the line takes.
std::size_t most_octets(std::string_view message, std::initializer_list<LogField> fields) {
  constexpr std::size_t kFrame = 80;   // time, level, and what stands around them
  constexpr std::size_t kAround = 24;  // of a field: punctuation and a number
  std::size_t most = kFrame + kMostOfJson * message.size();
  for (const LogField& field : fields) {
    most += kAround + field.name.size();
    if (const auto* text = std::get_if<std::string_view>(&field.value)) {
      most += kMostOfJson * clipped(*text).size();
    }
  }
  return most;
}

char* put(char* at, std::string_view text) {
  std::memcpy(at, text.data(), text.size());
  return at + text.size();
}

// Every request has a line, so it is written into memory that is known to be enough.
void append_json_line(std::string& out, WallTime now, Level level, std::string_view message,
                      std::initializer_list<LogField> fields) {
  message = clipped(message);
  const std::size_t begin = out.size();
  out.resize(begin + most_octets(message, fields));
  char* at = out.data() + begin;
  at = put(at, "{\"ts\":\"");
  at = put(at, rfc3339(now));
  at = put(at, "\",\"level\":\"");
  at = put(at, name_of(level));
  at = put(at, "\",\"msg\":");
  at = put_json_string(at, message);
  for (const LogField& field : fields) {
    if (field.name.empty()) continue;
    at = put(at, ",\"");
    at = put(at, field.name);
    at = put(at, "\":");
    if (const auto* text = std::get_if<std::string_view>(&field.value)) {
      at = put_json_string(at, clipped(*text));
    } else if (const auto* number = std::get_if<std::int64_t>(&field.value)) {
      at = std::to_chars(at, at + 20, *number).ptr;
    } else {
      at = put(at, std::get<bool>(field.value) ? "true" : "false");
    }
  }
  at = put(at, "}\n");
  out.resize(static_cast<std::size_t>(at - out.data()));
}

// For people: "04:52:23.123 info  listening listen=127.0.0.1:4141".
void append_text_line(std::string& out, WallTime now, Level level, std::string_view message,
                      std::initializer_list<LogField> fields) {
  out += std::string_view(rfc3339(now)).substr(11, 12);
  out += ' ';
  out += name_of(level);
  out.append(6 - name_of(level).size(), ' ');
  // The escaper keeps control characters away from the terminal; its quotes go.
  std::string quoted;
  append_json_string(quoted, message, kValueLimit);
  out.append(quoted, 1, quoted.size() - 2);
  for (const LogField& field : fields) {
    if (field.name.empty()) continue;
    out += ' ';
    out += field.name;
    out += '=';
    JsonWriter json(out);
    append_value(json, field);
  }
  out += '\n';
}

void write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(fd, text.data(), text.size());
    if (written > 0) {
      text.remove_prefix(static_cast<std::size_t>(written));
    } else if (errno == EAGAIN) {
      pollfd ready{fd, POLLOUT, 0};
      ::poll(&ready, 1, 1000);
    } else if (errno != EINTR) {
      return;  // nobody reads us any more; there is no better place to complain
    }
  }
}

}  // namespace

Logger::Logger(int fd, Level least, Format format, const Clock& clock)
    : fd_(fd), least_(least), format_(format), clock_(clock), writer_([this] { run(); }) {}

Logger::~Logger() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  filled_.notify_one();
  writer_.join();
}

void Logger::write(Level level, std::string_view message, std::initializer_list<LogField> fields) {
  if (!wants(level)) return;
  // The line is built outside the lock, in a buffer this thread keeps.
  thread_local std::string line;
  line.clear();
  const auto append = format_ == Format::json ? append_json_line : append_text_line;
  append(line, clock_.wall_now(), level, message, fields);

  bool was_empty = false;
  {
    const std::lock_guard lock(mutex_);
    if (queue_.size() + line.size() > kQueueLimit) {
      ++dropped_;
      ++dropped_unsaid_;
      return;
    }
    was_empty = queue_.empty();
    queue_ += line;
  }
  if (was_empty) filled_.notify_one();
}

std::uint64_t Logger::dropped() const {
  const std::lock_guard lock(mutex_);
  return dropped_;
}

void Logger::run() {
  std::string batch;
  std::unique_lock lock(mutex_);
  while (true) {
    filled_.wait(lock, [this] { return stop_ || !queue_.empty(); });
    if (!stop_) filled_.wait_for(lock, kBatchDelay, [this] { return stop_; });
    batch.swap(queue_);
    const std::uint64_t lost = dropped_unsaid_;
    dropped_unsaid_ = 0;
    const bool last = stop_;
    lock.unlock();
    if (lost != 0) {
      const auto append = format_ == Format::json ? append_json_line : append_text_line;
      append(batch, clock_.wall_now(), Level::warn, "log lines dropped",
             {{"count", static_cast<std::int64_t>(lost)}});
    }
    write_all(fd_, batch);
    batch.clear();
    lock.lock();
    if (last && queue_.empty()) return;
  }
}

}  // namespace farebox
