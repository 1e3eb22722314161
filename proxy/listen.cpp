#include "proxy/listen.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netdb.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "proxy/port_owner.hpp"

namespace farebox {
namespace {

constexpr int kBacklog = 4096;

struct Bound {
  int socket = -1;
  int error = 0;
};

Bound bind_and_listen(const sockaddr* address, socklen_t length, bool share) {
  Bound bound;
  bound.socket = ::socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (bound.socket < 0) return {-1, errno};
  const int on = 1;
  ::setsockopt(bound.socket, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (share) ::setsockopt(bound.socket, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
  if (::bind(bound.socket, address, length) != 0 || ::listen(bound.socket, kBacklog) != 0) {
    bound.error = errno;
    ::close(bound.socket);
    bound.socket = -1;
  }
  return bound;
}

std::string shown_address(const sockaddr_storage& address) {
  char text[INET6_ADDRSTRLEN] = {};
  if (address.ss_family == AF_INET6) {
    const auto& v6 = reinterpret_cast<const sockaddr_in6&>(address);
    ::inet_ntop(AF_INET6, &v6.sin6_addr, text, sizeof text);
    return fmt::format("[{}]:{}", text, ntohs(v6.sin6_port));
  }
  const auto& v4 = reinterpret_cast<const sockaddr_in&>(address);
  ::inet_ntop(AF_INET, &v4.sin_addr, text, sizeof text);
  return fmt::format("{}:{}", text, ntohs(v4.sin_port));
}

ListenFailure failure_of(const std::string& address, int error) {
  if (error == EADDRINUSE) {
    std::string owner = port_owner(parse_address(address)->port);
    if (owner.empty()) owner = "another program, perhaps a farebox that runs already";
    return {69, fmt::format("{} is taken by {}; stop it, or choose another address with --listen / "
                            "--admin-listen",
                            address, owner)};
  }
  if (error == EACCES) {
    return {77, fmt::format("no permission to listen on {}; choose a port above 1023", address)};
  }
  return {78, fmt::format("can't listen on {}: {}; give an address of this machine", address,
                          std::strerror(error))};
}

}  // namespace

boost::system::result<Listeners, ListenFailure> open_listeners(const std::string& address,
                                                               std::size_t count) {
  const auto parsed = parse_address(address);
  if (!parsed) return ListenFailure{78, parsed.error().context};

  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  addrinfo* found = nullptr;
  const std::string port = std::to_string(parsed->port);
  if (const int failed = ::getaddrinfo(parsed->host.c_str(), port.c_str(), &hints, &found)) {
    return ListenFailure{78, fmt::format("'{}' is no address of this machine: {}", address,
                                         ::gai_strerror(failed))};
  }
  sockaddr_storage where{};
  std::memcpy(&where, found->ai_addr, found->ai_addrlen);
  socklen_t length = found->ai_addrlen;
  ::freeaddrinfo(found);

  Listeners listeners;
  listeners.ipv6 = where.ss_family == AF_INET6;
  // Sharing would let a second farebox join the port in silence; the first socket asks
  // for it alone, and only then is it shared among our own workers.
  const Bound alone = bind_and_listen(reinterpret_cast<sockaddr*>(&where), length, false);
  if (alone.socket < 0) return failure_of(address, alone.error);
  ::getsockname(alone.socket, reinterpret_cast<sockaddr*>(&where), &length);
  listeners.shown = shown_address(where);
  if (count == 1) {
    listeners.sockets.push_back(alone.socket);
    return listeners;
  }
  ::close(alone.socket);
  for (std::size_t i = 0; i < count; ++i) {
    const Bound shared = bind_and_listen(reinterpret_cast<sockaddr*>(&where), length, true);
    if (shared.socket < 0) {
      for (const int open : listeners.sockets) ::close(open);
      return failure_of(address, shared.error);
    }
    listeners.sockets.push_back(shared.socket);
  }
  return listeners;
}

}  // namespace farebox
