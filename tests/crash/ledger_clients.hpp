// Clients of a ledger: threads that take holds, let them grow, settle and release them at
// a random pace, in turns as a worker does, and report each step as an event.
#pragma once

#include <atomic>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <random>
#include <thread>
#include <unordered_map>
#include <vector>

#include "tests/crash/ledger_truth.hpp"

namespace farebox::testing {

using Emit = std::function<void(const Event&)>;

// One client. What a worker does between two waits is one `turn`; nothing here waits, so
// that a test may also drive it by hand.
class LedgerClient final : public CommitSink {
 public:
  // Calls are numbered from `first_call` on.
  LedgerClient(Ledger& ledger, const Clock& clock, Emit emit, std::uint64_t seed,
               std::uint64_t first_call);

  // Submits one turn of about `most` writes; no new calls while too much waits.
  void turn(std::size_t most);
  // Settles everything that is held.
  void settle_all();

  // Answers that are still to come.
  std::size_t waiting() const;
  // Calls that aren't over.
  std::size_t active() const;

  void committed(std::span<const CommitResult> results) override;

 private:
  enum class Kind : std::uint8_t { draft, settle };
  enum class State : std::uint8_t {
    asked,   // for its hold
    held,
    ending,  // copies of its settlement are still to be sent
    over,    // as far as its client cares
  };
  struct Call {
    std::uint64_t number = 0;
    HoldId hold;
    State state = State::asked;
    std::uint32_t drafts = 0;
    std::int64_t cost = 0;  // when it is ending
    int copies = 0;
  };
  struct Waiting {
    std::uint64_t call = 0;
    std::uint64_t turn = 0;
    std::uint32_t draft = 0;
    Kind kind = Kind::draft;
  };

  std::uint64_t roll(std::uint64_t sides) { return dice_() % sides; }
  std::int64_t random_cost();
  void add(Turn& turn, Turn::What what, Call& call, Outcome outcome, std::int64_t cost);
  void add_draft(Turn& turn, Call& call);
  void add_settlement(Turn& turn, Call& call);
  void add_release(Turn& turn, Call& call);
  void move_call(Turn& turn, Call& call);
  void send(Turn turn);
  static void answered(Call& call, Committed committed);
  static Event::What answer(Kind kind, Committed committed);

  Ledger& ledger_;
  const Clock& clock_;
  const Emit emit_;
  std::mt19937_64 dice_;
  std::uint64_t next_call_;

  mutable std::mutex mutex_;
  std::unordered_map<std::uint64_t, Call> calls_;
  std::unordered_map<std::uint32_t, Waiting> waiting_;
  std::deque<std::pair<std::uint64_t, std::uint64_t>> releases_;  // turn, call
  std::uint32_t next_ticket_ = 1;
  std::uint64_t turn_ = 1;
};

// Several of them on threads of their own, until they are stopped.
class LedgerClients {
 public:
  struct Options {
    std::size_t threads = 4;
    std::uint64_t seed = 0;
    std::uint64_t first_call = 0;
  };
  LedgerClients(Ledger& ledger, const Clock& clock, Emit emit, const Options& options);
  ~LedgerClients();

  // No turn is submitted any more when it returns. The ledger may still answer, so the
  // clients must outlive its `close`.
  void stop();

 private:
  std::atomic<bool> stop_ = false;
  std::vector<std::unique_ptr<LedgerClient>> clients_;
  std::vector<std::thread> threads_;
};

}  // namespace farebox::testing
