#include "policy/key_cooldown.hpp"

#include <algorithm>

#include "config/base/check.hpp"

namespace farebox {

using std::chrono::nanoseconds;

KeyCooldown::Pick KeyCooldown::pick(SteadyTime now) {
  CHECK(!keys_.empty());
  // The first in turn that is ready and needn't be spared; else the one that is spared the
  // shortest; else the one that cools the shortest.
  const Key* best = nullptr;
  const auto before = [now](const Key& a, const Key& b) {
    const bool a_cools = now < a.cools_until;
    const bool b_cools = now < b.cools_until;
    if (a_cools != b_cools) return b_cools;
    if (a_cools) return a.cools_until < b.cools_until;
    return std::max(a.spared_until, now) < std::max(b.spared_until, now);
  };
  for (std::size_t i = 0; i < keys_.size(); ++i) {
    const Key& key = keys_[(turn_ + i) % keys_.size()];
    if (best == nullptr || before(key, *best)) best = &key;
  }
  Pick picked;
  picked.index = static_cast<std::size_t>(best - keys_.data());
  picked.ready = now >= best->cools_until;
  picked.ready_at = best->cools_until;
  turn_ = (picked.index + 1) % keys_.size();
  return picked;
}

void KeyCooldown::refused(std::size_t index, std::optional<nanoseconds> retry_after,
                          SteadyTime now) {
  Key& key = keys_[index];
  nanoseconds wait;
  if (retry_after) {
    wait = std::min<nanoseconds>(*retry_after, kLongest);
  } else {
    // Calls that were under way together are refused together: that is one refusal.
    if (now < key.cools_until) return;
    constexpr std::uint32_t kMostDoublings = 10;
    wait = std::min<nanoseconds>(kFirst * (1 << std::min(key.refusals, kMostDoublings)),
                                 kMostUnsaid);
    ++key.refusals;
  }
  key.cools_until = std::max(key.cools_until, now + wait);
}

void KeyCooldown::used_up(std::size_t index, const ProviderLimits::UsedUp& what, SteadyTime now) {
  Key& key = keys_[index];
  key.cools_until = std::max(key.cools_until, now + std::min<nanoseconds>(what.next, kLongest));
  key.spared_until = std::max(key.spared_until, now + std::min<nanoseconds>(what.whole, kLongest));
}

void KeyCooldown::worked(std::size_t index, SteadyTime now) {
  // An answer to what was asked before the refusal says nothing.
  if (!cools(index, now)) keys_[index].refusals = 0;
}

bool KeyCooldown::another_ready(std::size_t index, SteadyTime now) const {
  for (std::size_t i = 0; i < keys_.size(); ++i) {
    if (i != index && !cools(i, now)) return true;
  }
  return false;
}

}  // namespace farebox
