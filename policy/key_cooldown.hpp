// KeyCooldown: which of a provider's API keys to use now.
//
// In turn, but not those that cool down: after a 429 for as long as the provider asks, or,
// when it doesn't say, a second, doubled for each that follows; and before the 429 when an
// answer says that nothing is left, until the next call is likely to pass. Until all is
// there again such a key is used only when no other is ready. Nothing is believed for
// longer than kLongest: then one call finds out.
//
// Time is an argument; not thread-safe.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <vector>

#include "config/base/clock.hpp"
#include "policy/provider_limits.hpp"

namespace farebox {

class KeyCooldown {
 public:
  explicit KeyCooldown(std::size_t keys) : keys_(keys) {}

  struct Pick {
    std::size_t index = 0;
    bool ready = true;      // false: all cool down, this one is the first to be ready
    SteadyTime ready_at{};  // when it isn't
  };
  // Precondition: there is a key.
  Pick pick(SteadyTime now);

  // The provider answered 429 to this key.
  void refused(std::size_t index, std::optional<std::chrono::nanoseconds> retry_after,
               SteadyTime now);
  // An answer says that something is used up for this key.
  void used_up(std::size_t index, const ProviderLimits::UsedUp& what, SteadyTime now);
  // What is known there of the same key.
  void take_over(std::size_t index, const KeyCooldown& before, std::size_t from) {
    keys_[index] = before.keys_[from];
  }
  // It answered otherwise.
  void worked(std::size_t index, SteadyTime now);

  bool cools(std::size_t index, SteadyTime now) const { return now < keys_[index].cools_until; }
  SteadyTime cools_until(std::size_t index) const { return keys_[index].cools_until; }
  // Is a key ready beside this one?
  bool another_ready(std::size_t index, SteadyTime now) const;
  std::size_t size() const { return keys_.size(); }

  static constexpr std::chrono::seconds kFirst{1};
  static constexpr std::chrono::seconds kMostUnsaid{60};
  static constexpr std::chrono::minutes kLongest{5};

 private:
  struct Key {
    SteadyTime cools_until{};  // not used before
    SteadyTime spared_until{};  // used before only when no other is ready
    std::uint32_t refusals = 0;  // in a row, without a word of how long
  };

  std::vector<Key> keys_;
  std::size_t turn_ = 0;
};

}  // namespace farebox
