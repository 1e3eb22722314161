// ProviderState: what a provider's calls have taught, over all workers: is it well, how fast
// may it be asked, with which key, how long does it take.
//
// Thread-safe, each part by itself; see the parts for how. Belongs to its Provider: a reload
// that doesn't change the provider keeps it.
#pragma once

#include <atomic>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "config/base/clock.hpp"
#include "config/settings.hpp"
#include "policy/key_cooldown.hpp"
#include "policy/provider_limits.hpp"
#include "policy/model_pace.hpp"
#include "policy/random.hpp"
#include "policy/retry.hpp"
#include "policy/routes.hpp"
#include "proxy/breakers.hpp"
#include "proxy/call_slots.hpp"
#include "proxy/latencies.hpp"

namespace farebox {

class ProviderState {
 public:
  // `settings` must outlive it.
  explicit ProviderState(const ProviderSettings& settings);

  // What is known of the same provider, before its settings were changed: its breakers, keys that
  // rest, its last error. Not to be called with one that is in use.
  void take_over(const ProviderState& before);

  // The right to ask. First `slots().enter`, then `pick_key`, then `breakers().admit`, so that
  // nobody has a probe's place while waiting.
  CallSlots& slots() { return slots_; }
  const CallSlots& slots() const { return slots_; }
  Breakers& breakers() { return breakers_; }
  const Breakers& breakers() const { return breakers_; }

  // The key for the next try. Null: the caller's own passes through, and it is always ready.
  struct Key {
    const Secret* secret = nullptr;
    std::size_t index = 0;
    bool ready = true;      // false: all cool down
    SteadyTime ready_at{};  // when it isn't: the first one is then
    // The only key's provider says that nothing is left for the model: `ready_at` is this
    // call's turn, taken if it comes before `latest`.
    enum class Pace : std::uint8_t { free, turn, too_late } pace = Pace::free;
  };
  Key pick_key(SteadyTime now, std::string_view model = {}, SteadyTime latest = SteadyTime::max());
  // Nothing was sent with it: a turn goes to the next who comes.
  void give_back(const Key& key, std::string_view model);

  // A try has ended, or its answer's head has come. Tells the breaker through `pass`, the
  // keys, the limit and the latency.
  struct Tried {
    Failure failure = Failure::none;
    std::size_t key = 0;                     // index
    const ProviderLimits* limits = nullptr;  // of its answer, if there was one
    SteadyTime began{}, ended{};
    std::string_view model = {};  // as the provider was asked for it
    std::optional<std::chrono::nanoseconds> retry_after = {};  // that its error's body asks for
  };
  void tried(BreakerPass& pass, const Tried& what);

  // A connection for a body that is still on its way, which its client may let wait: they get half
  // of `pool.max`, so that calls that are there find one. Empty: there is none left.
  class Upload {
   public:
    explicit Upload(std::atomic<std::uint32_t>* count) : count_(count) {}
    Upload(Upload&& other) noexcept : count_(std::exchange(other.count_, nullptr)) {}
    Upload& operator=(Upload&&) = delete;
    ~Upload() { if (count_ != nullptr) count_->fetch_sub(1, std::memory_order_relaxed); }
    explicit operator bool() const { return count_ != nullptr; }

   private:
    std::atomic<std::uint32_t>* count_;
  };
  Upload begin_upload();

  // Once for each call that goes here for this model, before its first try: what is repeated
  // is a part of these.
  void count_call(SteadyTime now, std::string_view model = {});
  // May one call more be sent that was sent here before? True: it is counted.
  bool may_repeat(SteadyTime now);
  // As policy's; fills in `random` and, after a 429, `another_key`.
  RetryDecision next_try(FailedTry failed, std::size_t key);

  // For the routes: can a call for this model be made now?
  PlaceFacts facts(std::string_view model, SteadyTime now);
  const Latencies& latencies() const { return latencies_; }

  // The last thing that went wrong, for people; cut to kLongestError octets. Precondition:
  // no secret in it.
  void note_error(std::string_view what, WallTime when);
  static constexpr std::size_t kLongestError = 256;

  struct Error {
    std::string what;
    WallTime when{};
  };
  std::optional<Error> last_error() const;
  struct CoolingKey {
    std::size_t index = 0;
    SteadyTime until{};
  };
  std::vector<CoolingKey> cooling(SteadyTime now) const;

 private:
  void tell_keys(const Tried& what);
  void tell_pace(const Tried& what);

  const ProviderSettings& settings_;
  Breakers breakers_;
  CallSlots slots_;
  Latencies latencies_;
  std::atomic<bool> keys_cooled_{false};  // ever: before that nobody takes their lock
  std::atomic<bool> paced_{false};        // now
  mutable std::mutex keys_mutex_;
  KeyCooldown keys_;
  ModelPace pace_;  // of a single key: with several another one is taken
  std::mutex retry_mutex_;
  RetryBudget retries_;
  Random random_;
  std::atomic<std::uint32_t> uploads_{0};
  mutable std::mutex error_mutex_;
  Error last_error_;
};

}  // namespace farebox
