// Logger: one event, one line, one JSON object on standard error.
//
// Lines are built by the caller's thread and written by a thread of the logger's
// own, so no worker ever waits for a terminal or a pipe. The queue is bounded: when
// the reader of standard error is too slow, lines are dropped and counted, and the
// next line that gets through says how many. Thread-safe.
//
// A write to a full pipe, or to a terminal that was stopped, may block for ever, and nothing
// sound can call it back: O_NONBLOCK would be everybody's who shares the descriptor. So at the
// end the writer gets a while, and is then left alone with what it has.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <initializer_list>
#include <memory>
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
  static constexpr std::chrono::seconds kLastWords{2};

  // Writes to the descriptor `fd`, which stays open and is not owned.
  Logger(int fd, Level least, Format format, const Clock& clock);
  // Writes what is queued, as far as somebody takes it within kLastWords.
  ~Logger();
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
  // What the logger and its writer share. The writer may outlive the logger.
  struct Shared {
    std::mutex mutex;
    std::condition_variable filled, ended;
    std::string queue;  // whole lines
    std::uint64_t dropped = 0;
    std::uint64_t dropped_unsaid = 0;
    bool stop = false;                    // writes what is queued, and ends
    bool has_ended = false;
    std::atomic<bool> abandoned = false;  // touches nothing but this any more
  };

  static void run(const std::shared_ptr<Shared>& shared, int fd, Format format, const Clock& clock);
  static void write_all(const Shared& shared, int fd, std::string_view text);

  std::atomic<Level> least_;
  const Format format_;
  const Clock& clock_;
  const std::shared_ptr<Shared> shared_;
  std::thread writer_;
};

}  // namespace farebox
