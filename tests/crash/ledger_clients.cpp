// The pace and the habits of the crash suites' clients.
#include "tests/crash/ledger_clients.hpp"

#include "storage/record_codec.hpp"

namespace farebox::testing {
namespace {

constexpr std::size_t kMostWaiting = 64;
constexpr std::uint64_t kCallsPerThread = 1ull << 32;

}  // namespace

LedgerClient::LedgerClient(Ledger& ledger, const Clock& clock, Emit emit, std::uint64_t seed,
                           std::uint64_t first_call)
    : ledger_(ledger),
      clock_(clock),
      emit_(std::move(emit)),
      dice_(seed),
      next_call_(first_call) {}

std::int64_t LedgerClient::random_cost() {
  const std::uint64_t kind = roll(16);
  if (kind == 0) return kUnpriced;
  if (kind == 1) return 0;
  // From a picodollar to a hundred dollars.
  return static_cast<std::int64_t>(dice_() % (1ull << (1 + roll(46))));
}

void LedgerClient::add(Turn& turn, Turn::What what, Call& call, Outcome outcome,
                       std::int64_t cost) {
  Turn::Write write;
  write.what = what;
  write.hold = call.hold;
  if (what != Turn::What::release) {
    write.offset = turn.octets.size();
    encode_record(turn.octets, record_of(call.number, cost, outcome, clock_.wall_now()),
                  call.hold);
    write.size = turn.octets.size() - write.offset;
    write.ticket = next_ticket_++;
    waiting_[write.ticket] = {call.number, turn_, call.drafts,
                              what == Turn::What::hold ? Kind::draft : Kind::settle};
  }
  turn.writes.push_back(write);
}

void LedgerClient::add_draft(Turn& turn, Call& call) {
  const std::int64_t cost = random_cost();
  emit_({Event::What::draft_submitted, call.drafts, call.number, call.hold.value, cost, 0});
  add(turn, Turn::What::hold, call, Outcome::crashed, cost);
  ++call.drafts;
}

void LedgerClient::add_settlement(Turn& turn, Call& call) {
  emit_({Event::What::settle_submitted, 0, call.number, call.hold.value, call.cost, 0});
  add(turn, Turn::What::settle, call, Outcome::ok, call.cost);
  if (--call.copies == 0) call.state = State::over;
}

void LedgerClient::add_release(Turn& turn, Call& call) {
  emit_({Event::What::release_submitted, 0, call.number, call.hold.value, 0, 0});
  add(turn, Turn::What::release, call, Outcome::ok, 0);
  releases_.emplace_back(turn_, call.number);
  call.state = State::over;
}

// What a call does next. Under the lock.
void LedgerClient::move_call(Turn& turn, Call& call) {
  const std::uint64_t kind = roll(16);
  switch (call.state) {
    case State::asked:
      if (kind == 0) add_release(turn, call);  // its client left before the answer
      break;
    case State::held:
      if (kind < 4) {
        add_draft(turn, call);
      } else if (kind == 4) {
        add_release(turn, call);
      } else if (kind == 5) {
        call.state = State::over;  // stays open until somebody crashes
      } else if (kind < 12) {
        call.cost = random_cost();
        call.copies = roll(3) == 0 ? 3 : roll(3) == 0 ? 2 : 1;
        call.state = State::ending;
        add_settlement(turn, call);
        // The second one often in the same turn.
        if (call.copies > 0 && roll(2) == 0) add_settlement(turn, call);
      }
      break;
    case State::ending:  // once more, from a confused worker
      if (kind < 8) add_settlement(turn, call);
      break;
    case State::over: break;
  }
}

void LedgerClient::turn(std::size_t most) {
  Turn turn;
  turn.sink = this;
  std::vector<HoldId> fresh;
  if (waiting() < kMostWaiting) {
    for (std::uint64_t i = roll(4); i > 0; --i) fresh.push_back(ledger_.make_hold_id());
  }
  {
    const std::lock_guard lock(mutex_);
    ++turn_;
    for (const HoldId hold : fresh) {
      Call& call = calls_[next_call_];
      call.number = next_call_++;
      call.hold = hold;
      add_draft(turn, call);
    }
    for (auto at = calls_.begin(); at != calls_.end() && turn.writes.size() < most;) {
      move_call(turn, at->second);
      at = at->second.state == State::over ? calls_.erase(at) : std::next(at);
    }
  }
  send(std::move(turn));
}

void LedgerClient::settle_all() {
  Turn turn;
  turn.sink = this;
  {
    const std::lock_guard lock(mutex_);
    ++turn_;
    for (auto& [number, call] : calls_) {
      if (call.state == State::held) {
        call.cost = random_cost();
        call.copies = 1;
        call.state = State::ending;
      }
      while (call.state == State::ending) add_settlement(turn, call);
    }
    std::erase_if(calls_, [](const auto& call) { return call.second.state == State::over; });
  }
  send(std::move(turn));
}

void LedgerClient::send(Turn turn) {
  if (!turn.writes.empty()) ledger_.submit(std::move(turn));
}

std::size_t LedgerClient::waiting() const {
  const std::lock_guard lock(mutex_);
  return waiting_.size();
}

std::size_t LedgerClient::active() const {
  const std::lock_guard lock(mutex_);
  return calls_.size();
}

void LedgerClient::committed(std::span<const CommitResult> results) {
  const std::lock_guard lock(mutex_);
  for (const CommitResult& result : results) {
    Event event;
    event.sequence = result.sequence;
    event.turn = result.turn;
    const auto found = waiting_.find(result.ticket);
    if (found == waiting_.end()) {
      event.what = Event::What::answered_wrongly;  // twice, or what nobody asked
      emit_(event);
      continue;
    }
    const Waiting waiting = found->second;
    waiting_.erase(found);
    event.call = waiting.call;
    event.draft = waiting.draft;
    event.what = answer(waiting.kind, result.committed);
    emit_(event);
    const auto call = calls_.find(waiting.call);
    if (call != calls_.end() && call->second.state == State::asked && waiting.draft == 0) {
      answered(call->second, result.committed);
    }
    if (result.committed != Committed::written) continue;
    while (!releases_.empty() && releases_.front().first < waiting.turn) {
      Event gone;
      gone.what = Event::What::release_written;
      gone.call = releases_.front().second;
      emit_(gone);
      releases_.pop_front();
    }
  }
}

// A call whose hold is refused ends there, or (on_store_failure: allow) goes on without.
void LedgerClient::answered(Call& call, Committed committed) {
  if (committed == Committed::written) {
    call.state = State::held;
  } else if (call.number % 2 == 0) {
    call.state = State::over;
  } else {
    call.state = State::ending;
    call.hold = HoldId();
    call.cost = static_cast<std::int64_t>(call.number % 1'000'003);
    call.copies = 1;  // without a hold nobody knows a copy
  }
}

Event::What LedgerClient::answer(Kind kind, Committed committed) {
  using What = Event::What;
  switch (committed) {
    case Committed::written:
      return kind == Kind::draft ? What::draft_written : What::settle_written;
    case Committed::refused:  // a settlement is never refused
      return kind == Kind::draft ? What::draft_refused : What::answered_wrongly;
    case Committed::queued:  // a hold never waits
      return kind == Kind::draft ? What::answered_wrongly : What::settle_queued;
  }
  return What::answered_wrongly;
}

LedgerClients::LedgerClients(Ledger& ledger, const Clock& clock, Emit emit,
                             const Options& options) {
  for (std::size_t i = 0; i < options.threads; ++i) {
    clients_.push_back(std::make_unique<LedgerClient>(ledger, clock, emit, mix(options.seed, i),
                                                      options.first_call + i * kCallsPerThread));
  }
  for (std::size_t i = 0; i < options.threads; ++i) {
    threads_.emplace_back([this, i, seed = mix(options.seed, 1000 + i)] {
      std::mt19937_64 dice(seed);
      while (!stop_) {
        clients_[i]->turn(1 + dice() % 16);
        // Bursts, and pauses of up to a millisecond.
        if (dice() % 3 != 0) {
          std::this_thread::sleep_for(
              std::chrono::microseconds(dice() % (dice() % 8 != 0 ? 300 : 1000)));
        }
      }
    });
  }
}

LedgerClients::~LedgerClients() { stop(); }

void LedgerClients::stop() {
  stop_ = true;
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
}

}  // namespace farebox::testing
