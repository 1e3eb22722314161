// BreakerWatch: tells alerts when a provider's circuit breaker opens and when it has closed.
#pragma once

#include "proxy/alert_desk.hpp"
#include "proxy/provider.hpp"

namespace farebox {

// Tells what it finds; the desk knows what is new. To be asked every few seconds.
void look_at_breakers(const Providers& providers, AlertDesk& alerts);

}  // namespace farebox
