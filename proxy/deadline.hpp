// Deadline: one lazily kept timer for everything one coroutine waits for.
//
// A coroutine waits for its Event "until" some time; most waits end long before.
// So the timer is only moved when it would fire too late; when it fires early the
// waiter looks at the clock and waits on. That keeps timers out of the hot path:
// about one system call per timeout period instead of two per request.
#pragma once

#include "config/base/clock.hpp"
#include "proxy/event.hpp"

namespace farebox {

class Deadline {
 public:
  // `wake` is set when the timer fires; both must outlive every wait, and `stop`
  // with `idle` must end the timer before they die.
  Deadline(const Executor& executor, Event& wake) : timer_(executor), wake_(wake) {}

  // Waits for the event, at most until `time`. Returns early without reason at
  // times: the caller checks what it waits for, in a loop.
  awaitable<void> wait_until(SteadyTime time) {
    arm(time);
    return wake_.wait();
  }

  // Makes the timer fire no later than `time`.
  void arm(SteadyTime time) {
    if (armed_ && armed_for_ <= time) return;
    armed_for_ = time;
    timer_.expires_at(time);  // cancels the wait under way, if any
    armed_ = false;
    timer_.async_wait([this](error_code ec) {
      --in_flight_;
      if (!ec) armed_ = false;
      wake_.set();
    });
    armed_ = true;  // behind what may throw
    ++in_flight_;
  }

  void stop() {
    timer_.cancel();
    armed_ = false;
  }
  bool idle() const { return in_flight_ == 0; }

 private:
  Timer timer_;
  Event& wake_;
  SteadyTime armed_for_{};
  int in_flight_ = 0;
  bool armed_ = false;
};

}  // namespace farebox
