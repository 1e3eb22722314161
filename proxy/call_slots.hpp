// CallSlots: how many calls one provider gets at once, over all workers, and who waits.
//
// Thread-safe: the limit and the queue (policy/) behind one short lock, taken when a call
// begins, when its answer's head came and when it ends. Who waits is woken on its own
// worker's thread.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>

#include "config/base/clock.hpp"
#include "policy/call_queue.hpp"
#include "policy/concurrency_limit.hpp"
#include "proxy/event.hpp"
#include "proxy/net.hpp"

namespace farebox {

class CallSlots;

// One call's slot or place in the queue, given back when this is destroyed. Belongs to its
// worker's thread. A stage enters and then, as long as it is queued, waits until `until` for
// its event; what it sees afterwards may be any state.
class CallSlot : private QueuedCall {
 public:
  using State = QueuedCall::State;

  CallSlot() = default;
  ~CallSlot() { leave(); }

  State state() const { return state_seen_.load(std::memory_order_acquire); }
  SteadyTime until() const { return QueuedCall::until(); }  // how long it may wait
  void leave();

 private:
  friend class CallSlots;
  struct Wakeup {
    Executor executor;
    Event* event;  // null: nobody waits any more; touched by the worker's thread only
  };

  CallSlots* slots_ = nullptr;  // null: not inside
  const Clock* clock_ = nullptr;
  std::atomic<State> state_seen_{State::outside};
  std::shared_ptr<Wakeup> wakeup_;  // of one that was queued
};

class CallSlots {
 public:
  // `pool_max`: connections at once, the least that a limit nobody said is.
  CallSlots(const ConcurrencySettings& settings, std::uint32_t pool_max);

  // Who waits: `wake` is set on `executor`'s thread when a queued slot changes. The clock
  // outlives it.
  struct Waiter {
    Executor executor;
    Event& wake;
    const Clock& clock;
  };
  struct Answer {
    CallQueue::Refusal refusal = CallQueue::Refusal::none;
    std::chrono::nanoseconds retry_after{0};  // when refused
  };
  // Afterwards the slot is admitted, queued, or outside when the answer is a refusal. Must
  // outlive the slot.
  Answer enter(CallSlot& slot, const CallQueue::Ask& ask, const Waiter& waiter);

  // What a call that ended says of the load; it may let others in.
  void add(ConcurrencyLimit::Went went, SteadyTime began, SteadyTime ended);

  struct Sight {
    std::uint32_t in_use = 0, queued = 0, limit = 0;
  };
  Sight sight() const;
  std::uint32_t in_use() const { return in_use_.load(std::memory_order_relaxed); }
  // Would a call have to wait? As of a moment ago, without a lock.
  bool full() const { return full_.load(std::memory_order_relaxed); }

 private:
  friend class CallSlot;
  void leave(CallSlot& slot);
  void serve(SteadyTime now);  // with the lock
  static void tell(QueuedCall& call);

  const bool adaptive_;
  mutable std::mutex mutex_;
  ConcurrencyLimit limit_;
  CallQueue queue_;
  std::atomic<std::uint32_t> in_use_{0};
  std::atomic<bool> full_{false};
};

}  // namespace farebox
