// WakeUp: tells a coroutine on its own worker's thread that something happened, from any thread.
//
// Shared by whoever waits and whoever tells. Tells once for all that happens until the waiter
// looks. Who waits must `end` it on its own thread before its Event dies.
#pragma once

#include <boost/asio/post.hpp>

#include <atomic>
#include <memory>

#include "proxy/event.hpp"
#include "proxy/net.hpp"

namespace farebox {

class WakeUp {
 public:
  WakeUp(const Executor& executor, Event& event) : executor_(executor), event_(&event) {}
  WakeUp(const WakeUp&) = delete;
  WakeUp& operator=(const WakeUp&) = delete;

  // Any thread.
  static void tell(const std::shared_ptr<WakeUp>& waiter) {
    if (waiter->told_.exchange(true, std::memory_order_acq_rel)) return;
    asio::post(waiter->executor_, [waiter] {
      waiter->told_.store(false, std::memory_order_release);
      if (waiter->event_ != nullptr) waiter->event_->set();
    });
  }

  // Of the worker's thread: nobody waits any more.
  void end() { event_ = nullptr; }

  // Ends it with the scope of who waits.
  class Watch {
   public:
    explicit Watch(WakeUp& waiter) : waiter_(waiter) {}
    ~Watch() { waiter_.end(); }
    Watch(const Watch&) = delete;
    Watch& operator=(const Watch&) = delete;

   private:
    WakeUp& waiter_;
  };

 private:
  const Executor executor_;
  Event* event_;
  std::atomic<bool> told_{false};
};

}  // namespace farebox
