// choose: which provider serves the call, and who comes next when it fails.
#include <fmt/format.h>

#include <algorithm>

#include "proxy/provider_state.hpp"
#include "proxy/stages/aim.hpp"
#include "proxy/worker.hpp"

namespace farebox::stages {
namespace {

// What a place can take now.
PlaceFacts facts_of(const Provider& provider, std::string_view model, SteadyTime now) {
  return provider.state->facts(model, now);
}

// Who keeps to a target: nobody, where it isn't known who calls.
std::string_view sticky_of(const ModelRoute& rule, const Caller& caller) {
  switch (rule.sticky) {
    case RouteSticky::user: return caller.user;
    case RouteSticky::key: return caller.key_name;
    case RouteSticky::none: break;
  }
  return {};
}

}  // namespace

const ModelRoute* find_route(const Services& services, const Call& call, bool named) {
  if (named || services.routes.empty() || call.model.empty()) return nullptr;
  const Providers& providers = services.providers;
  for (std::size_t i = 0; i < providers.size(); ++i) {
    if (providers[i].get() == call.provider) return services.routes.find(call.model, i);
  }
  return nullptr;
}

Result<void> choose(ClientConnection& client, Call& call, const Caller& caller) {
  if (call.rule == nullptr) return {};
  Services& services = client.services();
  const ModelRoute& rule = *call.rule;
  const std::vector<VirtualKey>& keys = client.worker().keys().ring.keys();
  const VirtualKey* const key = caller.key_index < keys.size() ? &keys[caller.key_index] : nullptr;
  boost::container::small_vector<PlaceFacts, 16> facts;
  for (const RoutePlace& place : rule.places) {
    facts.push_back(facts_of(*services.providers[place.provider], place.model_for(call.model),
                             client.now()));
  }
  call.asked_model = call.model;
  call.asked_target = call.target;
  call.plan = plan_route(rule, facts, {call.asked_model, sticky_of(rule, caller), client.worker().random()});
  const auto forbidden = [&](std::uint8_t index) {
    const RoutePlace& place = rule.places[index];
    return key != nullptr && !key->allows_provider(services.providers[place.provider]->settings.name);
  };
  call.plan.erase(std::remove_if(call.plan.begin(), call.plan.end(), forbidden), call.plan.end());
  if (call.plan.empty()) {
    return Error(ErrorCode::provider_not_allowed, Fault::client, Retry::no,
                 fmt::format("the key '{}' may use none of the providers that the route '{}' names; "
                             "allow it one of them", caller.key_name, rule.pattern));
  }
  for (call.leg = 0; call.leg < call.plan.size(); ++call.leg) {
    if (aim_at_leg(client, call)) return {};
  }
  return Error(ErrorCode::bad_request, Fault::client, Retry::no,
               fmt::format("the route '{}' sends this call elsewhere, and its path or its body "
                           "can't be made to say so; name the model in a JSON body",
                           rule.pattern));
}

}  // namespace farebox::stages
