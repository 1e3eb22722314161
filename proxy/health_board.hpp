// HealthBoard: what the active checks of one provider found, and whose turn the next one is.
//
// One for each provider, shared by all workers, so there is one check at a time in the whole
// process. Thread-safe.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include "config/base/clock.hpp"

namespace farebox {

// One check. A status below 500 is an answer of somebody alive, whatever it says.
struct ProviderHealth {
  bool ok = false;
  int status = 0;   // 0: there was no answer
  WallTime at{};    // when it ended
  std::chrono::milliseconds latency{0};  // from the first octet out to the head of the answer
  std::string why;  // when it isn't ok; holds no secret
};

class HealthBoard {
 public:
  // An `interval` of 0: no checks.
  explicit HealthBoard(std::chrono::milliseconds interval) : interval_(interval) {}

  bool checks() const { return interval_.count() != 0; }

  // True for one caller each interval, who then has to check and `note` what came of it. One
  // who ends without a word holds nobody up: the next interval has its own.
  bool claim(SteadyTime now) {
    if (!checks()) return false;
    const std::lock_guard lock(mutex_);
    if (now < next_) return false;
    next_ = now + interval_;
    return true;
  }

  void note(ProviderHealth health) {
    std::function<void(const ProviderHealth&)> listener;
    {
      const std::lock_guard lock(mutex_);
      latest_ = health;
      listener = listener_;
    }
    if (listener) listener(health);
  }

  std::optional<ProviderHealth> latest() const {
    const std::lock_guard lock(mutex_);
    return latest_;
  }

  // Told of each result, on a worker's thread. For the breaker.
  void tell(std::function<void(const ProviderHealth&)> listener) {
    const std::lock_guard lock(mutex_);
    listener_ = std::move(listener);
  }

 private:
  const std::chrono::milliseconds interval_;
  mutable std::mutex mutex_;
  SteadyTime next_{};
  std::optional<ProviderHealth> latest_;
  std::function<void(const ProviderHealth&)> listener_;
};

}  // namespace farebox
