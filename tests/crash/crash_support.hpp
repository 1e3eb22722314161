// What the crash suites share beside the truth: options, a directory to break, a log that
// can be read back, one line of JSON at the end.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "config/base/log.hpp"
#include "config/settings.hpp"

namespace farebox::testing {

struct CrashOptions {
  std::uint64_t rounds = 0;       // 0: as many as make sense
  std::uint64_t seed = 0;
  LedgerSync sync = LedgerSync::always;
  bool both_syncs = true;         // no --sync was given: each in turn
  double seconds_limit = 0;       // 0: none
  unsigned jobs = 4;              // at once; a round mostly waits
  bool keep = false;              // leave directories behind, also before they are opened
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  std::uint64_t open_limit_ms = 3000;
#else
  std::uint64_t open_limit_ms = 1000;  // ready in under a second is what is promised
#endif
};
// Ends the program with a message when it can't read them.
CrashOptions read_options(int argc, char** argv, CrashOptions defaults);
std::string_view name_of(LedgerSync sync);

// A directory of our own under $TMPDIR, removed at the end unless it is to be kept.
class Scratch {
 public:
  explicit Scratch(const std::string& name);
  ~Scratch();
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;

  const std::string& path() const { return path_; }
  std::string fresh(const std::string& name);  // an empty directory in it
  void keep() { keep_ = true; }

 private:
  std::string path_;
  bool keep_ = false;
};

// A logger whose lines go to a file in memory.
class LogFile {
 public:
  LogFile();
  LogFile(const LogFile&) = delete;
  LogFile& operator=(const LogFile&) = delete;

  Logger& logger() { return logger_; }
  const Clock& clock() const { return clock_; }
  std::string text() const;  // all lines written so far
  // Waits a little for the logger's own thread.
  bool soon_says(std::string_view words) const;

 private:
  struct File {
    File();
    ~File();
    const int descriptor;
  };
  // The logger ends, and writes its last lines, before the file does.
  File file_;
  SystemClock clock_;
  Logger logger_;
};

class Stopwatch {
 public:
  double seconds() const {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
  }
  std::uint64_t ms() const { return static_cast<std::uint64_t>(seconds() * 1000); }
  std::uint64_t us() const { return static_cast<std::uint64_t>(seconds() * 1'000'000); }

 private:
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

// How long opening took. One slow one may be the machine's; several are the ledger's.
struct OpenTimes {
  std::uint64_t opens = 0;
  std::uint64_t slow = 0;  // beyond the limit
  std::uint64_t max_ms = 0;

  void add(std::uint64_t ms, std::uint64_t limit_ms);
  void add(const OpenTimes& more);
  bool too_slow() const { return slow > 1 + opens / 100; }
};

// What a power loss leaves of the TurnLog, which is never synced: all of it, nothing, or
// some of its sectors.
void lose_turns(const std::string& directory, std::uint64_t seed);

// Counts what went wrong and shows the first of it.
class Breaks {
 public:
  enum class Say : std::uint8_t { aloud, nothing };
  explicit Breaks(Say say = Say::aloud, std::string where = {})
      : say_(say), where_(std::move(where)) {}
  void add(const std::string& what);
  std::uint64_t count() const { return count_; }

 private:
  const Say say_;
  const std::string where_;
  std::uint64_t count_ = 0;
};

// {"suite":...,"name":number,...} on standard output.
using Figure = std::pair<std::string, std::uint64_t>;
void print_line(const std::string& suite, const std::string& sync,
                const std::vector<Figure>& figures);

// While it lives, something is under way that must not take longer: else the program ends
// with `kHung`. If the program dies, it says what was under way. Up to 64 at once.
class HangGuard {
 public:
  HangGuard(unsigned seconds, const std::string& what);
  ~HangGuard();
  HangGuard(const HangGuard&) = delete;
  HangGuard& operator=(const HangGuard&) = delete;

 private:
  std::size_t slot_;
};
inline constexpr int kHung = 86;  // exit code

// A different seed for each step of a run, the same for the same two numbers.
std::uint64_t mix(std::uint64_t seed, std::uint64_t step);

}  // namespace farebox::testing
