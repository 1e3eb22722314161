// Power loss under load, in process: a ledger on a file system that forgets what was never
// synced, clients on threads, the power off at a random moment, and the comparison of what
// comes back with what was promised (reliability.md, M2 and M6).
//
//   ledger_power_loss [--rounds N] [--seed S] [--sync always|interval] [--jobs J]
//                     [--seconds-limit T]
//
// Ten rounds go on with the same directory, then a fresh one; series i uses seed S + i, so
// that a break is replayed with `--seed` and `--rounds 10`. One line of JSON for each mode.
#include <algorithm>
#include <atomic>
#include <cstdio>
#include <filesystem>
#include <future>
#include <mutex>
#include <thread>

#include <fmt/format.h>

#include "storage/ledger_reader.hpp"
#include "storage/rocks_ledger.hpp"
#include "tests/crash/ledger_clients.hpp"
#include "tests/support/faulty_file_system.hpp"

namespace farebox::testing {
namespace {

constexpr std::uint64_t kRoundsPerSeries = 10;
constexpr Milliseconds kSyncInterval{5};
// How much later than promised a machine that does other things may be.
constexpr std::uint64_t kLateUs = 1'000'000;

struct Sums {
  Truth::Findings found;
  std::uint64_t rounds = 0;
  std::uint64_t opens_cut_short = 0;  // the power went while it was opening
  OpenTimes times;
  std::uint64_t breaks = 0;

  void add(const Sums& more) {
    found.add(more.found);
    rounds += more.rounds;
    opens_cut_short += more.opens_cut_short;
    times.add(more.times);
    breaks += more.breaks;
  }
};

// One directory and what was promised of it.
class Series {
 public:
  Series(const CrashOptions& options, Scratch& scratch, std::uint64_t seed)
      : options_(options),
        directory_(scratch.fresh("series" + std::to_string(seed))),
        seed_(seed),
        dice_(seed),
        breaks_(Breaks::Say::aloud, fmt::format("--seed {}: ", seed)),
        files_(std::make_shared<FaultyFileSystem>(directory_)) {
    settings_.sync = options.sync;
    settings_.sync_interval = kSyncInterval;
    // As fast as memory up to a slow cloud disk.
    const std::int64_t slowest = dice_() % 2 == 0 ? 300 : 3000;
    files_->set_sync_time(std::chrono::microseconds(20), std::chrono::microseconds(slowest));
  }

  // False: a break, or nothing left to go on with.
  bool round() {
    ++sums_.rounds;
    ++round_;
    const HangGuard guard(60, fmt::format("--seed {}, round {}", seed_, round_));
    const bool short_round = dice_() % 8 == 0;
    if (!open(short_round ? dice_() % 8'000 : 0)) return breaks_.count() == 0;
    if (!check() || options_.keep) say_directory();
    if (breaks_.count() != 0) return false;
    truth_.thaw();
    const Emit emit = [this](const Event& event) { truth_.note(event); };
    LedgerClients clients(*ledger_, log_->clock(), emit,
                          {.threads = 4, .seed = dice_(), .first_call = round_ << 40});
    // Rebuilding writes out its sums again and again, and with each time RocksDB begins a
    // new log: that is when the end of one may be lost and the next one kept.
    std::atomic<bool> crashed = false;
    std::thread rebuilder;
    if (dice_() % 3 == 0) {
      rebuilder = std::thread([this, &crashed, seed = dice_()] {
        std::mt19937_64 dice(seed);
        while (!crashed) {
          static_cast<void>(ledger_->rebuild());
          std::this_thread::sleep_for(std::chrono::microseconds(dice() % 8000));
        }
      });
    }
    // Now and then long enough for many syncs and for the keeper to do its work.
    const std::uint64_t ms = dice_() % 40 == 0 ? 1500 : 5 + dice_() % 56;
    std::this_thread::sleep_for(std::chrono::milliseconds(ms));
    const bool closing = dice_() % 8 == 0;
    if (closing) clients.stop();  // the power goes while it is being closed
    std::future<void> closed;
    if (closing) {
      closed = std::async(std::launch::async, [this] { ledger_->close(); });
      std::this_thread::sleep_for(std::chrono::microseconds(dice_() % 10'000));
    }
    crash();
    crashed = true;
    if (rebuilder.joinable()) rebuilder.join();
    clients.stop();
    if (closing) closed.get();
    ledger_.reset();  // before its clients go
    lose();
    return true;
  }

  // What the last crash left.
  void last_check() {
    ++round_;
    if (open(0)) check();
    ledger_.reset();
    verify("after it was closed");
  }

  Sums sums() const {
    Sums sums = sums_;
    sums.breaks = breaks_.count();
    return sums;
  }

 private:
  void crash() {
    promise_.all = options_.sync == LedgerSync::always;
    const LedgerStatus status = ledger_->status();
    promise_.synced = status.synced;
    promise_.synced_turn = status.synced_turn;
    truth_.freeze();
    files_->power_off();
  }

  void lose() {
    const std::uint64_t loss = dice_();
    if (options_.keep) std::fprintf(stderr, "unsafe:\n%s", files_->unsafe().c_str());
    files_->apply_loss(loss);
    lose_turns(directory_, loss);
    if (!options_.keep) return;
    std::filesystem::remove_all(directory_ + ".lost");
    std::filesystem::copy(directory_, directory_ + ".lost",
                          std::filesystem::copy_options::recursive);
  }

  // False: it couldn't be opened, or the power went after `power_off_us` (0: it doesn't).
  bool open(std::uint64_t power_off_us) {
    log_ = std::make_unique<LogFile>();
    std::future<void> killer;
    if (power_off_us != 0) {
      killer = std::async(std::launch::async, [&] {
        std::this_thread::sleep_for(std::chrono::microseconds(power_off_us));
        files_->power_off();
      });
    }
    const Stopwatch watch;
    auto opened = RocksLedger::open({directory_, settings_, files_}, log_->logger(),
                                    log_->clock());
    const std::uint64_t ms = watch.ms();
    if (power_off_us != 0) {
      killer.get();
      ++sums_.opens_cut_short;
      if (opened) opened->reset();
      // What was promised before is still promised: nothing new was.
      const std::uint64_t loss = dice_();
      files_->apply_loss(loss);
      lose_turns(directory_, loss);
      return false;
    }
    sums_.times.add(ms, options_.open_limit_ms);
    if (!opened) {
      breaks_.add("it doesn't open: " + opened.error().context);
      say_directory();
      return false;
    }
    ledger_ = std::move(*opened);
    return true;
  }

  bool check() {
    const auto records = read_all(*ledger_);
    if (!records) {
      breaks_.add("the records can't be read: " + records.error().context);
      return false;
    }
    check_sums(*ledger_, *records, breaks_);
    const auto found = truth_.check(*records, promise_, Truth::Refused::may_be_charged, breaks_);
    sums_.found.add(found);
    const auto interval_us =
        static_cast<std::uint64_t>(kSyncInterval.count()) * 1000;
    const auto sync_us = static_cast<std::uint64_t>(files_->longest_sync().count());
    if (found.oldest_lost_us > interval_us + 2 * sync_us + kLateUs) {
      breaks_.add(fmt::format("lost what was acknowledged {} ms ago", found.oldest_lost_us / 1000));
    }
    promise_ = {};  // what was found stays
    if (dice_() % 2 == 0) verify("beside it");
    return breaks_.count() == 0;
  }

  void verify(const std::string& when) {
    const auto reader = LedgerReader::open(directory_, files_);
    if (!reader) {
      breaks_.add("opening a reader " + when + ": " + reader.error().context);
      return;
    }
    const auto report = (*reader)->verify();
    if (!report) {
      breaks_.add("verify " + when + ": " + report.error().context);
      return;
    }
    for (const std::string& fault : report->faults) breaks_.add("verify " + when + ": " + fault);
  }

  void say_directory() {
    if (breaks_.count() == 0) return;
    std::fprintf(stderr, "round %llu of series %llu in %s; its log:\n%s\n",
                 static_cast<unsigned long long>(round_), static_cast<unsigned long long>(seed_),
                 directory_.c_str(), log_->text().c_str());
  }

  const CrashOptions& options_;
  const std::string directory_;
  const std::uint64_t seed_;
  std::mt19937_64 dice_;
  Sums sums_;
  Breaks breaks_;
  Truth truth_;
  Truth::Promise promise_;
  LedgerSettings settings_;
  std::shared_ptr<FaultyFileSystem> files_;
  std::unique_ptr<LogFile> log_;
  std::unique_ptr<RocksLedger> ledger_;
  std::uint64_t round_ = 0;
};

// Series side by side: a round mostly waits, above all for a ledger that finds no disk.
class Run {
 public:
  explicit Run(const CrashOptions& options) : options_(options), scratch_("power_loss") {
    if (options.keep) scratch_.keep();
  }

  bool all() {
    const std::uint64_t series = (options_.rounds + kRoundsPerSeries - 1) / kRoundsPerSeries;
    std::vector<std::thread> jobs;
    for (std::uint64_t job = 0; job < std::min<std::uint64_t>(options_.jobs, series); ++job) {
      jobs.emplace_back([this, series] {
        for (std::uint64_t next = next_++; next < series && !stop_; next = next_++) {
          one(options_.seed + next, options_.rounds - next * kRoundsPerSeries);
        }
      });
    }
    for (std::thread& job : jobs) job.join();
    print_line("ledger_power_loss", std::string(name_of(options_.sync)),
               {{"rounds", sums_.rounds},
                {"opensCutShort", sums_.opens_cut_short},
                {"acknowledged", sums_.found.acknowledged},
                {"lost", sums_.found.lost},
                {"doubled", sums_.found.doubled},
                {"oldestUnpromisedLostMs", sums_.found.oldest_lost_us / 1000},
                {"maxOpenMs", sums_.times.max_ms},
                {"slowOpens", sums_.times.slow},
                {"breaks", sums_.breaks},
                {"seed", sums_.breaks == 0 ? options_.seed : broken_seed_},
                {"seconds", watch_.ms() / 1000}});
    return sums_.breaks == 0 && !sums_.times.too_slow();
  }

 private:
  void one(std::uint64_t seed, std::uint64_t rounds) {
    Series series(options_, scratch_, seed);
    bool good = true;
    for (std::uint64_t i = 0; good && i < std::min(rounds, kRoundsPerSeries); ++i) {
      good = series.round();
    }
    if (good) series.last_check();
    if (options_.seconds_limit > 0 && watch_.seconds() > options_.seconds_limit) stop_ = true;
    const std::lock_guard lock(mutex_);
    const Sums sums = series.sums();
    sums_.add(sums);
    if (sums.breaks == 0) {
      scratch_.fresh("series" + std::to_string(seed));
      return;
    }
    stop_ = true;
    broken_seed_ = seed;
    std::fprintf(stderr, "replay: --sync %s --seed %llu --rounds %llu --jobs 1\n",
                 std::string(name_of(options_.sync)).c_str(),
                 static_cast<unsigned long long>(seed),
                 static_cast<unsigned long long>(kRoundsPerSeries));
  }

  const CrashOptions options_;
  Scratch scratch_;
  const Stopwatch watch_;
  std::atomic<std::uint64_t> next_ = 0;
  std::atomic<bool> stop_ = false;
  std::mutex mutex_;
  Sums sums_;
  std::uint64_t broken_seed_ = 0;
};

}  // namespace
}  // namespace farebox::testing

int main(int argc, char** argv) {
  using namespace farebox::testing;
  CrashOptions options = read_options(argc, argv, {.rounds = 40, .seed = 1});
  if (!options.both_syncs) return Run(options).all() ? 0 : 1;
  options.sync = farebox::LedgerSync::always;
  const bool always = Run(options).all();
  options.sync = farebox::LedgerSync::interval;
  return Run(options).all() && always ? 0 : 1;
}
