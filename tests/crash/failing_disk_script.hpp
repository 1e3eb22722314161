// The script of ledger_failing_disk.cpp: one run of a ledger with sync: always on a disk
// whose n-th operation fails, and what is found afterwards.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <unordered_map>

#include <fmt/format.h>

#include "storage/ledger_reader.hpp"
#include "storage/rocks_ledger.hpp"
#include "tests/crash/ledger_clients.hpp"
#include "tests/support/faulty_file_system.hpp"

namespace farebox::testing {

// How long a fault may last: so many operations, or until somebody makes room on the disk.
inline constexpr std::uint64_t kLongFault = 30;

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

class FailingDiskScript {
 public:
  FailingDiskScript(const std::string& directory, const std::string& name)
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
      finish(what.ending);
    }
    outcome_.fired = files_->failed();
    outcome_.breaks = breaks_.count();
    return outcome_;
  }

  std::string last_failure() const { return files_->last_failure(); }
  std::string log() const { return log_.text(); }

 private:
  static constexpr int kTurns = 40;
  static constexpr std::uint64_t kMostRecoverMs = 3000;
  // Then somebody makes room on the disk.
  static constexpr std::uint64_t kLongestFaultMs = 200;

  Result<void> open() {
    client_.reset();
    auto opened = RocksLedger::open({directory_, settings_, files_}, log_.logger(),
                                    log_.clock());
    if (!opened) return opened.error();
    ledger_ = std::move(*opened);
    client_ = std::make_unique<LedgerClient>(
        *ledger_, log_.clock(), [this](const Event& event) { note(event); }, 7, ++starts_ << 40);
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
    wait_for_answers();
  }

  void wait_for_answers() {
    while (client_->waiting() > 0) std::this_thread::sleep_for(std::chrono::microseconds(50));
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
    while (files_->failed() < what.fault.times && failing.ms() < kLongestFaultMs) {
      turn();
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    files_->heal();
    const std::uint64_t before = holds_written();
    const Stopwatch watch;
    while (holds_written() == before && watch.ms() < kMostRecoverMs) {
      turn();
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
    outcome_.recover_ms = watch.ms();
    if (holds_written() != before) return;
    ++outcome_.needed_restart;
    breaks_.add("it takes no holds 3 s after the disk healed: " + ledger_->status().trouble);
  }

  void end() {
    client_->settle_all();
    wait_for_answers();
    ledger_->close();
    // It doesn't wait for a disk for ever: what waited then ends by rule at the next start.
    gave_up_ = gave_up_ || files_->is_failing();
    ledger_.reset();
  }

  // Ends what runs, opens once more and compares.
  void finish(Ending ending) {
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
    // A ledger that was closed in order has what waited, too.
    const bool closed = ending == Ending::heal && !gave_up_;
    const auto found = truth_.check(
        *records, {.all = true, .queued = closed},
        closed ? Truth::Refused::never_charged : Truth::Refused::may_be_charged, breaks_);
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
  LogFile log_;
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
  bool gave_up_ = false;
  CaseResult outcome_;
};

}  // namespace farebox::testing
