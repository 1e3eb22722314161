#include "config/base/log.hpp"

#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstring>
#include <utility>

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

}  // namespace

Logger::Logger(int fd, Level least, Format format, const Clock& clock)
    : least_(least),
      format_(format),
      clock_(clock),
      shared_(std::make_shared<Shared>()),
      writer_([shared = shared_, fd, format, &clock] { run(shared, fd, format, clock); }) {}

Logger::~Logger() {
  std::unique_lock lock(shared_->mutex);
  shared_->stop = true;
  shared_->filled.notify_one();
  const bool ended =
      shared_->ended.wait_for(lock, kLastWords, [this] { return shared_->has_ended; });
  shared_->abandoned = !ended;
  lock.unlock();
  if (ended) {
    writer_.join();
  } else {
    writer_.detach();
  }
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
    const std::lock_guard lock(shared_->mutex);
    if (shared_->queue.size() + line.size() > kQueueLimit) {
      ++shared_->dropped;
      ++shared_->dropped_unsaid;
      return;
    }
    was_empty = shared_->queue.empty();
    shared_->queue += line;
  }
  if (was_empty) shared_->filled.notify_one();
}

std::uint64_t Logger::dropped() const {
  const std::lock_guard lock(shared_->mutex);
  return shared_->dropped;
}

void Logger::write_all(const Shared& shared, int fd, std::string_view text) {
  while (!text.empty() && !shared.abandoned) {
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

void Logger::run(const std::shared_ptr<Shared>& shared, int fd, Format format,
                 const Clock& clock) {
  std::string batch;
  std::unique_lock lock(shared->mutex);
  while (true) {
    shared->filled.wait(lock, [&] { return shared->stop || !shared->queue.empty(); });
    if (!shared->stop) shared->filled.wait_for(lock, kBatchDelay, [&] { return shared->stop; });
    if (shared->abandoned) return;
    batch.swap(shared->queue);
    if (const std::uint64_t lost = std::exchange(shared->dropped_unsaid, 0); lost != 0) {
      // Under the lock, so that the clock is there.
      const auto append = format == Format::json ? append_json_line : append_text_line;
      append(batch, clock.wall_now(), Level::warn, "log lines dropped",
             {{"count", static_cast<std::int64_t>(lost)}});
    }
    const bool last = shared->stop;
    lock.unlock();
    write_all(*shared, fd, batch);
    batch.clear();
    lock.lock();
    if (last && shared->queue.empty()) {
      shared->has_ended = true;
      shared->ended.notify_one();
      return;
    }
  }
}

}  // namespace farebox
