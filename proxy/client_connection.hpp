// ClientConnection: one client's connection, from accept to close.
//
// Lives and dies on one worker. It reads a head, runs one exchange, and goes on
// while both sides want to. Its event is the only thing its coroutine ever waits
// for: data, a write that went out, a deadline, a drain, a finished dial.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "proxy/channel.hpp"
#include "proxy/deadline.hpp"
#include "proxy/http/head.hpp"
#include "proxy/last_key.hpp"

namespace farebox {

class Tenure;
class Worker;
struct Services;

class ClientConnection {
 public:
  // `peer`: who is at the other end, as a number that stands for the address; 0: a local socket.
  ClientConnection(Worker& worker, std::unique_ptr<ByteStream> stream, std::size_t peer = 0);
  ClientConnection(const ClientConnection&) = delete;
  ClientConnection& operator=(const ClientConnection&) = delete;

  // Serves until the connection ends; nothing is in flight when it returns. An exception of a
  // request, for want of memory most likely, ends the connection with a reset.
  awaitable<void> run();

  Worker& worker() { return worker_; }
  // Within a RequestTime: what the request runs under. Else the worker's newest, good until the
  // next wait.
  Services& services();

  // One request's time on the connection. The settings it began with stay its own, whatever
  // is reloaded meanwhile.
  class RequestTime {
   public:
    explicit RequestTime(ClientConnection& client);
    ~RequestTime();
    RequestTime(const RequestTime&) = delete;
    RequestTime& operator=(const RequestTime&) = delete;

   private:
    ClientConnection& client_;
  };
  SteadyTime now() const;

  Channel& channel() { return *channel_; }
  Event& wake() { return wake_; }
  http::RequestHead& head() { return head_; }
  LastKey& last_key() { return last_key_; }
  std::size_t peer() const { return peer_; }

  // Moves the first `length` octets received into stable memory and returns them.
  std::string_view take_head(std::size_t length);

  // Waits for anything to happen, at most until `until`. Meanwhile the client is
  // watched, so that one who leaves is noticed.
  awaitable<void> wait(SteadyTime until);

  // The client sent FIN or reset, can't be written to, or isn't waited for any longer.
  bool left() const { return channel_->ended() || channel_->broken() || channel_->closed(); }

  // Sends all of `data`; false if the client left or took nothing for too long, the time ran out,
  // or farebox stops. `data` is only referenced while this runs.
  awaitable<bool> send(ByteStream::Buffers data, SteadyTime until);

  // A client that takes nothing of what it is sent for limits.idle_timeout isn't waited for.
  class Stall {
   public:
    explicit Stall(ClientConnection& client)
        : client_(client), written_(client.channel_->octets_written()), since_(client.now()) {}
    SteadyTime ends();

   private:
    ClientConnection& client_;
    std::uint64_t written_;
    SteadyTime since_;
  };

  // Drain: finish what runs, begin nothing. Cut: end now.
  void drain();
  void cut();
  bool draining() const { return draining_; }
  bool cut_off() const { return cut_; }

  // The connection ends with a reset: what was sent so far must not look whole.
  void end_with_reset() { reset_at_end_ = true; }

 private:
  awaitable<void> close_gently();

  Worker& worker_;
  Event wake_;
  Deadline deadline_;
  std::unique_ptr<Channel> channel_;
  std::string head_text_;
  http::RequestHead head_;
  LastKey last_key_;
  const std::size_t peer_;
  Tenure* tenure_ = nullptr;  // of the request that runs
  bool draining_ = false;
  bool cut_ = false;
  bool reset_at_end_ = false;
};

}  // namespace farebox
