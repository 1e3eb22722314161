// authenticate: who asks, and may they ask this? A virtual key names the caller and goes no
// further; without keys the scope comes from x-farebox-* headers.
#include <fmt/format.h>

#include "proxy/dialect/json_members.hpp"
#include "proxy/presented_key.hpp"
#include "proxy/stages/caller_scope.hpp"
#include "proxy/stages/stages.hpp"

namespace farebox::stages {
namespace {

Error refuse(ErrorCode code, std::string why) {
  return Error(code, Fault::client, Retry::no, std::move(why));
}

// Unknown, revoked and expired keys get the same words: who tries keys learns nothing.
Error refuse_key(Caller& caller, std::string_view reason) {
  caller.refused = reason;
  return refuse(ErrorCode::invalid_api_key,
                "this farebox key is not valid: it is unknown here, revoked or expired; ask whoever "
                "runs farebox for another");
}

Result<void> require_key(const Services& services, Caller& caller) {
  if (!services.settings.auth.require_keys) return {};
  caller.refused = "missing";
  return refuse(ErrorCode::invalid_api_key,
                "this farebox serves only who has a key of its own; send one (fb-...) where the "
                "provider's key would stand, or as x-farebox-key");
}

void name_caller(const VirtualKey& key, Caller& caller) {
  caller.key_name = key.name;
  caller.org = key.org;
  caller.project = key.project;
  caller.user = key.user;
  caller.tags = key.tags;
}

// A list of models or files, and what else is read without being billed.
bool names_no_model(const http::RequestHead& head, const Call& call) {
  return (head.method == "GET" || head.method == "HEAD") &&
         call.route.endpoint == Endpoint::passthrough && head.framing == http::Framing::none;
}

// OpenRouter falls back to the models of a list that stands beside `model`.
bool allows_listed_models(const VirtualKey& key, const Call& call) {
  if (!call.buffered) return true;
  bool all = true;
  const JsonMembers members(call.body, {"models"});
  each_value(members["models"], [&](std::string_view value) {
    const auto name = JsonCursor(value).string();
    all &= name && key.allows_model(name->decoded());
  });
  return all;
}

Result<void> check_allowed(const VirtualKey& key, const http::RequestHead& head, const Call& call) {
  const std::string& provider = call.provider->settings.name;
  // A route says which provider: choose looks whether the key may use that.
  if (call.rule == nullptr && !key.allows_provider(provider)) {
    return refuse(ErrorCode::provider_not_allowed,
                  fmt::format("the key '{}' may not use the provider '{}'; use one of: {}", key.name,
                              provider, fmt::join(key.providers, ", ")));
  }
  const std::string_view dialect = call.route.described
                                       ? std::string_view(call.provider->settings.described->name)
                                       : name_of(call.dialect);
  if (!key.allows_dialect(dialect)) {
    return refuse(ErrorCode::dialect_not_allowed,
                  fmt::format("the key '{}' may not use the {} API; use one of: {}", key.name,
                              dialect, fmt::join(key.dialects, ", ")));
  }
  if (key.any_model()) return {};
  if (call.route.model.empty() && !call.facts.odd_key.empty()) {
    if (const auto readable = check_readable(call); !readable) return readable;
  }
  if (!call.model.empty()) {
    if (key.allows_model(call.model) && allows_listed_models(key, call)) return {};
    return refuse(ErrorCode::model_not_allowed,
                  fmt::format("the key '{}' may not use the model '{}', or one of a list of "
                              "fallbacks; use one of: {}", key.name,
                              std::string_view(call.model).substr(0, 128),
                              fmt::join(key.models, ", ")));
  }
  if (names_no_model(head, call)) return {};
  return refuse(ErrorCode::model_not_allowed,
                fmt::format("the key '{}' may use some models only ({}), and farebox can't see which "
                            "one this request is for; name the model in a JSON body, or use a key "
                            "for all models", key.name, fmt::join(key.models, ", ")));
}

// The key of ours is taken out; is there anything the provider would accept? One that runs at
// home asks for none.
Result<void> check_provider_key(const PresentedKey& presented, const Call& call, Caller& caller) {
  const Provider& provider = *call.provider;
  if (call.rule != nullptr || provider.has_keys() || presented.provider_key || presented.beside ||
      provider.settings.dialect == DialectName::ollama) {
    return {};
  }
  caller.refused = "provider_key_missing";
  return refuse(ErrorCode::provider_key_missing,
                fmt::format("the farebox key stands where the key of provider '{0}' belongs, and "
                            "farebox has none for it; set providers.{0}.api_keys, or send the "
                            "farebox key as x-farebox-key beside the provider's own",
                            provider.settings.name));
}

Result<void> check_key(const KeySnapshot& keys, LastKey& last, const PresentedKey& presented,
                       const http::RequestHead& head, Call& call, Caller& caller) {
  const KeyRing::Found found = keys.ring.find(last.digest_of(presented.text), call.started_wall);
  if (!presented.stray.empty()) {
    caller.refused = "misplaced";
    return refuse(ErrorCode::invalid_api_key,
                  fmt::format("a farebox key stands in {}, from where others would get it; send it "
                              "as x-farebox-key or where the provider's key would stand, and "
                              "nowhere else", presented.stray));
  }
  if (presented.unclear || presented.text.empty()) {
    caller.refused = name_of(KeyState::unknown);
    return refuse(ErrorCode::invalid_api_key,
                  "what stands here for a farebox key is none, or there are two: a key is fb- and 43 "
                  "characters, alone or behind Bearer; copy the whole of one key");
  }
  if (found.state != KeyState::unknown) caller.key_name = keys.ring.keys()[found.index].name;
  if (found.state != KeyState::active) return refuse_key(caller, name_of(found.state));

  const VirtualKey& key = keys.ring.keys()[found.index];
  name_caller(key, caller);
  caller.key_index = found.index;
  caller.owner = {key.id, key.org, key.project};
  std::atomic<std::int64_t>& last_used = *keys.last_used[found.index];
  const std::int64_t now =
      std::chrono::floor<std::chrono::seconds>(call.started_wall).time_since_epoch().count();
  // Written once a second, so that workers don't pass the line of memory around.
  if (last_used.load(std::memory_order_relaxed) != now) {
    last_used.store(now, std::memory_order_relaxed);
  }
  // It leaves the request: the fields when the head is written, the parameter here.
  if (presented.decoded.empty()) {
    call.virtual_key = presented.text;
  } else {
    drop_virtual_keys(call.target);
  }
  if (const auto has_key = check_provider_key(presented, call, caller); !has_key) return has_key;
  return check_allowed(key, head, call);
}

PresentedKey presented_in(const Services& services, const KeySnapshot& keys,
                          const http::RequestHead& head, const Call& call) {
  const Dialect* const described =
      call.provider->described ? &call.provider->dialect : nullptr;
  // Where keys are in use, none of them may get out by another place.
  const bool in_use = services.settings.auth.require_keys || !keys.ring.keys().empty();
  return find_presented_key(head, described,
                            in_use ? KeySearch::everywhere : KeySearch::usual_places);
}

}  // namespace

bool has_active_key(const Services& services, const KeySnapshot& keys, LastKey& last,
                    const http::RequestHead& head, const Call& call) {
  const PresentedKey presented = presented_in(services, keys, head, call);
  if (!presented.presented || presented.unclear || presented.text.empty()) return false;
  const KeyRing::Found found = keys.ring.find(last.digest_of(presented.text), call.started_wall);
  return found.state == KeyState::active;
}

Result<void> authenticate(const Services& services, const KeySnapshot& keys, LastKey& last,
                          const http::RequestHead& head, Call& call, Caller& caller) {
  const PresentedKey presented = presented_in(services, keys, head, call);
  const auto known = presented.presented ? check_key(keys, last, presented, head, call, caller)
                                         : require_key(services, caller);
  if (!known) return known;
  const auto read = read_caller_scope(head, services.settings.auth.compatibility_headers, caller);
  if (read) read_said_scope(call.facts.said, caller);
  return read;
}

}  // namespace farebox::stages
