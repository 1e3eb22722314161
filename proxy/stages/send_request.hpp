// Sending one request on a leased connection: head and body, buffered or streamed.
#pragma once

#include <string_view>

#include "proxy/stages/stages.hpp"

namespace farebox::stages {

// What a provider's head may have: more than a client's, and still bounded.
inline constexpr http::HeadLimits kResponseLimits{16 << 10, 64 << 10, 256};

Error provider_error(ErrorCode code, const Provider& provider, std::string_view what);
Error client_gone();
// Is the client's own limit of time shorter than the provider's?
bool is_impatient(const Call& call);
// The client ended: within its body that is a fault of its own, after it, leaving.
Error why_gone(ClientConnection& client, const Call& call);

// Sends head and body; `key` replaces the caller's credentials, if there is one; `splice` inserts
// stream_options.include_usage. Ends early, with
// attempt.request_complete false, when the provider answers before it has all of it.
awaitable<Result<void>> send_request(ClientConnection& client, const http::RequestHead& head,
                                     Call& call, Attempt& attempt, Provider& provider,
                                     const Secret* key, bool splice);

}  // namespace farebox::stages
