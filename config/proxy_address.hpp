// ProxyAddress: an HTTP proxy between farebox and a provider, as a URL names it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "config/base/result.hpp"
#include "config/base/secret.hpp"

namespace farebox {

struct ProxyAddress {
  bool tls = false;         // https://: the proxy itself is spoken to through TLS
  std::string host;         // a name or an address without brackets
  std::uint16_t port = 0;
  Secret authorization;     // value of Proxy-Authorization, or empty
  std::string said_by;      // "upstream_proxy", "HTTPS_PROXY" ..., for messages

  // Do both lead through the same proxy with the same password?
  bool operator==(const ProxyAddress& other) const;
};

// "host:port", an IPv6 address in brackets; never the user or the password.
std::string shown(const ProxyAddress& proxy);

// Reads http://[USER:PASSWORD@]HOST[:PORT][/] or https://...; a bare HOST:PORT is http.
// User and password are percent-decoded (RFC 3986, 2.1) and sent as Basic (RFC 7617).
// An Error's context is "why; how to mend" and never repeats the text.
Result<ProxyAddress> parse_proxy_url(std::string_view url);

}  // namespace farebox
