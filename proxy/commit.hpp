// CommitDesk: one worker's window to the ledger.
//
// A write is handed over at once. Most often the answer is there when the call returns,
// because the ledger has it in its TurnLog; where the ledger's thread has to write it
// first, the answer comes through a mailbox and the waiting coroutine is woken on its own
// worker. Used by its worker's thread, except `committed`, which the ledger's calls.
#pragma once

#include <mutex>
#include <vector>

#include "proxy/client_connection.hpp"
#include "proxy/handler_memory.hpp"
#include "proxy/net.hpp"
#include "storage/ledger.hpp"

namespace farebox {

class CommitDesk final : public CommitSink {
 public:
  // One write that a coroutine waits for. May die before the answer comes.
  class Ticket {
   public:
    explicit Ticket(Event& wake) : wake_(wake) {}
    ~Ticket();
    Ticket(const Ticket&) = delete;
    Ticket& operator=(const Ticket&) = delete;

    bool done() const { return done_; }
    bool written() const { return done_ && result_.committed == Committed::written; }
    std::uint64_t sequence() const { return result_.sequence; }

   private:
    friend class CommitDesk;
    Event& wake_;
    CommitDesk* desk_ = nullptr;  // null: nothing is awaited
    std::uint32_t number_ = 0;
    bool done_ = false;
    CommitResult result_;
  };

  CommitDesk(asio::io_context& context, Ledger& ledger) : context_(context), ledger_(ledger) {}

  HoldId make_hold_id() { return ledger_.make_hold_id(); }

  // Takes or grows a hold, with the draft a crash would make its record.
  void hold(HoldId hold, const Record& draft, Ticket& ticket);
  // Writes the record and ends the hold, if there is one.
  void settle(HoldId hold, const Record& record, Ticket& ticket);
  void settle(HoldId hold, const Record& record);  // nobody waits for it
  // Ends a hold for which nothing was sent. Nobody waits for that.
  void release(HoldId hold);

  void committed(std::span<const CommitResult> results) override;

 private:
  // With an exception nothing was handed over.
  void write(Turn::What what, HoldId hold, const Record* record, Ticket* ticket);
  void add_ticket();
  void resolve(const CommitResult& result, bool wake);
  void deliver();

  asio::io_context& context_;
  Ledger& ledger_;
  std::vector<Ticket*> tickets_;      // by number - 1; null: nobody waits any more
  std::vector<std::uint32_t> free_;   // numbers that can be given again
  std::mutex mutex_;
  // Each has room for a result of every ticket: the ledger's thread must not fail to tell.
  std::vector<CommitResult> mailbox_;  // under mutex_
  std::vector<CommitResult> reading_;
  HandlerMemory delivery_;
  Turn spare_;  // empty, for its memory
};

// Waits until the ledger has answered; false if it didn't by `until`.
awaitable<bool> answered_by(ClientConnection& client, const CommitDesk::Ticket& ticket,
                            SteadyTime until);

}  // namespace farebox
