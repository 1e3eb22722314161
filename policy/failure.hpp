// Failure: why a try at a provider gave no good answer, and what follows from it.
//
// One table says for each kind what the breaker makes of it, whether the same call may be
// sent again, whether another target may serve it, and whether it may have been billed.
// Pure values.
#pragma once

#include <cstdint>
#include <string_view>

#include "config/base/error.hpp"
#include "config/settings.hpp"

namespace farebox {

enum class Failure : std::uint8_t {
  none,             // an answer below 400
  no_model,         // the same, but no model made it: a list, a file, a health check
  ours,             // the client left, a drain, trouble of our own: nothing about the provider
  circuit_open,     // its breaker refused the call: nothing was sent
  busy,             // no slot or connection of ours came free in time: nothing was sent
  unreachable,      // no name, connection or TLS came about: nothing was sent
  connect_timeout,  // none came about in time: nothing was sent
  refused,          // none came about, nor will: a bad certificate, a proxy's no: nothing was sent
  reset,            // sent, and the connection closed before an answer
  timeout,          // sent, and no answer began in time
  bad_answer,       // sent, and what came breaks HTTP
  rate_limited,     // 429
  quota_spent,      // 429: the account behind the key has no money left
  overloaded,       // 503, 529
  server_error,     // any other 5xx but 501 and 505
  request_timeout,  // 408: it waited for the request, or for its own model
  conflict,         // 409, 425: not now
  client_error,     // any other 4xx, 501, 505: the same call gets the same answer
};
inline constexpr std::size_t kFailures = 18;

std::string_view name_of(Failure failure);  // "rate_limited"

// What a circuit breaker makes of a try.
enum class BreakerVerdict : std::uint8_t {
  ok,       // it works
  failure,  // it doesn't
  unreached,  // nor can anybody be reached there
  alive,    // somebody answered, not a model: proves a probe where that was missing, else isn't counted
  neither,  // says nothing; a probe gives its place back
};

// May the same provider be asked again?
enum class MayRepeat : std::uint8_t {
  never,
  if_repeatable,  // it may have run there, so only what may run twice
  always,         // nothing was sent
};

// Which word of fallback_on lets the call go on to another target.
enum class FallbackWord : std::uint8_t { none, breaker, rate_limit, server_error, timeout };

struct FailureFacts {
  BreakerVerdict breaker = BreakerVerdict::neither;
  MayRepeat repeat = MayRepeat::never;
  FallbackWord fallback = FallbackWord::none;
  // The provider may have done the work and charge for it, though nobody has the answer.
  bool may_be_billed = false;
};

const FailureFacts& facts_of(Failure failure);

// May a call that failed so go on to the next target?
bool may_fall_back(Failure failure, const FallbackOn& on);

// What is known of a try.
struct TryFacts {
  ErrorCode error = ErrorCode::none;  // none: an answer came, with `status`
  int status = 0;
  bool sent = false;  // an octet of the request may have reached the provider
  bool hopeless = false;     // the error says that the same happens again
  bool quota_spent = false;  // the answer says that no money is left
};

Failure failure_of(const TryFacts& facts);
Failure failure_of_status(int status);

}  // namespace farebox
