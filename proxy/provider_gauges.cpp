#include "proxy/provider_gauges.hpp"

#include "proxy/provider_state.hpp"

namespace farebox {
namespace {

// The numbers of farebox_circuit_breaker_state (design, section 7).
int number_of(CircuitBreaker::State state) {
  switch (state) {
    case CircuitBreaker::State::closed: return 0;
    case CircuitBreaker::State::half_open: return 1;
    case CircuitBreaker::State::open: return 2;
  }
  return 0;
}

// The steady clock's moments as the wall clock shows them now.
class WallOf {
 public:
  explicit WallOf(const Clock& clock) : steady_(clock.steady_now()), wall_(clock.wall_now()) {}
  SteadyTime now() const { return steady_; }
  std::string operator()(SteadyTime time) const {
    return rfc3339(wall_ + std::chrono::duration_cast<std::chrono::microseconds>(time - steady_));
  }

 private:
  const SteadyTime steady_;
  const WallTime wall_;
};

void append_breaker(JsonWriter& json, const SharedBreaker::Sight& sight, const WallOf& wall) {
  json.key("state").string(name_of(sight.state));
  json.key("since");
  if (sight.since == SteadyTime{}) {
    json.null();  // since the provider is known
  } else {
    json.string(wall(sight.since));
  }
  json.key("reopensAt");
  if (sight.state == CircuitBreaker::State::open) {
    json.string(wall(sight.retry_at));
  } else {
    json.null();
  }
  json.key("timesOpened").number(sight.times_opened);
}

}  // namespace

std::vector<ProviderGauge> read_provider_gauges(const Providers& providers) {
  std::vector<ProviderGauge> gauges;
  for (const auto& provider : providers) {
    const CallSlots::Sight calls = provider->state->slots().sight();
    const SharedBreaker::Sight breaker = provider->state->breakers().sight();
    gauges.push_back({provider->settings.name, number_of(breaker.state), calls.queued,
                      calls.in_use, calls.limit});
  }
  return gauges;
}

void append_provider_state(JsonWriter& json, const ProviderState& state, const Clock& clock) {
  const WallOf wall(clock);
  json.key("breaker").begin_object();
  append_breaker(json, state.breakers().sight(), wall);
  json.key("models").begin_array();
  for (const Breakers::ModelSight& model : state.breakers().models()) {
    json.begin_object();
    json.key("model").string(model.model);
    append_breaker(json, model.breaker, wall);
    json.end_object();
  }
  json.end_array();
  json.end_object();

  const CallSlots::Sight calls = state.slots().sight();
  json.key("calls").begin_object();
  json.key("running").number(std::uint64_t{calls.in_use});
  json.key("queued").number(std::uint64_t{calls.queued});
  json.key("limit").number(std::uint64_t{calls.limit});
  json.end_object();
  json.key("latencyMs");
  if (const auto latency = state.latencies().of_all()) {
    json.number(static_cast<std::uint64_t>(
        std::chrono::duration_cast<std::chrono::milliseconds>(*latency).count()));
  } else {
    json.null();
  }
  json.key("coolingKeys").begin_array();
  for (const ProviderState::CoolingKey& key : state.cooling(wall.now())) {
    json.begin_object();
    json.key("index").number(std::uint64_t{key.index});
    json.key("until").string(wall(key.until));
    json.end_object();
  }
  json.end_array();
  json.key("lastError");
  if (const auto error = state.last_error()) {
    json.begin_object();
    json.key("message").string(error->what);
    json.key("time").string(rfc3339(error->when));
    json.end_object();
  } else {
    json.null();
  }
}

void append_health_check(JsonWriter& json, const HealthBoard& board) {
  json.key("healthCheck");
  const std::optional<ProviderHealth> latest = board.latest();
  if (!latest) {
    json.null();
    return;
  }
  json.begin_object();
  json.key("ok").boolean(latest->ok);
  json.key("time").string(rfc3339(latest->at));
  json.key("status");
  if (latest->status != 0) {
    json.number(static_cast<std::uint64_t>(latest->status));
  } else {
    json.null();
  }
  json.key("latencyMs");
  if (latest->status != 0) {
    json.number(static_cast<std::uint64_t>(latest->latency.count()));
  } else {
    json.null();
  }
  json.key("message");
  if (latest->ok) {
    json.null();
  } else {
    json.string(latest->why);
  }
  json.end_object();
}

}  // namespace farebox
