#include "proxy/listen.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
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
  if (address->sa_family == AF_INET6) {
    // [::] means every address of this machine, IPv4 too, whatever bindv6only says.
    const int off = 0;
    ::setsockopt(bound.socket, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
  }
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

ListenFailure unix_failure_of(const std::string& address, int error) {
  switch (error) {
    case EADDRINUSE:
      return {69, fmt::format("{} is taken by another program that answers on it; stop it, or "
                              "choose another path with --listen / --admin-listen",
                              address)};
    case ENOTSOCK:
      return {73, fmt::format("{} is there and no socket, so farebox doesn't replace it; choose "
                              "another path, or remove it",
                              address)};
    case EACCES:
    case EPERM:
    case EROFS:
      return {77, fmt::format("no permission to make the socket {}; choose a directory this "
                              "account can write to",
                              address)};
    default:
      return {73, fmt::format("can't make the socket {}: {}; choose a path in a directory that "
                              "exists",
                              address, std::strerror(error))};
  }
}

// Workers share one listening socket: each has a descriptor of its own for it.
boost::system::result<Listeners, ListenFailure> open_unix(const std::string& address,
                                                          const std::string& path,
                                                          const ListenOptions& options) {
  SocketFile::Bound bound = SocketFile::bind(path, options.unix_mode);
  if (bound.socket < 0) return unix_failure_of(address, bound.error);
  Listeners listeners;
  listeners.file = std::move(bound.file);
  listeners.shown = "unix:" + path;
  listeners.sockets.push_back(bound.socket);
  bool done = ::listen(bound.socket, kBacklog) == 0;
  while (done && listeners.sockets.size() < options.count) {
    const int another = ::fcntl(bound.socket, F_DUPFD_CLOEXEC, 0);
    done = another >= 0;
    if (done) listeners.sockets.push_back(another);
  }
  if (!done) {
    const int error = errno;
    for (const int open : listeners.sockets) ::close(open);
    return unix_failure_of(address, error);
  }
  return listeners;
}

}  // namespace

boost::system::result<Listeners, ListenFailure> open_listeners(const std::string& address,
                                                               const ListenOptions& options) {
  const std::size_t count = options.count;
  const auto parsed = parse_address(address);
  if (!parsed) return ListenFailure{78, parsed.error().context};
  if (parsed->is_unix()) return open_unix(address, parsed->path, options);

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
