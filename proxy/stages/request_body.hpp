// Reading the client's body, whole or piece by piece.
#pragma once

#include "proxy/stages/stages.hpp"

namespace farebox::stages {

// Tells a client that waits for it to send its body (RFC 9110, 10.1.1). It is sent even
// when the body is on its way already: some clients count on it.
awaitable<bool> send_continue(ClientConnection& client, Call& call);

// Reads all of it into call.body, counted against limits.buffered_bodies. Errors:
// request_too_large, request_timeout, bad_request, overloaded, client_closed.
awaitable<Result<void>> read_whole_body(ClientConnection& client, Call& call);

// Until when the body must have gone on, however small its pieces are: it gets a second more for
// each KiB, beyond limits.body_timeout for its begin.
SteadyTime body_deadline(SteadyTime began, const Call& call, Milliseconds body_timeout);
Error too_slow_body();

}  // namespace farebox::stages
