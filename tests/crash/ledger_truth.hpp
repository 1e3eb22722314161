// Truth: what a ledger was asked to write and what it said it had written, and what must
// therefore be in it after a crash.
//
// Clients tell it each thing before they submit it and each answer as it comes. `check`
// compares a ledger that was opened again. A call is known by its number, which is in the
// record's request id. Thread-safe until `check`.
#pragma once

#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "storage/ledger.hpp"
#include "tests/crash/crash_support.hpp"

namespace farebox::testing {

inline constexpr std::int64_t kUnpriced = -1;  // as a cost

// One thing submitted or one answer to it. Plain octets, so that a child process can
// write them into a pipe.
struct Event {
  enum class What : std::uint8_t {
    opened,            // the ledger is open; no call
    draft_submitted,   // takes (draft 0) or grows the hold
    draft_written,
    draft_refused,
    settle_submitted,  // each copy
    settle_written,
    settle_queued,
    release_submitted,
    release_written,   // known from the answer to a later turn of the same thread
    answered_wrongly,  // a settlement refused, a hold queued, a ticket answered twice
  };
  What what = What::opened;
  std::uint32_t draft = 0;
  std::uint64_t call = 0;
  std::uint64_t hold = 0;
  std::int64_t cost = 0;  // picodollars, or kUnpriced
  std::uint64_t sequence = 0;
  std::uint64_t turn = 0;  // in the TurnLog; then the sequence isn't known yet
};

std::string request_id_of(std::uint64_t call);
std::optional<std::uint64_t> call_of(const std::string& request_id);

// The record of a call: its text depends on the call alone, a few are many KiB long.
Record record_of(std::uint64_t call, std::int64_t cost, Outcome outcome, WallTime time);

class Truth {
 public:
  Truth() = default;
  Truth(const Truth& other);  // of one that nobody tells anything meanwhile

  // What was acknowledged and must be there.
  struct Promise {
    bool all = true;            // everything; else what is known to be synced
    bool queued = false;        // also the settlements that had to wait
    std::uint64_t synced = 0;   // sequence
    std::uint64_t synced_turn = 0;
  };
  struct Findings {
    std::uint64_t acknowledged = 0;  // that had to be there
    std::uint64_t lost = 0;
    std::uint64_t doubled = 0;
    std::uint64_t ghosts = 0;        // refused holds that were charged all the same
    std::uint64_t oldest_lost_us = 0;  // acknowledged so long before the end, not promised
    std::uint64_t records = 0;
    void add(const Findings& more);
  };
  enum class Refused : std::uint8_t { never_charged, may_be_charged };

  void note(const Event& event);
  // From now on answers don't count: the crash is about to happen.
  void freeze();
  std::uint64_t calls() const;

  // Compares, and takes what it found as settled: calls of earlier rounds must stay as
  // they were. `records` in any order. Says each difference.
  Findings check(const std::vector<Record>& records, const Promise& promise, Refused refused,
                 Breaks& breaks);
  // The next round goes on with the same ledger.
  void thaw();

  // Holds that are open if nothing was lost, as calls.
  std::vector<std::uint64_t> open_calls() const;

 private:
  struct Stamp {
    std::uint64_t order = 0;  // 0: it didn't happen
    std::uint64_t us = 0;     // since the round's start
    explicit operator bool() const { return order != 0; }
  };
  struct Draft {
    std::int64_t cost = 0;
    Stamp written;
    bool refused = false;
  };
  struct Found {
    Outcome outcome = Outcome::ok;
    std::int64_t cost = 0;
    friend bool operator==(const Found&, const Found&) = default;
  };
  struct Call {
    std::vector<Draft> drafts;
    std::int64_t settle_cost = 0;
    std::uint64_t settle_sequence = 0;
    std::uint64_t settle_turn = 0;
    Stamp settle_submitted;
    Stamp settle_written;
    bool settle_queued = false;
    bool released = false;
    Stamp release_written;
    bool over = false;  // an earlier check found how it ended
    std::optional<Found> found;
  };
  struct Judge;

  static bool is_synced(const Call& call, const Promise& promise);

  Stamp stamp();

  mutable std::mutex mutex_;
  std::unordered_map<std::uint64_t, Call> calls_;
  std::unordered_set<std::uint64_t> holds_;
  std::vector<std::string> wrong_answers_;
  std::uint64_t order_ = 0;
  Stopwatch round_;
  bool frozen_ = false;
  std::uint64_t end_us_ = 0;
};

// All records, by pages, newest first.
Result<std::vector<Record>> read_all(const Ledger& ledger);

// Opened again after a crash: no open holds, usage adds up to the records, sequences have
// no gap.
void check_sums(const Ledger& ledger, const std::vector<Record>& records, Breaks& breaks);

}  // namespace farebox::testing
