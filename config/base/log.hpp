// Logger: one event, one line, one JSON object on standard error.
//
// Lines are built by the caller's thread and written by a thread of the logger's
// own, so no worker ever waits for a terminal or a pipe. The queue is bounded: when
// the reader of standard error is too slow, lines are dropped and counted, and the
// next line that gets through says how many. Thread-safe.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <initializer_list>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <variant>

#include "config/base/clock.hpp"

namespace farebox {

enum class Level : std::uint8_t { debug, info, warn, error };

struct LogField {
  std::string_view name;
  std::variant<std::string_view, std::int64_t, bool> value;
};

class Logger {
 public:
  enum class Format : std::uint8_t { json, text };

  // Writes to the descriptor `fd`, which stays open and is not owned.
  Logger(int fd, Level least, Format format, const Clock& clock);
  ~Logger();  // writes what is queued
  Logger(const Logger&) = delete;
  Logger& operator=(const Logger&) = delete;

  bool wants(Level level) const { return level >= least_.load(std::memory_order_relaxed); }
  void set_least(Level least) { least_.store(least, std::memory_order_relaxed); }

  // Values above 4 KiB are cut, a field without a name is left out, no caller breaks the line.
  void write(Level level, std::string_view message, std::initializer_list<LogField> fields = {});

  void info(std::string_view message, std::initializer_list<LogField> fields = {}) {
    write(Level::info, message, fields);
  }
  void warn(std::string_view message, std::initializer_list<LogField> fields = {}) {
    write(Level::warn, message, fields);
  }
  void error(std::string_view message, std::initializer_list<LogField> fields = {}) {
    write(Level::error, message, fields);
  }

  // Lines that were dropped because the queue was full.
  std::uint64_t dropped() const;

 private:
  void run();

  const int fd_;
  std::atomic<Level> least_;
  const Format format_;
  const Clock& clock_;

  mutable std::mutex mutex_;
  std::condition_variable filled_;
  std::string queue_;  // whole lines
  std::uint64_t dropped_ = 0;
  std::uint64_t dropped_unsaid_ = 0;
  bool stop_ = false;
  std::thread writer_;
};

}  // namespace farebox
