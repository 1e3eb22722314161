#include "proxy/commit.hpp"

#include <boost/asio/post.hpp>

#include <new>
#include <thread>

#include "storage/record_codec.hpp"

namespace farebox {
namespace {

constexpr std::size_t kUsualOctets = 480;  // of a record with everything in it

// The desk that is handing something over on this thread.
thread_local const CommitDesk* submitting_here = nullptr;

}  // namespace

CommitDesk::Ticket::~Ticket() {
  // The number stays taken until its answer comes, so that it can't be mistaken.
  if (desk_ != nullptr) desk_->tickets_[number_ - 1] = nullptr;
}

void CommitDesk::hold(HoldId hold, const Record& draft, Ticket& ticket) {
  write(Turn::What::hold, hold, &draft, &ticket);
}

void CommitDesk::settle(HoldId hold, const Record& record, Ticket& ticket) {
  write(Turn::What::settle, hold, &record, &ticket);
}

void CommitDesk::settle(HoldId hold, const Record& record) {
  write(Turn::What::settle, hold, &record, nullptr);
}

void CommitDesk::release(HoldId hold) { write(Turn::What::release, hold, nullptr, nullptr); }

void CommitDesk::write(Turn::What what, HoldId hold, const Record* record, Ticket* ticket) {
  Turn turn = std::move(spare_);
  turn.sink = this;
  Turn::Write& write = turn.writes.emplace_back();
  write.what = what;
  write.hold = hold;
  if (record != nullptr) {
    turn.octets.reserve(kUsualOctets);
    encode_record(turn.octets, *record, hold);
    write.size = turn.octets.size();
  }
  if (ticket != nullptr) {
    CHECK(ticket->desk_ == nullptr);
    if (free_.empty()) {
      free_.reserve(tickets_.size() + 1);  // all may be free at once
      tickets_.push_back(nullptr);
      free_.push_back(static_cast<std::uint32_t>(tickets_.size()));
    }
    ticket->number_ = write.ticket = free_.back();
    free_.pop_back();
    tickets_[write.ticket - 1] = ticket;
    ticket->desk_ = this;
    ticket->done_ = false;
  }
  submitting_here = this;
  try {
    spare_ = ledger_.submit(std::move(turn));
  } catch (...) {
    submitting_here = nullptr;
    if (ticket != nullptr && ticket->desk_ != nullptr) {
      ticket->desk_ = nullptr;
      tickets_[ticket->number_ - 1] = nullptr;
      free_.push_back(ticket->number_);
    }
    throw;
  }
  submitting_here = nullptr;
}

void CommitDesk::resolve(const CommitResult& result, bool wake) {
  Ticket* const ticket = std::exchange(tickets_[result.ticket - 1], nullptr);
  free_.push_back(result.ticket);
  if (ticket == nullptr) return;
  ticket->desk_ = nullptr;
  ticket->result_ = result;
  ticket->done_ = true;
  if (wake) ticket->wake_.set();  // resumes the coroutine, which may end what it likes
}

void CommitDesk::committed(std::span<const CommitResult> results) {
  // Inside `submit`: whoever asked is running and will look.
  if (submitting_here == this) {
    for (const CommitResult& result : results) resolve(result, false);
    return;
  }
  bool first = false, put = false, told = false;
  // On the ledger's thread, and somebody waits: there is no other way than once more.
  while (!told) {
    try {
      if (!put) {
        const std::lock_guard lock(mutex_);
        const bool was_empty = mailbox_.empty();
        mailbox_.insert(mailbox_.end(), results.begin(), results.end());
        first = was_empty;
        put = true;
      }
      if (first) asio::post(context_, [this] { deliver(); });
      told = true;
    } catch (const std::bad_alloc&) {
      std::this_thread::yield();
    }
  }
}

void CommitDesk::deliver() {
  reading_.clear();
  {
    const std::lock_guard lock(mutex_);
    reading_.swap(mailbox_);
  }
  for (const CommitResult& result : reading_) resolve(result, true);
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
