// A listening socket and the threads it feeds.
#pragma once

#include <functional>
#include <string>

#include "tests/mock/stream.hpp"

namespace farebox::mock {

// Binds "host:port" ("[::1]:0" too; port 0 lets the system pick). Throws with
// the reason when it can't.
int listen_on(const std::string& address);

// The address a socket really has, in the same form.
std::string address_of(int listener);

// Accepts for ever, one detached thread per connection.
void accept_on(int listener, std::function<void(Stream&)> serve);

}  // namespace farebox::mock
