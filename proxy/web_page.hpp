// Who sent this, a program or a web page? A page can reach loopback, and must not spend the
// operator's money or read what a provider keeps for it (design, section 5).
//
// Plain decisions over a head. Browsers mark what a page sends: Origin on every request
// that isn't a plain GET of its own site, Sec-Fetch-Site where the address is loopback or
// HTTPS (Fetch, 3.2 and Fetch Metadata, W3C). A GET by http:// to a name that was rebound
// to this machine has neither; there the name in Host tells, together with what browsers
// always send and programs hardly ever do.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "proxy/http/head.hpp"

namespace farebox {

// A host that DNS can't have rebound: an address or localhost. `authority` may have a port.
bool is_address_or_localhost(std::string_view authority);

// The same host, whatever the ports? For the names we are listed or listen under.
bool is_same_host(std::string_view authority, std::string_view host);

// What a page may say without being foreign.
struct OwnNames {
  const std::vector<std::string>& origins;  // allowed_origins; their hosts are ours too
  std::string_view listen;                  // host:port
};

// Did a web page send this that isn't listed?
bool is_from_foreign_page(const http::RequestHead& head, const OwnNames& own);

}  // namespace farebox
