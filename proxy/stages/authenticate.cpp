// authenticate: who asks. Virtual keys come with budgets; until then a deployment
// runs without, and the scope comes from x-farebox-* headers.
#include "proxy/headers.hpp"
#include "proxy/stages/stages.hpp"

namespace farebox::stages {
namespace {

constexpr std::size_t kMaxScope = 128;  // octets of a scope value we keep
constexpr std::size_t kMaxTags = 16;

// The places a dialect carries a key in, and our own.
bool presents_virtual_key(const http::RequestHead& head) {
  if (head.has("x-farebox-key")) return true;
  for (const http::Field& field : head.fields) {
    std::string_view value = field.value;
    if (http::equals_ignoring_case(field.name, "authorization")) {
      constexpr std::string_view kBearer = "bearer ";
      if (value.size() > kBearer.size() &&
          http::equals_ignoring_case(value.substr(0, kBearer.size()), kBearer)) {
        value = http::trim(value.substr(kBearer.size()));
      }
      if (looks_like_virtual_key(value)) return true;
    } else if (http::equals_ignoring_case(field.name, "x-api-key") ||
               http::equals_ignoring_case(field.name, "api-key") ||
               http::equals_ignoring_case(field.name, "x-goog-api-key")) {
      if (looks_like_virtual_key(value)) return true;
    }
  }
  return query_holds_virtual_key(head.target);
}

// The place that the operator described, if that is another one.
bool presents_virtual_key(const http::RequestHead& head, const Call& call) {
  if (call.provider == nullptr || !call.provider->described) return false;
  const Credential credential = call.provider->dialect.credential();
  std::string_view value = head.value(credential.header);
  const std::string_view scheme = http::trim(credential.scheme);
  if (value.size() > scheme.size() &&
      http::equals_ignoring_case(value.substr(0, scheme.size()), scheme)) {
    value = http::trim(value.substr(scheme.size()));
  }
  return looks_like_virtual_key(value);
}

std::string scope_value(const http::RequestHead& head, std::string_view name) {
  return std::string(head.value(name).substr(0, kMaxScope));
}

// x-farebox-tags: a=b,c=d
std::map<std::string, std::string> read_tags(std::string_view list) {
  std::map<std::string, std::string> tags;
  while (!list.empty() && tags.size() < kMaxTags) {
    const std::size_t comma = list.find(',');
    const std::string_view pair = http::trim(list.substr(0, comma));
    const std::size_t equals = pair.find('=');
    if (equals != std::string_view::npos && equals != 0) {
      tags.emplace(std::string(http::trim(pair.substr(0, equals)).substr(0, kMaxScope)),
                   std::string(http::trim(pair.substr(equals + 1)).substr(0, kMaxScope)));
    }
    list = comma == std::string_view::npos ? std::string_view() : list.substr(comma + 1);
  }
  return tags;
}

}  // namespace

Result<Caller> authenticate(const http::RequestHead& head, const Call& call) {
  // A key of ours that nobody issued must not travel on to a provider.
  if (presents_virtual_key(head) || presents_virtual_key(head, call)) {
    return Error(ErrorCode::invalid_api_key, Fault::client, Retry::no,
                 "this farebox key is not known here; it may have been revoked");
  }
  Caller caller;
  caller.project = scope_value(head, "x-farebox-project");
  caller.user = scope_value(head, "x-farebox-user");
  caller.tags = read_tags(head.value("x-farebox-tags"));
  return caller;
}

}  // namespace farebox::stages
