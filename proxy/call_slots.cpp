#include "proxy/call_slots.hpp"

#include <boost/asio/post.hpp>

#include <algorithm>

namespace farebox {
namespace {

constexpr std::uint32_t kUsualMost = 256;

std::uint32_t most_of(const ConcurrencySettings& settings, std::uint32_t pool_max) {
  return settings.max != 0 ? settings.max : std::max(kUsualMost, pool_max);
}

}  // namespace

void CallSlot::leave() {
  if (slots_ == nullptr) return;
  slots_->leave(*this);
  slots_ = nullptr;
  if (wakeup_) wakeup_->event = nullptr;
  wakeup_.reset();
}

CallSlots::CallSlots(const ConcurrencySettings& settings, std::uint32_t pool_max)
    : adaptive_(settings.adaptive != Adaptive::off),
      limit_(settings.adaptive, {settings.min, most_of(settings, pool_max)}),
      queue_({settings.queue, settings.max_wait}) {}

CallSlots::Answer CallSlots::enter(CallSlot& slot, const CallQueue::Ask& ask,
                                   const Waiter& waiter) {
  slot.leave();
  slot.clock_ = &waiter.clock;
  const SteadyTime now = waiter.clock.steady_now();
  const std::lock_guard lock(mutex_);
  const CallQueue::Answer answer = queue_.enter(slot, ask, limit_.limit(), now);
  if (answer.displaced != nullptr) tell(*answer.displaced);
  if (slot.QueuedCall::state() != CallSlot::State::outside) {
    slot.slots_ = this;
    slot.state_seen_.store(slot.QueuedCall::state(), std::memory_order_release);
    if (slot.QueuedCall::state() == CallSlot::State::queued) {
      slot.wakeup_ = std::make_shared<CallSlot::Wakeup>(
          CallSlot::Wakeup{waiter.executor, &waiter.wake});
    }
  }
  serve(now);
  return {answer.refusal, answer.retry_after};
}

void CallSlots::leave(CallSlot& slot) {
  const SteadyTime now = slot.clock_->steady_now();
  const std::lock_guard lock(mutex_);
  queue_.leave(slot, now);
  slot.state_seen_.store(CallSlot::State::outside, std::memory_order_release);
  serve(now);
}

void CallSlots::add(ConcurrencyLimit::Went went, SteadyTime began, SteadyTime ended) {
  if (!adaptive_) return;
  const std::lock_guard lock(mutex_);
  const std::uint32_t before = limit_.limit();
  limit_.add({began, ended, queue_.in_use(), went});
  if (limit_.limit() != before) serve(ended);
}

void CallSlots::serve(SteadyTime now) {
  while (QueuedCall* const call = queue_.next(limit_.limit(), now)) tell(*call);
  in_use_.store(queue_.in_use(), std::memory_order_relaxed);
  full_.store(queue_.in_use() >= limit_.limit() || queue_.queued() != 0,
              std::memory_order_relaxed);
}

// The slot is alive: it can't be destroyed without the lock that the caller has.
void CallSlots::tell(QueuedCall& call) {
  auto& slot = static_cast<CallSlot&>(call);
  slot.state_seen_.store(slot.QueuedCall::state(), std::memory_order_release);
  if (!slot.wakeup_) return;
  asio::post(slot.wakeup_->executor, [wakeup = slot.wakeup_] {
    if (wakeup->event != nullptr) wakeup->event->set();
  });
}

CallSlots::Sight CallSlots::sight() const {
  const std::lock_guard lock(mutex_);
  return {queue_.in_use(), queue_.queued(), limit_.limit()};
}

}  // namespace farebox
