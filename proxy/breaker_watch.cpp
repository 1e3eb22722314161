#include "proxy/breaker_watch.hpp"

#include "proxy/provider_state.hpp"

namespace farebox {

void look_at_breakers(const Providers& providers, AlertDesk& alerts) {
  for (const auto& provider : providers) {
    const auto state = provider->state->breakers().sight().state;
    // Half open is still failing, as far as anybody knows.
    alerts.note_breaker(provider->settings.name, state != CircuitBreaker::State::closed);
  }
}

}  // namespace farebox
