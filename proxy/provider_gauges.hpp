// What the admin port and Prometheus show of ProviderState.
#pragma once

#include <vector>

#include "config/base/clock.hpp"
#include "config/base/json_writer.hpp"
#include "proxy/health_board.hpp"
#include "proxy/metrics.hpp"
#include "proxy/provider.hpp"

namespace farebox {

std::vector<ProviderGauge> read_provider_gauges(const Providers& providers);

// Members of the provider's object in /api/providers: breaker, calls, latencyMs, coolingKeys,
// lastError. Keys are told by their index only.
void append_provider_state(JsonWriter& json, const ProviderState& state, const Clock& clock);

// The member healthCheck: the last result, null where none has come yet or nobody checks.
void append_health_check(JsonWriter& json, const HealthBoard& board);

}  // namespace farebox
