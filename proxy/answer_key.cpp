#include "proxy/answer_key.hpp"

#include <algorithm>

#include "proxy/dialect/json_members.hpp"
#include "proxy/http/text.hpp"
#include "proxy/presented_key.hpp"

namespace farebox {
namespace {

constexpr std::string_view kVersion = "farebox answer 1";

// Each part with its length before it, so that no two lists of parts read alike.
void add(std::string& out, std::string_view part) {
  const auto size = static_cast<std::uint32_t>(part.size());
  for (int shift = 0; shift < 32; shift += 8) out += static_cast<char>(size >> shift & 0xff);
  out += part;
}

void add(std::string& out, const Digest& digest) {
  out.append(reinterpret_cast<const char*>(digest.data()), digest.size());
}

// Does it set how the provider reads the body or what it answers? Versions, betas, regions.
bool tells_the_provider(std::string_view name) {
  static constexpr std::string_view kPrefixes[] = {"anthropic-", "openai-", "x-goog-", "x-ms-",
                                                   "x-amzn-bedrock-", "x-amz-bedrock-",
                                                   // Gateways behind this one.
                                                   "x-portkey-", "x-litellm-", "helicone-",
                                                   "api-version", "x-api-version"};
  return std::any_of(std::begin(kPrefixes), std::end(kPrefixes), [&](std::string_view prefix) {
    return name.size() >= prefix.size() &&
           http::equals_ignoring_case(name.substr(0, prefix.size()), prefix);
  });
}

// The caller's own credentials, in whatever field or parameter they are.
Digest credentials_of(const Call& call, const http::RequestHead& head) {
  std::string all;
  for (const http::Field& field : head.fields) {
    if (http::equals_ignoring_case(field.name, "x-farebox-key")) continue;
    // A dialect that was described may carry its key in a field of any name.
    if (!may_hold_credential(field.name) &&
        !http::equals_ignoring_case(field.name, call.provider->dialect.credential().header)) {
      continue;
    }
    if (!call.virtual_key.empty() && field.value.find(call.virtual_key) != std::string_view::npos) {
      continue;
    }
    std::string name(field.name);
    std::transform(name.begin(), name.end(), name.begin(), http::lower);
    add(all, name);
    add(all, field.value);
  }
  const std::size_t query = call.target.find('?');
  if (query != std::string::npos) add(all, std::string_view(call.target).substr(query));
  return sha256(all);
}

}  // namespace

std::string tenant_of(const Call& call, const Caller& caller, const http::RequestHead& head,
                      Sharing share) {
  const std::optional<Caller::Owner>& key = caller.owner;
  std::string tenant;
  if (share == Sharing::all) {
    add(tenant, "all");
    return tenant;
  }
  if (share == Sharing::org && key && !key->org.empty()) {
    add(tenant, "org");
    add(tenant, key->org);
    return tenant;
  }
  if (share == Sharing::project && key && !key->project.empty()) {
    add(tenant, "project");
    add(tenant, key->org);
    add(tenant, key->project);
    return tenant;
  }
  if (key) {
    add(tenant, "key");
    add(tenant, key->key_id);
  } else {
    add(tenant, "caller");
    add(tenant, caller.org);
    add(tenant, caller.project);
  }
  // Whose account pays is whose answer it is.
  if (!key || !call.provider->has_keys()) add(tenant, credentials_of(call, head));
  return tenant;
}

AnswerKey answer_key(std::string_view tenant, const Call& call, const http::RequestHead& head,
                     const BodyDigest& body, bool streams) {
  const ProviderSettings& provider = call.provider->settings;
  std::string all;
  all.reserve(512);
  add(all, kVersion);
  add(all, tenant);
  add(all, provider.name);
  add(all, provider.base_url);
  add(all, name_of(call.dialect));
  add(all, name_of(call.route.endpoint));
  add(all, head.method);
  add(all, call.target);
  add(all, call.model);
  for (const http::Field& field : head.fields) {
    if (!tells_the_provider(field.name) || may_hold_credential(field.name)) continue;
    std::string name(field.name);
    std::transform(name.begin(), name.end(), name.begin(), http::lower);
    add(all, name);
    add(all, field.value);
  }
  add(all, streams ? "stream" : "whole");
  add(all, body.digest);
  // Its answer repeats what no other's depends on.
  if (call.route.endpoint == Endpoint::responses) {
    const JsonMembers echoed(call.body, {"metadata", "user", "safety_identifier", "prompt_cache_key"});
    for (const char* const name : {"metadata", "user", "safety_identifier", "prompt_cache_key"}) {
      add(all, echoed[name]);
    }
  }
  // What a stream says beside the answer, such as its usage, is nothing to one that comes whole.
  if (streams) add(all, body.form);
  return sha256(all);
}

std::string answer_name(const Call& call) {
  std::string name = call.provider->settings.name;
  name += '/';
  name += name_of(call.route.endpoint);
  name += '/';
  name += std::string_view(call.model).substr(0, 256);
  return name;
}

}  // namespace farebox
