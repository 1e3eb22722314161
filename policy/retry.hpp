// Retry: after a try that failed, is the same provider asked again, and when?
//
// Exponential backoff with full jitter: a random wait below base_delay * 2^(tries - 1), at
// most max_delay. The provider's own retry-after is the least; one above max_delay isn't
// waited for. Pure; whoever gets a wait must still find the provider's breaker closed, and
// must not have sent an octet of an answer to the client.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>

#include "config/base/clock.hpp"
#include "config/settings.hpp"
#include "policy/failure.hpp"
#include "policy/retry_budget.hpp"

namespace farebox {

// Why a call isn't sent again.
enum class RetryStop : std::uint8_t {
  none,            // it is
  useless,         // the same call would fail the same way
  not_repeatable,  // it may have run already, and mustn't twice; or its body is gone
  attempts,        // max_attempts were made
  provider,        // x-should-retry: false
  retry_after,     // the provider asks for more patience than max_delay
  deadline,        // the call would have no time left
  budget,          // others have used what may be repeated
};
std::string_view name_of(RetryStop stop);  // "retry_after"

struct FailedTry {
  Failure failure = Failure::none;
  std::uint32_t tries = 1;   // at this provider, this one included
  bool repeatable = false;   // the call may run twice, and can be sent again
  bool another_key = false;  // a 429 was for one key, and another is ready: no need to wait
  std::optional<std::chrono::nanoseconds> retry_after;  // what the provider asks for
  std::optional<bool> should_retry;                     // its x-should-retry
  SteadyTime now{};
  SteadyTime deadline{};     // of the whole call
  std::uint64_t random = 0;  // all 64 bits
};

struct RetryDecision {
  RetryStop stop = RetryStop::none;
  std::chrono::nanoseconds wait{0};  // before the next try, when it isn't stopped
};

// Takes from `budget` when it says to try again.
RetryDecision next_try(const RetrySettings& settings, const FailedTry& failed,
                       RetryBudget& budget);

}  // namespace farebox
