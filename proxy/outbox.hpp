// Outbox: octets that a client has yet to take, for who can't wait for it.
//
// What is added is copied and goes out as fast as the client reads. Used by one thread, and drained
// or given up before it dies.
#pragma once

#include <algorithm>
#include <string>
#include <utility>

#include "proxy/client_connection.hpp"

namespace farebox {

class Outbox {
 public:
  explicit Outbox(ClientConnection& client) : client_(client) {}
  ~Outbox() { DCHECK(!writing()); }
  Outbox(const Outbox&) = delete;
  Outbox& operator=(const Outbox&) = delete;

  void add(ByteStream::Buffers pieces) {
    if (given_up_) return;
    for (const asio::const_buffer& piece : pieces) {
      waiting_.append(static_cast<const char*>(piece.data()), piece.size());
    }
    pump();
  }

  // Sends on what waits, if nothing is under way. Call it after every wake-up.
  void pump() {
    Channel& channel = client_.channel();
    if (channel.sending()) return;
    going_.clear();
    if (waiting_.empty() || client_.left()) return;
    std::swap(going_, waiting_);
    const asio::const_buffer pieces[] = {asio::buffer(going_)};
    channel.send(pieces);
    if (!channel.sending()) going_.clear();
  }

  bool given_up() const { return given_up_; }

  std::size_t octets() const { return waiting_.size() + (writing() ? going_.size() : 0); }
  bool writing() const { return !going_.empty() && client_.channel().sending(); }

  // Waits until all is out; false, and the connection is closed, if that doesn't happen by `until`.
  awaitable<bool> drain(SteadyTime until) {
    ClientConnection::Stall stall(client_);
    while (octets() != 0) {
      pump();
      if (octets() == 0) break;
      const SteadyTime ends = std::min(until, stall.ends());
      if (client_.left() || client_.cut_off() || client_.now() >= ends) {
        co_await give_up();
        co_return false;
      }
      co_await client_.wait(ends);
    }
    co_return !client_.left() && !given_up_;
  }

  // The client gets no more, and its connection is closed.
  awaitable<void> give_up() {
    given_up_ = true;
    waiting_.clear();
    client_.channel().close();
    while (client_.channel().sending()) {
      if (!client_.wake().take()) co_await client_.wake().wait();
    }
    going_.clear();
  }

 private:
  ClientConnection& client_;
  std::string waiting_, going_;
  bool given_up_ = false;
};

}  // namespace farebox
