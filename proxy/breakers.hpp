// Breakers: the circuit breakers of one provider: its own and, where the operator wants
// them, one for each model.
//
// Thread-safe: a breaker that is CLOSED, as nearly always, admits with one atomic load; the
// rest is behind short locks.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "policy/circuit_breaker.hpp"
#include "policy/failure.hpp"

namespace farebox {

// A CircuitBreaker for all workers.
class SharedBreaker {
 public:
  SharedBreaker(const BreakerSettings& settings, std::uint64_t seed);

  CircuitBreaker::Admission admit(SteadyTime now);
  // True: it closed with this report.
  bool report(CircuitBreaker::Admission& admission, BreakerVerdict verdict, SteadyTime now);

  void take_over(const SharedBreaker& before);

  struct Sight {
    CircuitBreaker::State state = CircuitBreaker::State::closed;
    SteadyTime since{}, retry_at{};
    std::uint64_t times_opened = 0;
  };
  Sight sight() const;
  // Would it refuse? One atomic load while it is CLOSED.
  bool refuses(SteadyTime now) const;

 private:
  void publish();

  // The generation of a CLOSED one, shifted by one, and 1: what `admit` hands out without
  // the lock; 0 in any other state.
  std::atomic<std::uint64_t> closed_;
  mutable std::mutex mutex_;
  CircuitBreaker breaker_;
};

class Breakers;

// The right to ask the provider. Whoever drops it unreported, as when the client left, gives
// the place of a probe back. Belongs to one thread at a time.
class BreakerPass {
 public:
  BreakerPass() = default;
  BreakerPass(BreakerPass&& other) noexcept { *this = std::move(other); }
  BreakerPass& operator=(BreakerPass&& other) noexcept;
  ~BreakerPass() { drop(); }

  bool allowed() const { return allowed_; }
  SteadyTime retry_at() const { return retry_at_; }  // when it isn't
  // How the try went. May be told again if an answer that began well breaks off.
  void report(Failure failure, SteadyTime now);
  // One of the few places of a HALF_OPEN breaker: others wait for what comes of it.
  bool probes() const { return breakers_ != nullptr && (provider_.probe || model_.probe); }
  // Without a word of how it went. What is reported later says nothing.
  void drop();

 private:
  friend class Breakers;

  Breakers* breakers_ = nullptr;
  SharedBreaker* model_breaker_ = nullptr;
  std::string model_name_;  // of one that has no breaker yet, where it may get one
  CircuitBreaker::Admission provider_, model_;
  SteadyTime retry_at_{};
  bool allowed_ = false;
};

class Breakers {
 public:
  explicit Breakers(const BreakerSettings& settings);

  // Must outlive the pass. `model`: as the provider is asked for it; may be empty.
  BreakerPass admit(std::string_view model, SteadyTime now);
  // What those of the same provider have learnt. Not to be called with one that is in use.
  void take_over(const Breakers& before);
  bool refuses(std::string_view model, SteadyTime now);

  struct ModelSight {
    std::string model;
    SharedBreaker::Sight breaker;
  };
  SharedBreaker::Sight sight() const { return provider_.sight(); }
  std::vector<ModelSight> models() const;  // those that aren't CLOSED, or were open once

  // Models beyond these have the provider's breaker only.
  static constexpr std::size_t kMostModels = 256;

 private:
  friend class BreakerPass;
  SharedBreaker* for_model(std::string_view model);   // made, if there is room
  SharedBreaker* find_model(std::string_view model);  // null: it never failed

  struct TextHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const {
      return std::hash<std::string_view>()(text);
    }
  };

  const BreakerSettings settings_;
  SharedBreaker provider_;
  mutable std::mutex mutex_;
  std::unordered_map<std::string, std::unique_ptr<SharedBreaker>, TextHash, std::equal_to<>>
      models_;  // never shrinks: passes refer to them
};

}  // namespace farebox
