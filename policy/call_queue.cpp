#include "policy/call_queue.hpp"

#include <algorithm>
#include <cmath>

namespace farebox {
namespace {

using std::chrono::nanoseconds;
using State = QueuedCall::State;

// Calls served while all wait, and how far a call moves its priority on.
constexpr std::array<std::uint64_t, kPriorities> kWeight{16, 4, 1};
constexpr std::array<std::uint64_t, kPriorities> kStride{1, 4, 16};
static_assert(kWeight[0] * kStride[0] == kWeight[2] * kStride[2] &&
              kWeight[0] * kStride[0] == kWeight[1] * kStride[1]);
// Sixteenths of a full queue that a priority keeps.
constexpr std::array<std::uint32_t, kPriorities> kShare{11, 4, 1};

constexpr nanoseconds kSoonest = std::chrono::seconds(1);
constexpr nanoseconds kLatest = std::chrono::seconds(60);

}  // namespace

std::uint32_t CallQueue::share(std::size_t priority) const {
  return static_cast<std::uint32_t>(std::uint64_t{bounds_.queued} * kShare[priority] / 16);
}

// How many of those that wait now are served before such a call.
std::uint64_t CallQueue::before(const Ask& ask) const {
  const auto mine = static_cast<std::size_t>(ask.priority);
  const Class& its = classes_[mine];
  const auto lane = its.by_key.find(ask.key);
  const std::uint64_t own = lane == its.by_key.end() ? 0 : lane->second->calls.size();
  const std::uint64_t others = its.lanes.size() - (own == 0 ? 0 : 1);
  std::uint64_t sum = std::min<std::uint64_t>(its.count, own + others * (own + 1));
  const std::uint64_t turns = sum + 1;
  for (std::size_t i = 0; i < kPriorities; ++i) {
    if (i == mine) continue;
    const std::uint64_t meanwhile = (turns * kWeight[i] + kWeight[mine] - 1) / kWeight[mine];
    sum += std::min<std::uint64_t>(classes_[i].count, meanwhile);
  }
  return sum;
}

bool CallQueue::can_make_it(const Ask& ask, std::uint32_t limit, SteadyTime until,
                            SteadyTime now) const {
  if (until <= now) return false;
  if (duration_ <= nanoseconds(0)) return true;
  const auto time = static_cast<double>(nanoseconds(until - now).count());
  const double freed = time * limit / static_cast<double>(duration_.count());
  return static_cast<double>(before(ask) + 1) <= freed + 2 * std::sqrt(freed);
}

nanoseconds CallQueue::come_later(const Ask& ask, std::uint32_t limit) const {
  const double wait = static_cast<double>(duration_.count()) *
                      static_cast<double>(before(ask) + 1) / std::max(limit, 1u);
  if (wait >= static_cast<double>(kLatest.count())) return kLatest;
  return std::max(kSoonest, nanoseconds(static_cast<std::int64_t>(wait)));
}

CallQueue::Answer CallQueue::enter(QueuedCall& call, const Ask& ask, std::uint32_t limit,
                                   SteadyTime now) {
  DCHECK(call.state_ != State::queued && call.state_ != State::admitted);
  call.state_ = State::outside;
  call.priority_ = ask.priority;
  call.key_ = ask.key;
  Answer answer;
  if (in_use_ < limit && queued_ == 0) {
    admit(call, now);
    return answer;
  }
  call.until_ = ask.deadline - now > bounds_.max_wait ? now + bounds_.max_wait : ask.deadline;
  if (!can_make_it(ask, limit, call.until_, now)) {
    answer.refusal = Refusal::too_long;
  } else if (queued_ >= bounds_.queued) {
    answer.displaced = displace_for(ask);
    if (answer.displaced == nullptr) answer.refusal = Refusal::full;
  }
  if (answer.refusal != Refusal::none) {
    answer.retry_after = come_later(ask, limit);
    return answer;
  }
  put(call);
  return answer;
}

QueuedCall* CallQueue::displace_for(const Ask& ask) {
  const auto mine = static_cast<std::size_t>(ask.priority);
  Class* from = nullptr;
  std::size_t least = 0;  // calls that the lane must have
  for (std::size_t i = kPriorities; i-- > 0 && from == nullptr;) {
    const bool too_many = classes_[i].count > share(i);
    const bool may = i > mine || (i != mine && classes_[mine].count < share(mine));
    if (too_many && may) from = &classes_[i];
  }
  if (from == nullptr) {
    from = &classes_[mine];
    const auto lane = from->by_key.find(ask.key);
    least = (lane == from->by_key.end() ? 0 : lane->second->calls.size()) + 2;
  }
  if (from->by_length.empty() || from->by_length.rbegin()->first < least) return nullptr;
  QueuedCall* const last = from->by_key.at(from->by_length.rbegin()->second)->calls.back();
  remove(*last);
  last->state_ = State::displaced;
  return last;
}

void CallQueue::put(QueuedCall& call) {
  Class& its = class_of(call.priority_);
  if (its.count == 0) its.pass = std::max(its.pass, virtual_time_);
  auto [found, is_new] = its.by_key.try_emplace(call.key_);
  if (is_new) {
    found->second = its.lanes.insert(its.lanes.end(), Lane{call.key_, {}});
  } else {
    its.by_length.erase({found->second->calls.size(), call.key_});
  }
  Lane& lane = *found->second;
  call.place_ = lane.calls.insert(lane.calls.end(), &call);
  its.by_length.emplace(lane.calls.size(), call.key_);
  ++its.count;
  ++queued_;
  call.state_ = State::queued;
}

void CallQueue::remove(QueuedCall& call) {
  Class& its = class_of(call.priority_);
  const auto found = its.by_key.find(call.key_);
  Lane& lane = *found->second;
  its.by_length.erase({lane.calls.size(), call.key_});
  lane.calls.erase(call.place_);
  if (lane.calls.empty()) {
    its.lanes.erase(found->second);
    its.by_key.erase(found);
  } else {
    its.by_length.emplace(lane.calls.size(), call.key_);
  }
  --its.count;
  --queued_;
}

void CallQueue::admit(QueuedCall& call, SteadyTime now) {
  call.state_ = State::admitted;
  call.admitted_at_ = now;
  ++in_use_;
}

void CallQueue::leave(QueuedCall& call, SteadyTime now) {
  if (call.state_ == State::queued) remove(call);
  if (call.state_ == State::admitted) {
    CHECK(in_use_ > 0);
    --in_use_;
    const nanoseconds used = std::max(nanoseconds(now - call.admitted_at_), nanoseconds(1));
    duration_ = duration_ == nanoseconds(0) ? used : duration_ + (used - duration_) / 8;
  }
  call.state_ = State::outside;
}

QueuedCall* CallQueue::next(std::uint32_t limit, SteadyTime now) {
  if (in_use_ >= limit || queued_ == 0) return nullptr;
  std::size_t first = kPriorities;
  for (std::size_t i = 0; i < kPriorities; ++i) {
    if (classes_[i].count == 0) continue;
    if (first == kPriorities || classes_[i].pass < classes_[first].pass) first = i;
  }
  Class& its = classes_[first];
  // The key has had its turn.
  its.lanes.splice(its.lanes.end(), its.lanes, its.lanes.begin());
  QueuedCall& call = *its.lanes.back().calls.front();
  remove(call);
  if (call.until_ <= now) {
    call.state_ = State::expired;
    return &call;
  }
  virtual_time_ = its.pass;
  its.pass += kStride[first];
  admit(call, now);
  return &call;
}

}  // namespace farebox
