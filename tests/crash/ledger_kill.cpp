// kill -9 under load: a child process runs a ledger on the real file system and says through
// a pipe what it submitted and what was acknowledged; the parent kills it at a random moment,
// opens the ledger again and compares (reliability.md, M1). What the kernel has survives a
// kill, so everything acknowledged must be there, whatever `sync` is.
//
//   ledger_kill [--rounds N] [--seed S] [--sync always|interval] [--seconds-limit T]
//
// Ten rounds go on with the same directory, then a fresh one; series i uses seed S + i, so
// that a break is replayed with `--seed` and `--rounds 10`. One line of JSON for each mode.
#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <random>

#include <fmt/format.h>

#include "storage/ledger_reader.hpp"
#include "storage/rocks_ledger.hpp"
#include "tests/crash/ledger_clients.hpp"

namespace farebox::testing {
namespace {

constexpr std::uint64_t kRoundsPerSeries = 10;
constexpr Milliseconds kSyncInterval{5};

LedgerSettings settings_for(LedgerSync sync) {
  LedgerSettings settings;
  settings.sync = sync;
  settings.sync_interval = kSyncInterval;
  return settings;
}

// ---- The child ------------------------------------------------------------------------

void write_event(int pipe, const Event& event) {
  // Shorter than PIPE_BUF, so it arrives whole or not at all.
  static_assert(sizeof event <= 512);
  while (::write(pipe, &event, sizeof event) < 0) {
    if (errno != EINTR) ::_exit(3);
  }
}

// Runs until it is killed. Arguments: what the parent passed behind "--child".
[[noreturn]] void live(const std::string& directory, LedgerSync sync, std::uint64_t seed,
                       std::uint64_t first_call, int pipe) {
  LogFile log;
  auto opened = RocksLedger::open({directory, settings_for(sync), nullptr}, log.logger(),
                                  log.clock());
  if (!opened) {
    std::fprintf(stderr, "the child can't open it: %s\n", opened.error().context.c_str());
    ::_exit(2);
  }
  write_event(pipe, Event());
  const Emit emit = [pipe](const Event& event) { write_event(pipe, event); };
  LedgerClients clients(**opened, log.clock(), emit,
                        {.threads = 4, .seed = seed, .first_call = first_call});
  std::mt19937_64 dice(seed);
  if (dice() % 4 == 0) {  // it may also be killed while it closes
    std::this_thread::sleep_for(std::chrono::milliseconds(dice() % 40));
    clients.stop();
    (*opened)->close();
  }
  while (true) ::pause();
}

// ---- The parent -----------------------------------------------------------------------

struct Sums {
  Truth::Findings found;
  std::uint64_t rounds = 0;
  std::uint64_t killed_opening = 0;
  OpenTimes times;
};

class Series {
 public:
  Series(const CrashOptions& options, const std::string& directory, std::uint64_t seed,
         Sums& sums, Breaks& breaks)
      : options_(options),
        directory_(directory),
        dice_(seed),
        sums_(sums),
        breaks_(breaks) {}

  bool round() {
    ++sums_.rounds;
    ++round_;
    truth_.thaw();
    if (!spawn_and_kill()) return false;
    truth_.freeze();
    LogFile log;
    const Stopwatch watch;
    const auto opened = RocksLedger::open({directory_, settings_for(options_.sync), nullptr},
                                          log.logger(), log.clock());
    sums_.times.add(watch.ms(), options_.open_limit_ms);
    if (!opened) {
      breaks_.add("it doesn't open: " + opened.error().context);
      return false;
    }
    const auto records = read_all(**opened);
    if (!records) {
      breaks_.add("the records can't be read: " + records.error().context);
      return false;
    }
    check_sums(**opened, *records, breaks_);
    sums_.found.add(truth_.check(*records, {}, Truth::Refused::never_charged, breaks_));
    if (dice_() % 2 == 0) (*opened)->close();  // the reader looks at both
    const auto reader = LedgerReader::open(directory_);
    if (!reader) {
      breaks_.add("verify: " + reader.error().context);
      return false;
    }
    const auto report = (*reader)->verify();
    if (!report) breaks_.add("verify: " + report.error().context);
    if (report) {
      for (const std::string& fault : report->faults) breaks_.add("verify: " + fault);
    }
    return breaks_.count() == 0;
  }

 private:
  // A process of its own, by exec: RocksDB's threads don't live through a fork.
  bool spawn_and_kill() {
    int pipe[2];
    CHECK(::pipe2(pipe, O_CLOEXEC) == 0);
    const std::string seed = std::to_string(dice_());
    const std::string first_call = std::to_string(round_ << 40);
    const std::string out = std::to_string(pipe[1]);
    const std::string sync(name_of(options_.sync));
    const pid_t child = ::fork();
    CHECK(child >= 0);
    if (child == 0) {
      ::fcntl(pipe[1], F_SETFD, 0);
      ::execl("/proc/self/exe", "ledger_kill", "--child", directory_.c_str(), sync.c_str(),
              seed.c_str(), first_call.c_str(), out.c_str(), nullptr);
      ::_exit(127);
    }
    ::close(pipe[1]);
    // Now and then while it is still opening, and now and then after many syncs.
    const bool opening = dice_() % 8 == 0;
    const std::uint64_t us = opening            ? dice_() % 40'000
                             : dice_() % 20 == 0 ? 300'000
                                                 : 5'000 + dice_() % 56'000;
    bool counting = opening;
    bool opened = false;
    Stopwatch watch;
    while (!counting || watch.us() < us) {
      const int wait_ms = counting ? static_cast<int>((us - std::min(us, watch.us())) / 1000) : 100;
      pollfd at{pipe[0], POLLIN, 0};
      if (::poll(&at, 1, wait_ms) > 0 && !drain(pipe[0], opened)) break;
      if (opened && !counting) {
        counting = true;
        watch = Stopwatch();
      }
    }
    ::kill(child, SIGKILL);
    while (drain(pipe[0], opened)) {
    }
    ::close(pipe[0]);
    int status = 0;
    ::waitpid(child, &status, 0);
    if (opening && !opened) ++sums_.killed_opening;
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) return true;
    breaks_.add(fmt::format("the child ended by itself with status {:x}", status));
    return false;
  }

  // Takes what is in the pipe, waiting for something; false at its end.
  bool drain(int pipe, bool& opened) {
    Event events[64];
    const ssize_t got = ::read(pipe, events, sizeof events);
    if (got < 0 && errno == EINTR) return true;
    if (got <= 0) return false;
    CHECK(got % static_cast<ssize_t>(sizeof(Event)) == 0);
    for (std::size_t i = 0; i < static_cast<std::size_t>(got) / sizeof(Event); ++i) {
      opened = opened || events[i].what == Event::What::opened;
      truth_.note(events[i]);
    }
    return true;
  }

  const CrashOptions& options_;
  const std::string directory_;
  std::mt19937_64 dice_;
  Sums& sums_;
  Breaks& breaks_;
  Truth truth_;
  std::uint64_t round_ = 0;
};

bool run(const CrashOptions& options) {
  Scratch scratch("kill");
  if (options.keep) scratch.keep();
  Sums sums;
  Breaks breaks;
  const Stopwatch watch;
  std::uint64_t seed = options.seed;
  for (; sums.rounds < options.rounds; ++seed) {
    Series series(options, scratch.fresh("ledger"), seed, sums, breaks);
    for (std::uint64_t i = 0; i < kRoundsPerSeries && sums.rounds < options.rounds; ++i) {
      const HangGuard guard(60, fmt::format("--seed {}, round {}", seed, i));
      if (!series.round()) break;
    }
    if (breaks.count() != 0) {
      std::fprintf(stderr, "replay: --sync %s --seed %llu --rounds %llu\n",
                   std::string(name_of(options.sync)).c_str(),
                   static_cast<unsigned long long>(seed),
                   static_cast<unsigned long long>(kRoundsPerSeries));
      break;
    }
    if (options.seconds_limit > 0 && watch.seconds() > options.seconds_limit) break;
  }
  print_line("ledger_kill", std::string(name_of(options.sync)),
             {{"rounds", sums.rounds},
              {"killedOpening", sums.killed_opening},
              {"acknowledged", sums.found.acknowledged},
              {"lost", sums.found.lost},
              {"doubled", sums.found.doubled},
              {"maxOpenMs", sums.times.max_ms},
              {"slowOpens", sums.times.slow},
              {"breaks", breaks.count()},
              {"seed", breaks.count() == 0 ? options.seed : seed},
              {"seconds", watch.ms() / 1000}});
  return breaks.count() == 0 && !sums.times.too_slow();
}

}  // namespace
}  // namespace farebox::testing

int main(int argc, char** argv) {
  using namespace farebox;
  using namespace farebox::testing;
  if (argc == 7 && std::strcmp(argv[1], "--child") == 0) {
    live(argv[2], std::strcmp(argv[3], "always") == 0 ? LedgerSync::always : LedgerSync::interval,
         std::strtoull(argv[4], nullptr, 10), std::strtoull(argv[5], nullptr, 10),
         std::atoi(argv[6]));
  }
  CrashOptions options = read_options(argc, argv, {.rounds = 30, .seed = 1});
  if (!options.both_syncs) return run(options) ? 0 : 1;
  options.sync = LedgerSync::always;
  const bool always = run(options);
  options.sync = LedgerSync::interval;
  return run(options) && always ? 0 : 1;
}
