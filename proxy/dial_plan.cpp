#include "proxy/dial_plan.hpp"

#include <algorithm>

namespace farebox {
namespace {

bool holds(const Addresses& list, const DialPlan::Endpoint& address) {
  return std::find(list.begin(), list.end(), address) != list.end();
}

// RFC 8305, 4: the first family, then the other, in turns.
void append_in_turns(const Addresses& addresses, std::deque<DialPlan::Endpoint>& out) {
  Addresses first, second;
  for (const auto& address : addresses) {
    const bool same = address.address().is_v6() == addresses.front().address().is_v6();
    (same ? first : second).push_back(address);
  }
  for (std::size_t i = 0; i < std::max(first.size(), second.size()); ++i) {
    if (i < first.size()) out.push_back(first[i]);
    if (i < second.size()) out.push_back(second[i]);
  }
}

}  // namespace

void DialPlan::offer(const Addresses& addresses, const Addresses& failed_lately) {
  Addresses good, doubtful;
  for (const Endpoint& address : addresses) {
    if (holds(known_, address)) continue;
    known_.push_back(address);
    (holds(failed_lately, address) ? doubtful : good).push_back(address);
  }
  append_in_turns(good, untried_);
  append_in_turns(doubtful, untried_);
}

DialPlan::Action DialPlan::next(SteadyTime now) {
  if (untried_.empty()) {
    return {running_ == 0 ? What::exhausted : What::wait, {}, SteadyTime::max()};
  }
  if (running_ != 0 && now < next_begins_) return {What::wait, {}, next_begins_};
  const Endpoint address = untried_.front();
  untried_.pop_front();
  ++running_;
  next_begins_ = now + kAttemptDelay;
  return {What::begin, address, SteadyTime::max()};
}

void DialPlan::failed() {
  --running_;
  next_begins_ = {};
}

void DialPlan::put_back(const Endpoint& address) {
  --running_;
  untried_.push_back(address);
}

}  // namespace farebox
