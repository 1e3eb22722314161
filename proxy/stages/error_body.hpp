// ErrorBody: what a provider's error says in its body, read before the client has any of it.
#pragma once

#include "proxy/dialect/error_hint.hpp"
#include "proxy/stages/stages.hpp"

namespace farebox::stages {

// The content of a short error, which stays in the connection's buffer for relay. What is
// longer than 64 KiB or doesn't come within a moment is cut.
awaitable<std::string> read_error_body(ClientConnection& client, const Call& call,
                                       Attempt& answered);

// Is it worth a look? A refusal for its rate, in JSON.
bool may_hint(const http::ResponseHead& head);

}  // namespace farebox::stages
