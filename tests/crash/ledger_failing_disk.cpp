// A disk that fails: a scripted run of a ledger with sync: always, in which the n-th
// operation fails, for every n, every way to fail, once or for a while (reliability.md, M8
// and M12). Afterwards either the power goes, and what was acknowledged must be there; or
// the disk heals, and the same ledger must write again by itself, with every settlement in
// it once.
//
//   ledger_failing_disk [--rounds N] [--seed S] [--jobs J] [--seconds-limit T]
//
// N cases picked by seed; 0: all of them. Cases run in child processes, so that a crash or a
// hang counts and the others still run. One line of JSON. `--case C` replays one.
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <thread>

#include <fmt/format.h>

#include "storage/ledger_reader.hpp"
#include "storage/rocks_ledger.hpp"
#include "tests/crash/ledger_clients.hpp"
#include "tests/support/faulty_file_system.hpp"

namespace farebox::testing {
namespace {

using namespace std::chrono_literals;

constexpr int kTurns = 40;
constexpr std::uint64_t kMostRecoverMs = 3000;
constexpr unsigned kHangSeconds = 20;
constexpr std::uint64_t kLongFault = 30;  // operations
constexpr auto kLongestFault = 200ms;     // then somebody makes room on the disk

// Every n has these.
enum class Ending : std::uint8_t { heal, power_loss };
struct Case {
  Fault fault;
  Ending ending = Ending::heal;

  static constexpr std::uint64_t kPerOperation = 3 * 2 * 2;
  explicit Case(std::uint64_t number) {
    fault.after = number / kPerOperation + 1;
    const std::uint64_t kind = number % kPerOperation;
    fault.failure = static_cast<Failure>(kind % 3);
    fault.times = kind / 3 % 2 == 0 ? 1 : kLongFault;
    ending = static_cast<Ending>(kind / 6);
  }
  std::string text() const {
    return fmt::format("operation {}, {} x {}, then {}", fault.after, fault.times,
                       farebox::testing::name_of(fault.failure),
                       ending == Ending::heal ? "healed" : "power loss");
  }
};

// What a child tells its parent of a case.
struct CaseResult {
  std::uint64_t number = 0;
  bool done = false;
  std::uint64_t fired = 0;
  std::uint64_t breaks = 0;
  std::uint64_t recover_ms = 0;
  std::uint64_t acknowledged = 0;
  std::uint64_t lost = 0;
  std::uint64_t doubled = 0;
  std::uint64_t ghosts = 0;
  std::uint64_t needed_restart = 0;
  std::uint64_t after_failed_sync = 0;
};

class Script {
 public:
  Script(const std::string& directory, const std::string& name)
      : directory_(directory),
        breaks_(Breaks::Say::aloud, name + ": "),
        files_(std::make_shared<FaultyFileSystem>(directory)) {
    settings_.sync = LedgerSync::always;
  }

  // How many operations an undisturbed run has.
  std::uint64_t count() {
    run(Case(Fault::kUntilHealed / 2), 0);
    CHECK(breaks_.count() == 0);
    return operations_;
  }

  CaseResult run(const Case& what, std::uint64_t seed) {
    std::mt19937_64 dice(seed);
    files_->arm(what.fault);
    play(what, dice);
    operations_ = files_->count();
    if (!over_ && what.ending == Ending::power_loss) lose(dice());
    files_->heal();
    if (outcome_.needed_restart == 0) {
      finish(what.ending == Ending::power_loss ? Truth::Refused::may_be_charged
                                               : Truth::Refused::never_charged);
    }
    outcome_.fired = files_->failed();
    outcome_.breaks = breaks_.count();
    return outcome_;
  }

 private:
  Result<void> open() {
    client_.reset();
    log_ = std::make_unique<LogFile>();
    auto opened = RocksLedger::open({directory_, settings_, files_}, log_->logger(),
                                    log_->clock());
    if (!opened) return opened.error();
    ledger_ = std::move(*opened);
    client_ = std::make_unique<LedgerClient>(
        *ledger_, log_->clock(), [this](const Event& event) { note(event); }, 7, ++starts_ << 40);
    return {};
  }

  // The script. Opening, saving and closing may be where the fault strikes, too.
  void play(const Case& what, std::mt19937_64& dice) {
    if (!open_failing()) return;
    turns(kTurns / 2, what, dice);
    if (!over_) static_cast<void>(ledger_->rebuild());
    turns(kTurns / 2, what, dice);
    if (over_) return;
    end();
    if (!open_failing()) return;
    turns(kTurns / 8, what, dice);
  }

  // Opening may fail, with an Error; once the disk is well it must succeed.
  bool open_failing() {
    for (int tries = 0; tries < 2; ++tries) {
      const auto opened = open();
      if (opened) return true;
      if (files_->failed() == 0) break;
      files_->heal();
      last_error_ = opened.error().context;
    }
    breaks_.add("it doesn't open after the disk has healed: " + last_error_);
    ++outcome_.needed_restart;
    return false;
  }

  // On the ledger's thread and on ours.
  void note(const Event& event) {
    const std::lock_guard lock(mutex_);
    const bool unopened = files_->log_sync_failed_unopened();
    if (event.what == Event::What::draft_submitted && event.draft == 0) {
      if (unopened) distrusted_[event.call] = files_->databases_opened();
    } else if (event.what == Event::What::draft_written) {
      const auto found = distrusted_.find(event.call);
      if (found != distrusted_.end() && found->second == files_->databases_opened()) {
        ++outcome_.after_failed_sync;
        breaks_.add("a hold was written to a log whose sync had failed");
      }
    }
    if (event.what == Event::What::draft_written && event.draft == 0) ++holds_written_;
    truth_.note(event);
  }

  std::uint64_t holds_written() {
    const std::lock_guard lock(mutex_);
    return holds_written_;
  }

  void turn() {
    client_->turn(12);
    while (client_->waiting() > 0) std::this_thread::sleep_for(50us);
  }

  // Some turns until the fault has struck; then what the case wants.
  void turns(int count, const Case& what, std::mt19937_64& dice) {
    for (int i = 0; i < count && !over_; ++i) {
      turn();
      if (files_->failed() == 0) continue;
      if (what.ending == Ending::power_loss) {
        for (std::uint64_t more = dice() % 4; more > 0; --more) turn();
        lose(dice());
        over_ = true;
      } else if (!recovered_) {
        recover(what);
        recovered_ = true;
      }
    }
  }

  void lose(std::uint64_t seed) {
    truth_.freeze();
    files_->power_off();
    ledger_.reset();
    files_->apply_loss(seed);
  }

  // The disk is well again after a while; the ledger must find out by itself.
  void recover(const Case& what) {
    const Stopwatch failing;
    while (files_->failed() < what.fault.times && failing.seconds() < 0.2) {
      turn();
      std::this_thread::sleep_for(1ms);
    }
    files_->heal();
    const std::uint64_t before = holds_written();
    const Stopwatch watch;
    while (holds_written() == before && watch.ms() < kMostRecoverMs) {
      turn();
      std::this_thread::sleep_for(2ms);
    }
    outcome_.recover_ms = watch.ms();
    if (holds_written() != before) return;
    ++outcome_.needed_restart;
    breaks_.add("it takes no holds 3 s after the disk healed: " + ledger_->status().trouble);
  }

  void end() {
    client_->settle_all();
    while (client_->waiting() > 0) std::this_thread::sleep_for(50us);
    ledger_->close();
    ledger_.reset();
  }

  // Ends what runs, opens once more and compares.
  void finish(Truth::Refused refused) {
    if (ledger_) end();
    if (const auto opened = open(); !opened) {
      breaks_.add("it doesn't open at the end: " + opened.error().context);
      return;
    }
    const auto records = read_all(*ledger_);
    if (!records) {
      breaks_.add("the records can't be read: " + records.error().context);
      return;
    }
    check_sums(*ledger_, *records, breaks_);
    const auto found = truth_.check(*records, {}, refused, breaks_);
    outcome_.acknowledged = found.acknowledged;
    outcome_.lost = found.lost;
    outcome_.doubled = found.doubled;
    outcome_.ghosts = found.ghosts;
    ledger_.reset();
    const auto reader = LedgerReader::open(directory_, files_);
    const auto report = reader ? (*reader)->verify() : Result<VerifyReport>(reader.error());
    if (!report) breaks_.add("verify: " + report.error().context);
    if (report) {
      for (const std::string& fault : report->faults) breaks_.add("verify: " + fault);
    }
  }

  const std::string directory_;
  LedgerSettings settings_;
  Breaks breaks_;
  std::shared_ptr<FaultyFileSystem> files_;
  std::unique_ptr<LogFile> log_;
  std::unique_ptr<LedgerClient> client_;  // outlives the ledger that tells it
  std::unique_ptr<RocksLedger> ledger_;
  std::mutex mutex_;
  Truth truth_;
  std::unordered_map<std::uint64_t, std::uint64_t> distrusted_;  // calls, by openings so far
  std::uint64_t holds_written_ = 0;
  std::uint64_t starts_ = 0;
  std::uint64_t operations_ = 0;
  std::string last_error_;
  bool over_ = false;
  bool recovered_ = false;
  CaseResult outcome_;
};

// ---- Cases in child processes ---------------------------------------------------------

std::uint64_t pick(std::uint64_t i, std::uint64_t rounds, std::uint64_t total,
                   std::uint64_t seed) {
  return rounds == total ? i : mix(seed, i) % total;
}

// Runs cases i = from, from + step ... below `rounds`, telling of each.
int run_cases(std::uint64_t from, std::uint64_t step, std::uint64_t rounds, std::uint64_t total,
              std::uint64_t seed, int pipe) {
  Scratch scratch("failing_disk");
  for (std::uint64_t i = from; i < rounds; i += step) {
    const std::uint64_t number = pick(i, rounds, total, seed);
    const Case what(number);
    const std::string name = fmt::format("--case {} ({})", number, what.text());
    CaseResult outcome;
    outcome.number = i;
    if (::write(pipe, &outcome, sizeof outcome) < 0) return 3;
    const HangGuard guard(kHangSeconds, name);
    outcome = Script(scratch.fresh("ledger"), name).run(what, mix(seed, number));
    outcome.number = i;
    outcome.done = true;
    if (::write(pipe, &outcome, sizeof outcome) < 0) return 3;
  }
  return 0;
}

class Parent {
 public:
  Parent(const CrashOptions& options, std::uint64_t total)
      : options_(options),
        total_(total),
        rounds_(options.rounds == 0 ? total : std::min(options.rounds, total)) {}

  bool all(std::uint64_t operations) {
    std::vector<std::thread> jobs;
    for (unsigned job = 0; job < options_.jobs; ++job) jobs.emplace_back([this, job] { one(job); });
    for (std::thread& job : jobs) job.join();
    print_line("ledger_failing_disk", "",
               {{"operations", operations},
                {"cases", cases_},
                {"struck", struck_},
                {"crashes", crashes_},
                {"hangs", hangs_},
                {"acknowledged", sum_.acknowledged},
                {"lost", sum_.lost},
                {"doubled", sum_.doubled},
                {"refusedButCharged", sum_.ghosts},
                {"needRestart", sum_.needed_restart},
                {"heldAfterFailedSync", sum_.after_failed_sync},
                {"maxRecoverMs", sum_.recover_ms},
                {"breaks", sum_.breaks},
                {"seed", options_.seed},
                {"seconds", watch_.ms() / 1000}});
    return sum_.breaks == 0 && crashes_ == 0 && hangs_ == 0;
  }

 private:
  bool out_of_time() const {
    return options_.seconds_limit > 0 && watch_.seconds() > options_.seconds_limit;
  }

  // Children one after the other: each goes on behind the case that killed the last one.
  void one(std::uint64_t from) {
    while (from < rounds_ && !out_of_time()) {
      int pipe[2];
      CHECK(::pipe2(pipe, O_CLOEXEC) == 0);
      std::vector<std::string> words{"ledger_failing_disk", "--child"};
      for (const std::uint64_t number :
           {from, std::uint64_t{options_.jobs}, rounds_, total_, options_.seed}) {
        words.push_back(std::to_string(number));
      }
      words.push_back(std::to_string(pipe[1]));
      std::vector<char*> arguments;
      for (std::string& word : words) arguments.push_back(word.data());
      arguments.push_back(nullptr);
      const pid_t child = ::fork();
      CHECK(child >= 0);
      if (child == 0) {
        ::fcntl(pipe[1], F_SETFD, 0);
        ::execv("/proc/self/exe", arguments.data());
        ::_exit(127);
      }
      ::close(pipe[1]);
      CaseResult outcome;
      while (::read(pipe[0], &outcome, sizeof outcome) == sizeof outcome) {
        from = outcome.number + options_.jobs;
        if (outcome.done) add(outcome);
        if (outcome.done && out_of_time()) ::kill(child, SIGTERM);
      }
      ::close(pipe[0]);
      int status = 0;
      ::waitpid(child, &status, 0);
      if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return;
      if (out_of_time()) return;
      const std::lock_guard lock(mutex_);
      ++cases_;
      ++(WIFEXITED(status) && WEXITSTATUS(status) == kHung ? hangs_ : crashes_);
    }
  }

  void add(const CaseResult& more) {
    const std::lock_guard lock(mutex_);
    ++cases_;
    if (more.fired != 0) ++struck_;
    sum_.breaks += more.breaks;
    sum_.acknowledged += more.acknowledged;
    sum_.lost += more.lost;
    sum_.doubled += more.doubled;
    sum_.ghosts += more.ghosts;
    sum_.needed_restart += more.needed_restart;
    sum_.after_failed_sync += more.after_failed_sync;
    sum_.recover_ms = std::max(sum_.recover_ms, more.recover_ms);
  }

  const CrashOptions options_;
  const std::uint64_t total_;
  const std::uint64_t rounds_;
  const Stopwatch watch_;
  std::mutex mutex_;
  CaseResult sum_;
  std::uint64_t cases_ = 0, struck_ = 0, crashes_ = 0, hangs_ = 0;
};

}  // namespace
}  // namespace farebox::testing

int main(int argc, char** argv) {
  using namespace farebox::testing;
  const auto number = [&](int at) { return std::strtoull(argv[at], nullptr, 10); };
  if (argc == 8 && std::strcmp(argv[1], "--child") == 0) {
    return run_cases(number(2), number(3), number(4), number(5), number(6), std::atoi(argv[7]));
  }
  if (argc == 3 && std::strcmp(argv[1], "--case") == 0) {
    Scratch scratch("failing_disk");
    const Case what(number(2));
    const HangGuard guard(kHangSeconds, what.text());
    const auto outcome = Script(scratch.fresh("ledger"), what.text()).run(what, mix(1, number(2)));
    std::printf("struck %d times, %d breaks\n", static_cast<int>(outcome.fired),
                static_cast<int>(outcome.breaks));
    return outcome.breaks == 0 ? 0 : 1;
  }
  const CrashOptions options = read_options(argc, argv, {.rounds = 60, .seed = 1});
  Scratch scratch("failing_disk");
  const std::uint64_t operations = Script(scratch.fresh("ledger"), "undisturbed").count();
  return Parent(options, operations * Case::kPerOperation).all(operations) ? 0 : 1;
}
