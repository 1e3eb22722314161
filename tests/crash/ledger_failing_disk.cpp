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
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <thread>

#include "tests/crash/failing_disk_script.hpp"

namespace farebox::testing {
namespace {

constexpr unsigned kHangSeconds = 20;

// Broke once: a batch was in the store, but the mark in the second place couldn't be written.
// Sums that were made anew just then left its record out.
constexpr std::uint64_t kBrokeOnce = 3277;

std::uint64_t pick(std::uint64_t i, std::uint64_t rounds, std::uint64_t total,
                   std::uint64_t seed) {
  if (rounds != total && i == 0) return kBrokeOnce;
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
    outcome = FailingDiskScript(scratch.fresh("ledger"), name).run(what, mix(seed, number));
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
    FailingDiskScript script(scratch.fresh("ledger"), what.text());
    const CaseResult outcome = script.run(what, mix(1, number(2)));
    std::printf("struck %d times, last: %s; %d breaks\n%s", static_cast<int>(outcome.fired),
                script.last_failure().c_str(), static_cast<int>(outcome.breaks),
                script.log().c_str());
    return outcome.breaks == 0 ? 0 : 1;
  }
  const CrashOptions options = read_options(argc, argv, {.rounds = 60, .seed = 1});
  Scratch scratch("failing_disk");
  const std::uint64_t operations = FailingDiskScript(scratch.fresh("ledger"), "undisturbed").count();
  return Parent(options, operations * Case::kPerOperation).all(operations) ? 0 : 1;
}
