#include "proxy/web_page.hpp"

#include <algorithm>

#include "proxy/http/text.hpp"

namespace farebox {
namespace {

std::string_view host_of(std::string_view authority) {
  if (authority.starts_with('[')) return authority.substr(0, authority.find(']') + 1);
  return authority.substr(0, authority.find(':'));
}

std::string_view host_of_origin(std::string_view origin) {
  const std::size_t colon = origin.find("://");
  return host_of(colon == std::string_view::npos ? origin : origin.substr(colon + 3));
}

bool ends_with_ignoring_case(std::string_view text, std::string_view end) {
  return text.size() >= end.size() &&
         http::equals_ignoring_case(text.substr(text.size() - end.size()), end);
}

// A name that no public DNS can have answered for: one label, as services in a container
// network have, or one of ours.
bool is_own_name(std::string_view authority, const OwnNames& own) {
  if (authority.empty() || is_address_or_localhost(authority)) return true;
  const std::string_view host = host_of(authority);
  if (host.find('.') == std::string_view::npos || is_same_host(own.listen, host)) return true;
  return std::any_of(own.origins.begin(), own.origins.end(), [host](const std::string& origin) {
    return http::equals_ignoring_case(host_of_origin(origin), host);
  });
}

// Browsers say which languages their user reads; of programs only Node's fetch does, with
// "*". They also go by Mozilla, all of them.
bool looks_like_a_browser(const http::RequestHead& head) {
  const std::string_view languages = head.value("accept-language");
  return (!languages.empty() && languages != "*") ||
         head.value("user-agent").starts_with("Mozilla/");
}

}  // namespace

bool is_address_or_localhost(std::string_view authority) {
  const std::string_view host = host_of(authority);
  if (host.starts_with('[')) return true;
  // RFC 6761, 6.3: names below localhost are this machine as well.
  if (http::equals_ignoring_case(host, "localhost") || ends_with_ignoring_case(host, ".localhost")) {
    return true;
  }
  return !host.empty() && std::all_of(host.begin(), host.end(),
                                      [](char c) { return http::is_digit(c) || c == '.'; });
}

bool is_same_host(std::string_view authority, std::string_view host) {
  return http::equals_ignoring_case(host_of(authority), host_of(host));
}

bool is_from_foreign_page(const http::RequestHead& head, const OwnNames& own) {
  bool has_origin = false;
  for (const http::Field& field : head.fields) {
    if (!http::equals_ignoring_case(field.name, "origin") || field.value.empty()) continue;
    has_origin = true;
    if (std::find(own.origins.begin(), own.origins.end(), field.value) == own.origins.end()) {
      return true;
    }
  }
  if (has_origin) return false;  // listed
  const std::string_view site = head.value("sec-fetch-site");
  if (!site.empty()) {
    return (site != "none" && site != "same-origin") || !is_own_name(head.host, own);
  }
  // What isn't GET or HEAD has an Origin where a page sent it.
  if (head.method != "GET" && head.method != "HEAD") return false;
  return looks_like_a_browser(head) && !is_own_name(head.host, own);
}

}  // namespace farebox
