// Asking a running farebox whether it is well: for exec probes and HEALTHCHECK, where
// no curl is in the image.
#pragma once

#include <string>

namespace farebox {

struct HealthOptions {
  bool ready = false;  // ready, not only alive
  bool json = false;   // JSON on a terminal too
};

// 0 when the admin port at `address` answers 200 within two seconds, else 69 with the
// reason on standard error.
int ask_health(const std::string& address, const HealthOptions& options);

}  // namespace farebox
