#include "proxy/commit.hpp"

#include <boost/asio/post.hpp>

#include "storage/record_codec.hpp"

namespace farebox {
namespace {

// The desk whose turn this thread is handing over: it looks into its mailbox right after.
thread_local const CommitDesk* submitting_here = nullptr;

}  // namespace

CommitDesk::Ticket::~Ticket() {
  // The number stays taken until its answer comes, so that it can't be mistaken.
  if (desk_ != nullptr) desk_->tickets_[number_ - 1] = nullptr;
}

Turn::Write& CommitDesk::add(Turn::What what, HoldId hold, Ticket* ticket) {
  if (!flush_posted_) {
    flush_posted_ = true;
    // Runs behind everything that is ready now: that is the end of the turn.
    asio::post(context_, [this] { flush(); });
  }
  Turn::Write& write = turn_.writes.emplace_back();
  write.what = what;
  write.hold = hold;
  write.offset = turn_.octets.size();
  if (ticket != nullptr) {
    CHECK(ticket->desk_ == nullptr);
    if (free_.empty()) {
      tickets_.push_back(nullptr);
      free_.push_back(static_cast<std::uint32_t>(tickets_.size()));
    }
    ticket->number_ = write.ticket = free_.back();
    free_.pop_back();
    tickets_[write.ticket - 1] = ticket;
    ticket->desk_ = this;
    ticket->done_ = false;
  }
  return write;
}

void CommitDesk::hold(HoldId hold, const Record& draft, Ticket& ticket) {
  Turn::Write& write = add(Turn::What::hold, hold, &ticket);
  encode_record(turn_.octets, draft, hold);
  write.size = turn_.octets.size() - write.offset;
}

void CommitDesk::settle(HoldId hold, const Record& record, Ticket& ticket) {
  Turn::Write& write = add(Turn::What::settle, hold, &ticket);
  encode_record(turn_.octets, record, hold);
  write.size = turn_.octets.size() - write.offset;
}

void CommitDesk::release(HoldId hold) { add(Turn::What::release, hold, nullptr); }

void CommitDesk::flush() {
  flush_posted_ = false;
  if (turn_.writes.empty()) return;
  Turn turn;
  std::swap(turn, turn_);
  turn_.octets.reserve(turn.octets.size());
  turn_.writes.reserve(turn.writes.size());
  turn.sink = this;
  submitting_here = this;
  ledger_.submit(std::move(turn));
  submitting_here = nullptr;
  deliver();  // most answers are there already
}

void CommitDesk::committed(std::span<const CommitResult> results) {
  bool first = false;
  {
    const std::lock_guard lock(mutex_);
    first = mailbox_.empty();
    mailbox_.insert(mailbox_.end(), results.begin(), results.end());
  }
  if (first && submitting_here != this) {
    asio::post(context_, [this] { deliver(); });
  }
}

void CommitDesk::deliver() {
  reading_.clear();
  {
    const std::lock_guard lock(mutex_);
    reading_.swap(mailbox_);
  }
  for (const CommitResult& result : reading_) {
    Ticket* const ticket = std::exchange(tickets_[result.ticket - 1], nullptr);
    free_.push_back(result.ticket);
    if (ticket == nullptr) continue;
    ticket->desk_ = nullptr;
    ticket->result_ = result;
    ticket->done_ = true;
    ticket->wake_.set();  // resumes the coroutine, which may end what it likes
  }
}

awaitable<bool> answered_by(ClientConnection& client, const CommitDesk::Ticket& ticket,
                            SteadyTime until) {
  while (!ticket.done()) {
    if (client.now() >= until) co_return false;
    co_await client.wait(until);
  }
  co_return true;
}

}  // namespace farebox
