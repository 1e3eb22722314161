// Address: where farebox listens, and the rules for the URLs it is given.
//
// An Error's context is "why; how to mend" and does not repeat the text.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "config/base/result.hpp"

namespace farebox {

struct Address {
  std::string host;        // 127.0.0.1, ::1 (without brackets) or a name
  std::uint16_t port = 0;  // 0: the system picks a free one
  std::string path;        // of a Unix socket, which has no host and no port; else empty

  bool is_unix() const { return !path.empty(); }
};

// Reads HOST:PORT, [IPv6]:PORT or unix:PATH.
Result<Address> parse_address(std::string_view text);

// Only this machine can connect: 127.0.0.0/8, ::1, localhost, a Unix socket.
bool is_loopback(const Address& address);

// Would two listeners want the same place?
bool collide(const Address& a, const Address& b);

// 0.0.0.0 or ::, every address of this machine.
bool is_wildcard(const Address& address);

// http or https, a host, perhaps a port and a path, nothing else.
Result<void> check_base_url(std::string_view url);

// What a browser puts into Origin: scheme://host or scheme://host:port.
Result<void> check_origin(std::string_view origin);

// A host name or an IP address, with * allowed for the labels it begins with, perhaps a port.
Result<void> check_host_pattern(std::string_view pattern);

}  // namespace farebox
