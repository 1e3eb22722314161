#include "policy/retry.hpp"

#include <algorithm>

#include "policy/random.hpp"

namespace farebox {
namespace {

using std::chrono::nanoseconds;

bool is_answer(Failure failure) { return failure >= Failure::rate_limited; }

// Its own word goes before what its status means (as the official SDKs have it).
MayRepeat may_repeat(const FailedTry& failed) {
  if (is_answer(failed.failure) && failed.should_retry == true) return MayRepeat::if_repeatable;
  return facts_of(failed.failure).repeat;
}

nanoseconds backoff(const RetrySettings& settings, const FailedTry& failed) {
  constexpr std::uint32_t kMostDoublings = 20;
  const nanoseconds base = settings.base_delay;
  const nanoseconds most = settings.max_delay;
  const std::uint32_t doublings = std::min(std::max(failed.tries, 1u) - 1, kMostDoublings);
  const nanoseconds grown = base > most / (1 << doublings) ? most : base * (1 << doublings);
  return nanoseconds(static_cast<std::int64_t>(
      draw_below(static_cast<std::uint64_t>(grown.count()) + 1, failed.random)));
}

RetryDecision stop(RetryStop why) { return {why, nanoseconds(0)}; }

}  // namespace

RetryDecision next_try(const RetrySettings& settings, const FailedTry& failed,
                       RetryBudget& budget) {
  const MayRepeat may = may_repeat(failed);
  if (may == MayRepeat::never) return stop(RetryStop::useless);
  if (may == MayRepeat::if_repeatable && !failed.repeatable) return stop(RetryStop::not_repeatable);
  const bool spent = failed.failure == Failure::quota_spent;
  if (spent && !failed.another_key) return stop(RetryStop::useless);
  // What it says of a key that has no money left isn't about the others.
  if (is_answer(failed.failure) && failed.should_retry == false && !spent) {
    return stop(RetryStop::provider);
  }
  if (failed.tries >= settings.max_attempts) return stop(RetryStop::attempts);

  nanoseconds wait = backoff(settings, failed);
  if ((spent || failed.failure == Failure::rate_limited) && failed.another_key) {
    wait = nanoseconds(0);
  } else if (failed.retry_after) {
    if (*failed.retry_after > settings.max_delay) return stop(RetryStop::retry_after);
    wait = std::max(wait, *failed.retry_after);
  }
  // A try that begins at the deadline has no time to be answered.
  if (failed.now >= failed.deadline || wait >= failed.deadline - failed.now) {
    return stop(RetryStop::deadline);
  }
  if (!budget.take(failed.now)) return stop(RetryStop::budget);
  return {RetryStop::none, wait};
}

std::string_view name_of(RetryStop stop) {
  switch (stop) {
    case RetryStop::none: return "none";
    case RetryStop::useless: return "useless";
    case RetryStop::not_repeatable: return "not_repeatable";
    case RetryStop::attempts: return "attempts";
    case RetryStop::provider: return "provider";
    case RetryStop::retry_after: return "retry_after";
    case RetryStop::deadline: return "deadline";
    case RetryStop::budget: return "budget";
  }
  return "none";
}

}  // namespace farebox
