// One connection of the pretend provider, from its first octet to its last.
#pragma once

#include "tests/mock/stream.hpp"
#include "tests/mock/world.hpp"

namespace farebox::mock {

// Answers requests until the connection ends. Runs on a thread of its own.
void serve_provider(Stream& stream, World& world);

}  // namespace farebox::mock
