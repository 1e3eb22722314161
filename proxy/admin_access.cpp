#include "proxy/admin_access.hpp"

#include "config/address.hpp"
#include "config/base/digest.hpp"
#include "proxy/http/text.hpp"
#include "proxy/web_page.hpp"

namespace farebox {
namespace {

// Hashes of equal length are compared in constant time, so neither length nor prefix
// of the token shows.
bool equals_secret(std::string_view presented, const Secret& secret) {
  if (secret.empty()) return false;
  return same_digest(sha256(presented), sha256(secret.reveal()));
}

// A rebound name is somebody's domain; an address or localhost can't be rebound.
bool is_trusted_host(std::string_view authority, const AdminSettings& settings) {
  const auto own = parse_address(settings.listen);
  if (own && own->is_unix()) return true;  // no browser reaches it
  return is_address_or_localhost(authority) || is_same_host(settings.listen, authority);
}

bool is_under_api(std::string_view path) { return path == "/api" || path.starts_with("/api/"); }

}  // namespace

std::optional<AdminAnswer> refuse_admin(const AdminSettings& settings,
                                        const http::RequestHead& head, std::string_view path) {
  if (!is_under_api(path)) return std::nullopt;
  if (!is_trusted_host(head.host, settings)) {
    return admin_error(403, "host_not_allowed",
                       "use the admin port by address, localhost or its configured name");
  }
  const bool writes = head.method != "GET" && head.method != "HEAD";
  const std::string_view origin = head.value("origin");
  const std::string_view site = head.value("sec-fetch-site");
  const bool foreign_origin = !origin.empty() && origin != "http://" + std::string(head.host) &&
                              origin != "https://" + std::string(head.host);
  if (foreign_origin || (!site.empty() && site != "none" && site != "same-origin")) {
    return admin_error(403, "origin_not_allowed", "a web page of another origin sent this");
  }
  if (settings.token.empty()) return std::nullopt;  // loopback only: the loader saw to it

  std::string_view presented = head.value("authorization");
  constexpr std::string_view kBearer = "bearer ";
  if (presented.size() < kBearer.size() ||
      !http::equals_ignoring_case(presented.substr(0, kBearer.size()), kBearer)) {
    return admin_error(401, "unauthorized", "send authorization: Bearer with the admin token");
  }
  presented = http::trim(presented.substr(kBearer.size()));
  if (equals_secret(presented, settings.token)) return std::nullopt;
  if (equals_secret(presented, settings.read_token)) {
    if (!writes) return std::nullopt;
    return admin_error(403, "read_only", "this token may read, not write");
  }
  return admin_error(401, "unauthorized", "this is not the admin token");
}

}  // namespace farebox
