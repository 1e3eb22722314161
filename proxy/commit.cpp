#include "proxy/commit.hpp"

#include <algorithm>
#include <boost/asio/post.hpp>

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
    if (free_.empty()) add_ticket();
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

// A ticket is there with room for its answer, or it isn't there.
void CommitDesk::add_ticket() {
  if (tickets_.size() == tickets_.capacity()) {
    const std::size_t most = std::max<std::size_t>(16, 2 * tickets_.size());
    free_.reserve(most);  // all may be free at once
    reading_.reserve(most);
    {
      const std::lock_guard lock(mutex_);
      mailbox_.reserve(most);
    }
    tickets_.reserve(most);
  }
  tickets_.push_back(nullptr);
  free_.push_back(static_cast<std::uint32_t>(tickets_.size()));
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
  bool first;
  {
    const std::lock_guard lock(mutex_);
    first = mailbox_.empty();
    CHECK(mailbox_.size() + results.size() <= mailbox_.capacity());
    mailbox_.insert(mailbox_.end(), results.begin(), results.end());
  }
  if (first) asio::post(context_, delivery_.bind([this] { deliver(); }));
}

void CommitDesk::deliver() {
  reading_.clear();
  {
    const std::lock_guard lock(mutex_);
    reading_.swap(mailbox_);
  }
  // Whoever is woken may take one more ticket, for which `reading_` moves.
  for (std::size_t i = 0; i < reading_.size(); ++i) {
    const CommitResult result = reading_[i];
    resolve(result, true);
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
