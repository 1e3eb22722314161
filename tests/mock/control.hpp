// The control port: tests set rules and read back what the mock saw. JSON in,
// JSON out.
//
//   POST /rules  DELETE /rules        behaviours for requests to come
//   GET /log?after=ID  DELETE /log    requests seen, octet for octet
//   GET /bill                         what the provider would charge
//   GET /connections                  accepted, open, failed handshakes
//   POST /connections/close           ends all open ones
#pragma once

#include "tests/mock/stream.hpp"
#include "tests/mock/world.hpp"

namespace farebox::mock {

void serve_control(Stream& stream, World& world);

}  // namespace farebox::mock
