// Reading the client's body, whole or piece by piece.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>

#include "proxy/stages/stages.hpp"

namespace farebox::stages {

// Tells a client that waits for it to send its body (RFC 9110, 10.1.1). It is sent even
// when the body is on its way already: some clients count on it.
awaitable<bool> send_continue(ClientConnection& client, Call& call);

// Reads all of it into call.body, counted against limits.buffered_bodies. Errors:
// request_too_large, request_timeout, bad_request, overloaded, client_closed.
awaitable<Result<void>> read_whole_body(ClientConnection& client, Call& call);

// BodyPace: how long a body may take, however small its pieces are. It has limits.body_timeout for
// its begin and a second more for each KiB, and never more than twice that timeout ahead: what came
// fast is no reason to hold it for long.
class BodyPace {
 public:
  BodyPace(SteadyTime began, Milliseconds body_timeout)
      : timeout_(body_timeout), quiet_(began + timeout_), earned_(quiet_) {}

  // Octets came.
  void came(SteadyTime now, std::uint64_t octets) {
    // Beyond that it doesn't count, nor is there room for the product.
    const auto counted = static_cast<std::int64_t>(std::min<std::uint64_t>(octets, 1 << 30));
    const std::chrono::nanoseconds more(counted * 1'000'000'000 / 1024);
    quiet_ = now + timeout_;
    earned_ = std::min(earned_ + more, now + 2 * timeout_);
  }
  // More must have come by then.
  SteadyTime until() const { return std::min(quiet_, earned_); }

 private:
  std::chrono::nanoseconds timeout_;
  SteadyTime quiet_, earned_;
};
Error too_slow_body();

}  // namespace farebox::stages
