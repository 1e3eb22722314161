// The whole answer that a stream of events tells: what the provider would have sent if nobody had
// asked for a stream, so that one stored answer serves callers of both kinds.
//
// All or nothing: a stream that has anything we don't understand, that was cut or that ends with
// an error has no whole answer. Values stay as they were written, numbers to the digit; what only
// a stream has (padding, sequence numbers, pings) goes. Members that a stream never says and that
// say nothing when whole (an empty `annotations`) aren't made up. Thread-safe, no I/O.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "proxy/dialect/dialect.hpp"

namespace farebox {

// `events`: the body of the reply as the provider sent it, all of it (with the usage that was
// asked for on behalf of a client), without content-coding or chunks. OpenAI's responses and chat
// completions where the usage is told, Anthropic's messages; nothing for any other endpoint.
// Linear in the events.
std::optional<std::string> whole_answer(Endpoint endpoint, std::string_view events);

}  // namespace farebox
