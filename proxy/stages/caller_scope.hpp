// CallerScope: what headers say of a caller, beside what the virtual key says.
#pragma once

#include "config/settings.hpp"
#include "proxy/stages/stages.hpp"

namespace farebox::stages {

// x-farebox-org, -project, -user and -tags fill what `caller` leaves open, and those of other
// gateways, where they are switched on, what is open then. Budgets hang on these values, so
// none is cut. Errors: scope_mismatch (one of ours says another thing than the key),
// bad_request (too long, too many, or no a=b).
Result<void> read_caller_scope(const http::RequestHead& head, const CompatibilityHeaders& others,
                               Caller& caller);

// What the body says of its user (OpenAI `user`, Anthropic `metadata.user_id`) and its metadata,
// where neither the key nor a header does. What doesn't fit is left out.
void read_said_scope(const SaidScope& said, Caller& caller);

}  // namespace farebox::stages
