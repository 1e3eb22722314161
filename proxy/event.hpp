// Event: something happened, go and look.
//
// One coroutine waits; anything on the same thread may set. Setting an event that
// nobody waits for is remembered once. A set resumes the waiter inside the call, so
// make it the last thing a handler does: the waiter may destroy the caller's world.
#pragma once

#include <boost/asio/async_result.hpp>

#include <optional>
#include <utility>

#include "config/base/check.hpp"
#include "proxy/net.hpp"

namespace farebox {

class Event {
 public:
  Event() = default;
  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;

  void set() {
    if (!waiter_) {
      set_ = true;
      return;
    }
    Handler resume = std::move(*waiter_);
    waiter_.reset();
    resume();
  }

  // True, and forgotten, if it was set before: then there is no need to wait.
  bool take() { return std::exchange(set_, false); }

  // Suspends until set. Precondition: take() was false and nobody else waits.
  awaitable<void> wait() {
    DCHECK(!waiter_);
    const auto keep = [this](auto&& handler) { waiter_.emplace(std::move(handler)); };
    return asio::async_initiate<const asio::use_awaitable_t<Executor>&, void()>(keep,
                                                                               use_awaitable);
  }

 private:
  using Handler =
      typename asio::async_result<asio::use_awaitable_t<Executor>, void()>::handler_type;

  std::optional<Handler> waiter_;
  bool set_ = false;
};

}  // namespace farebox
