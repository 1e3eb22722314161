// ErrorHint: what the body of a provider's error says of asking again. Pure.
#pragma once

#include <chrono>
#include <optional>
#include <string_view>

namespace farebox {

struct ErrorHint {
  // OpenAI's insufficient_quota: the account has no money left, so no wait helps.
  bool quota_spent = false;
  // Google's RetryInfo (google/rpc/error_details.proto).
  std::optional<std::chrono::nanoseconds> retry_after;
};

// Any octets may stand there; what can't be read says nothing.
ErrorHint read_error_hint(std::string_view body);

}  // namespace farebox
