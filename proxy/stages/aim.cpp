#include "proxy/stages/aim.hpp"

#include "proxy/dialect/model_name.hpp"
#include "proxy/directory.hpp"
#include "proxy/presented_key.hpp"

namespace farebox::stages {
namespace {

bool same_origin(const Provider& a, const Provider& b) {
  return a.tls == b.tls && a.host == b.host && a.port == b.port;
}

}  // namespace

bool aim(ClientConnection& client, Call& call, Provider& provider, std::string_view model) {
  const bool elsewhere = &provider != call.provider;
  if (!elsewhere && model == call.model) return true;
  std::string target = elsewhere ? target_at(provider, *call.provider, call.target) : call.target;
  if (target.empty()) return false;
  if (model != call.model) {
    // A body that streams from the client has passed before its model is seen.
    std::string body = call.body;
    if (!call.buffered && call.route.model.empty()) return false;
    if (!replace_model(call.route, call.model, model, target, body)) return false;
    if (call.buffered) {
      auto facts = provider.dialect.read_body(call.route, client.head().value("content-type"), body);
      if (!facts) return false;
      call.facts = std::move(*facts);
      call.body = std::move(body);
    }
    if (!call.route.model.empty()) call.route.model = model;
    call.model = model;
  }
  call.target = std::move(target);
  if (elsewhere) {
    call.provider = &provider;
    // A key belongs to one origin: what the caller sent for another doesn't go along.
    call.foreign = !same_origin(provider, *call.home);
    if (call.foreign || provider.has_keys()) drop_query_parameter(call.target, "key");
  }
  return true;
}

bool aim_at_leg(ClientConnection& client, Call& call) {
  const RoutePlace& place = call.rule->places[call.plan[call.leg]];
  Provider& provider = *client.services().providers[place.provider];
  if (!aim(client, call, provider, place.model_for(call.asked_model))) return false;
  call.variant = place.variant;
  return true;
}

}  // namespace farebox::stages
