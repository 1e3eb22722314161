// Exchange: the story of one request (design, section 2).
#pragma once

#include "proxy/client_connection.hpp"

namespace farebox {

enum class After : std::uint8_t { keep_alive, close };

// Reads one request from the client and tells its whole story. Never throws; settle
// and tell run however it ends.
awaitable<After> run_exchange(ClientConnection& client);

}  // namespace farebox
