// CallQueue: who may call a provider now, who waits, and who is told at once to come later.
//
// As many calls run as the limit says; the others wait in a bounded queue. High, normal and
// low calls are served 16 : 4 : 1 while all three wait (stride scheduling, Waldspurger 1995),
// so low ones are slow but never starve; inside a priority every key has its turn, however
// much one of them asks. When the queue is full a call may take the place of another: of a
// lower priority that fills more than its share of it, or of the key that has most waiting.
//
// A call that can't make it is refused at once. As many slots come free in the time it may
// wait as limit * time / duration says, give or take two standard deviations (of a Poisson
// process): if more than those are before it, it can't.
//
// Slots never leak: what was admitted leaves exactly once. Time is an argument; not
// thread-safe: its owner has the lock.
#pragma once

#include <array>
#include <cstdint>
#include <list>
#include <set>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "config/base/check.hpp"
#include "config/base/clock.hpp"

namespace farebox {

enum class CallPriority : std::uint8_t { high, normal, low };
inline constexpr std::size_t kPriorities = 3;

class CallQueue;

// One call's place. Stays where it is, and alive, until it has left the queue.
class QueuedCall {
 public:
  enum class State : std::uint8_t {
    outside,    // never entered, refused, or left
    queued,
    admitted,   // has a slot
    expired,    // waited as long as it may
    displaced,  // its place went to another
  };

  QueuedCall() = default;
  QueuedCall(const QueuedCall&) = delete;
  QueuedCall& operator=(const QueuedCall&) = delete;
  ~QueuedCall() { DCHECK(state_ != State::queued && state_ != State::admitted); }

  State state() const { return state_; }
  SteadyTime until() const { return until_; }  // how long it may wait

 private:
  friend class CallQueue;
  State state_ = State::outside;
  CallPriority priority_ = CallPriority::normal;
  std::uint64_t key_ = 0;
  SteadyTime until_{}, admitted_at_{};
  std::list<QueuedCall*>::iterator place_;
};

class CallQueue {
 public:
  struct Bounds {
    std::uint32_t queued = 1024;  // calls that wait
    std::chrono::nanoseconds max_wait{0};
  };
  explicit CallQueue(Bounds bounds) : bounds_(bounds) {}

  struct Ask {
    CallPriority priority = CallPriority::normal;
    std::uint64_t key = 0;  // a hash of whom to be fair to
    SteadyTime deadline = SteadyTime::max();
  };
  enum class Refusal : std::uint8_t { none, full, too_long };
  struct Answer {
    Refusal refusal = Refusal::none;
    std::chrono::nanoseconds retry_after{0};  // when refused
    QueuedCall* displaced = nullptr;          // lost its place to this one: wake it
  };
  // Afterwards `call` is admitted, queued, or, when refused, outside.
  Answer enter(QueuedCall& call, const Ask& ask, std::uint32_t limit, SteadyTime now);

  // Whatever its state: gives its slot back or leaves the queue. Then ask `next`.
  void leave(QueuedCall& call, SteadyTime now);

  // Lets one more call in, or finds one whose time is over; it is to be woken. Null: nobody.
  // To be asked until then after a leave, and when the limit rose.
  QueuedCall* next(std::uint32_t limit, SteadyTime now);

  std::uint32_t in_use() const { return in_use_; }
  std::uint32_t queued() const { return queued_; }
  // How long slots are used lately; 0: nobody knows.
  std::chrono::nanoseconds duration() const { return duration_; }

 private:
  struct Lane {  // the calls of one key
    std::uint64_t key = 0;
    std::list<QueuedCall*> calls;
  };
  struct Class {  // the calls of one priority
    std::list<Lane> lanes;  // in turn
    std::unordered_map<std::uint64_t, std::list<Lane>::iterator> by_key;
    std::set<std::pair<std::size_t, std::uint64_t>> by_length;  // (calls, key) of each lane
    std::uint32_t count = 0;
    std::uint64_t pass = 0;  // its next call's virtual time
  };

  Class& class_of(CallPriority priority) { return classes_[static_cast<std::size_t>(priority)]; }
  std::uint32_t share(std::size_t priority) const;
  std::uint64_t before(const Ask& ask) const;
  bool can_make_it(const Ask& ask, std::uint32_t limit, SteadyTime until, SteadyTime now) const;
  std::chrono::nanoseconds come_later(const Ask& ask, std::uint32_t limit) const;
  QueuedCall* displace_for(const Ask& ask);
  void put(QueuedCall& call);
  void remove(QueuedCall& call);
  void admit(QueuedCall& call, SteadyTime now);

  const Bounds bounds_;
  std::array<Class, kPriorities> classes_;
  std::uint64_t virtual_time_ = 0;
  std::uint32_t in_use_ = 0, queued_ = 0;
  std::chrono::nanoseconds duration_{0};
};

}  // namespace farebox
