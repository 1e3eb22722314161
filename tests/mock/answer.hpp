// Puts a reply on the wire the way a behaviour says: framing, pieces, delays,
// and every bad ending a provider, or the network before it, can have.
#pragma once

#include "tests/mock/behaviour.hpp"
#include "tests/mock/reply.hpp"
#include "tests/mock/request_log.hpp"
#include "tests/mock/stream.hpp"

namespace farebox::mock {

enum class Afterwards : std::uint8_t {
  keep,   // the connection can take another request
  close,  // close it politely
  ended   // it has been ended already, or is not worth a goodbye
};

struct Sent {
  Ended ended;
  Afterwards afterwards = Afterwards::keep;
};

// For behaviours that are no reply at all: `raw` and `steps`.
bool is_scripted(const Behaviour& behaviour);
Sent send_script(Stream& stream, const Behaviour& behaviour);

Sent send_reply(Stream& stream, const Request& request, const Behaviour& behaviour, Reply reply);

}  // namespace farebox::mock
