#include "proxy/health.hpp"

#include <fmt/format.h>
#include <netdb.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <cstdio>
#include <string_view>

#include "config/address.hpp"

namespace farebox {
namespace {

constexpr int kExitUnavailable = 69;

int unavailable(const std::string& address, std::string_view why) {
  fmt::print(stderr, "farebox: the admin port at {} is not well: {}\n", address, why);
  return kExitUnavailable;
}

}  // namespace

int ask_health(const std::string& address, bool ready) {
  const auto parsed = parse_address(address);
  if (!parsed) return unavailable(address, parsed.error().context);
  // A wildcard is where to listen; this machine is asked on loopback.
  std::string host = parsed->host;
  if (host == "0.0.0.0") host = "127.0.0.1";
  if (host == "::") host = "::1";

  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (::getaddrinfo(host.c_str(), std::to_string(parsed->port).c_str(), &hints, &found) != 0) {
    return unavailable(address, "its name can't be resolved");
  }
  const int peer = ::socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const timeval limit{2, 0};
  ::setsockopt(peer, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  ::setsockopt(peer, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
  const int connected = ::connect(peer, found->ai_addr, found->ai_addrlen);
  ::freeaddrinfo(found);
  if (connected != 0) {
    ::close(peer);
    return unavailable(address, "nothing listens there");
  }
  const std::string request =
      fmt::format("GET {} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
                  ready ? "/readyz" : "/healthz");
  char answer[64] = {};
  const bool sent = ::send(peer, request.data(), request.size(), MSG_NOSIGNAL) > 0;
  const ssize_t got = sent ? ::recv(peer, answer, sizeof answer - 1, MSG_WAITALL) : -1;
  ::close(peer);
  if (got < 12) return unavailable(address, "no answer");
  if (std::string_view(answer).substr(9, 3) != "200") {
    return unavailable(address, fmt::format("it answers {}", std::string_view(answer).substr(9, 3)));
  }
  return 0;
}

}  // namespace farebox
