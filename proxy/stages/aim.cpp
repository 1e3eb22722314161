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

void keep_asked(Call& call) {
  if (call.rule != nullptr && call.buffered && !call.asked_body) call.asked_body = call.body;
}

bool aim_at_leg(ClientConnection& client, Call& call) {
  const RoutePlace& place = call.rule->places[call.plan[call.leg]];
  Provider& provider = *client.services().providers[place.provider];
  const std::string_view model = place.model_for(call.asked_model);
  const bool at_home = &provider == call.home;
  std::string target =
      at_home ? call.asked_target : target_at(provider, *call.home, call.asked_target);
  if (target.empty()) return false;

  if (model != call.asked_model || call.asked_body) {
    // A body that streams from the client has passed before its model is seen.
    if (!call.buffered && call.route.model.empty()) return false;
    std::string body = call.asked_body ? *call.asked_body : call.body;
    if (model != call.asked_model &&
        !replace_model(provider.dialect, client.head().method, call.route, call.asked_model, model,
                       provider.base_path.size(), target, body)) {
      return false;
    }
    if (call.buffered) {
      auto facts = provider.dialect.read_body(call.route, client.head().value("content-type"), body);
      if (!facts) return false;
      keep_asked(call);
      call.facts = std::move(*facts);
      call.body = std::move(body);
    }
  }
  if (!call.route.model.empty()) call.route.model = model;
  call.model = model;
  call.provider = &provider;
  call.target = std::move(target);
  call.variant = place.variant;
  // A key belongs to one origin: what the caller sent for another doesn't go along.
  call.foreign = !same_origin(provider, *call.home);
  if (call.foreign) drop_credentials(call.target);
  if (provider.has_keys()) drop_query_parameter(call.target, "key");
  return true;
}

}  // namespace farebox::stages
