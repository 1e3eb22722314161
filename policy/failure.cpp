#include "policy/failure.hpp"

#include <array>

#include "config/base/check.hpp"

namespace farebox {
namespace {

using Breaker = BreakerVerdict;
using Fallback = FallbackWord;

struct Row {
  Failure failure;
  std::string_view name;
  FailureFacts facts;
};

// A 429 is no failure: the provider works, and says how fast it may be asked. Keys cool
// down for it instead (key_cooldown.hpp). A 4xx says that somebody answers, not that models
// do, and so does what no model is asked for: many of them must neither close the eyes to
// failures between them nor open a breaker, nor close one that opened as models failed.
// An error answer isn't billed.
constexpr std::array<Row, kFailures> kRows{{
    {Failure::none, "none", {Breaker::ok, MayRepeat::never, Fallback::none, true}},
    {Failure::no_model, "no_model", {Breaker::alive, MayRepeat::never, Fallback::none, true}},
    {Failure::ours, "ours", {Breaker::neither, MayRepeat::never, Fallback::none, true}},
    {Failure::circuit_open,
     "circuit_open",
     {Breaker::neither, MayRepeat::never, Fallback::breaker, false}},
    {Failure::busy, "busy", {Breaker::neither, MayRepeat::never, Fallback::breaker, false}},
    {Failure::unreachable,
     "unreachable",
     {Breaker::unreached, MayRepeat::always, Fallback::server_error, false}},
    {Failure::connect_timeout,
     "connect_timeout",
     {Breaker::unreached, MayRepeat::always, Fallback::timeout, false}},
    {Failure::refused,
     "refused",
     {Breaker::unreached, MayRepeat::never, Fallback::server_error, false}},
    {Failure::reset,
     "reset",
     {Breaker::failure, MayRepeat::if_repeatable, Fallback::server_error, true}},
    {Failure::timeout,
     "timeout",
     {Breaker::failure, MayRepeat::if_repeatable, Fallback::timeout, true}},
    {Failure::bad_answer,
     "bad_answer",
     {Breaker::failure, MayRepeat::never, Fallback::server_error, true}},
    {Failure::rate_limited,
     "rate_limited",
     {Breaker::alive, MayRepeat::if_repeatable, Fallback::rate_limit, false}},
    {Failure::quota_spent,
     "quota_spent",
     {Breaker::alive, MayRepeat::if_repeatable, Fallback::rate_limit, false}},
    {Failure::overloaded,
     "overloaded",
     {Breaker::failure, MayRepeat::if_repeatable, Fallback::server_error, false}},
    {Failure::server_error,
     "server_error",
     {Breaker::failure, MayRepeat::if_repeatable, Fallback::server_error, false}},
    {Failure::request_timeout,
     "request_timeout",
     {Breaker::neither, MayRepeat::if_repeatable, Fallback::timeout, false}},
    {Failure::conflict,
     "conflict",
     {Breaker::alive, MayRepeat::if_repeatable, Fallback::none, false}},
    {Failure::client_error,
     "client_error",
     {Breaker::alive, MayRepeat::never, Fallback::none, false}},
}};

constexpr bool rows_stand_in_order() {
  for (std::size_t i = 0; i < kRows.size(); ++i) {
    if (kRows[i].failure != static_cast<Failure>(i)) return false;
  }
  return true;
}
static_assert(rows_stand_in_order());

const Row& row_of(Failure failure) {
  const auto index = static_cast<std::size_t>(failure);
  CHECK(index < kRows.size());
  return kRows[index];
}

}  // namespace

std::string_view name_of(Failure failure) { return row_of(failure).name; }

const FailureFacts& facts_of(Failure failure) { return row_of(failure).facts; }

bool may_fall_back(Failure failure, const FallbackOn& on) {
  switch (facts_of(failure).fallback) {
    case FallbackWord::none: return false;
    case FallbackWord::breaker: return on.breaker;
    case FallbackWord::rate_limit: return on.rate_limit;
    case FallbackWord::server_error: return on.server_error;
    case FallbackWord::timeout: return on.timeout;
  }
  return false;
}

Failure failure_of_status(int status) {
  if (status < 400) return Failure::none;
  switch (status) {
    case 408: return Failure::request_timeout;
    case 409:
    case 425: return Failure::conflict;
    case 429: return Failure::rate_limited;
    case 501:
    case 505: return Failure::client_error;
    case 503:
    case 529: return Failure::overloaded;
    default: return status < 500 ? Failure::client_error : Failure::server_error;
  }
}

Failure failure_of(const TryFacts& facts) {
  switch (facts.error) {
    case ErrorCode::none:
      return facts.status == 429 && facts.quota_spent ? Failure::quota_spent
                                                      : failure_of_status(facts.status);
    case ErrorCode::rate_limited: return Failure::rate_limited;
    case ErrorCode::circuit_open: return Failure::circuit_open;
    case ErrorCode::overloaded: return Failure::busy;
    case ErrorCode::upstream_unreachable:
      // Whoever says so stands before the provider, which has seen nothing.
      if (facts.hopeless) return Failure::refused;
      return facts.sent ? Failure::reset : Failure::unreachable;
    case ErrorCode::upstream_timeout:
      return facts.sent ? Failure::timeout : Failure::connect_timeout;
    case ErrorCode::upstream_invalid:
      return facts.sent ? Failure::bad_answer : Failure::unreachable;
    default: return Failure::ours;
  }
}

}  // namespace farebox
