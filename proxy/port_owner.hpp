// Who listens on a TCP port of this machine, for the message that it is taken.
#pragma once

#include <cstdint>
#include <string>

namespace farebox {

// "nginx (process 123)", or "" where /proc doesn't tell us: another user's process, or one
// that hides its descriptors.
std::string port_owner(std::uint16_t port);

}  // namespace farebox
