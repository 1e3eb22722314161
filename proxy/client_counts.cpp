#include "proxy/client_counts.hpp"

#include <netinet/in.h>

#include <cstring>
#include <string_view>

namespace farebox {

std::optional<ClientCounts::Address> ClientCounts::address_of(int socket) {
  sockaddr_storage peer{};
  socklen_t length = sizeof peer;
  if (::getpeername(socket, reinterpret_cast<sockaddr*>(&peer), &length) != 0) return std::nullopt;
  return address_of(peer);
}

std::optional<ClientCounts::Address> ClientCounts::address_of(const sockaddr_storage& peer) {
  Address address{};
  if (peer.ss_family == AF_INET) {
    // RFC 4291, 2.5.5.2: IPv4-mapped, as a socket for both families shows it.
    address[10] = address[11] = 0xFF;
    std::memcpy(&address[12], &reinterpret_cast<const sockaddr_in&>(peer).sin_addr, 4);
    return address;
  }
  if (peer.ss_family != AF_INET6) return std::nullopt;
  const in6_addr& six = reinterpret_cast<const sockaddr_in6&>(peer).sin6_addr;
  const bool mapped = IN6_IS_ADDR_V4MAPPED(&six);
  std::memcpy(address.data(), &six, mapped ? 16 : 8);
  return address;
}

std::size_t ClientCounts::number_of(int socket) {
  const auto address = address_of(socket);
  if (!address) return 0;
  return std::hash<std::string_view>()(
      {reinterpret_cast<const char*>(address->data()), address->size()});
}

}  // namespace farebox
