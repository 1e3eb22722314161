// Asking a running farebox whether it is well: for exec probes and HEALTHCHECK, where
// no curl is in the image.
#pragma once

#include <string>

namespace farebox {

// 0 when the admin port at `address` answers 200 within two seconds, else 69 with the
// reason on standard error.
int ask_health(const std::string& address, bool ready);

}  // namespace farebox
