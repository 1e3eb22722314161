#include "tests/mock/listener.hpp"

#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <stdexcept>
#include <thread>

namespace farebox::mock {

namespace {

constexpr int kBacklog = 4096;

struct HostPort {
  std::string host;
  std::string port;
};

HostPort split(const std::string& address) {
  const auto colon = address.rfind(':');
  if (colon == std::string::npos) throw std::runtime_error("no port in " + address);
  HostPort out{address.substr(0, colon), address.substr(colon + 1)};
  if (out.host.size() > 1 && out.host.front() == '[') {
    out.host = out.host.substr(1, out.host.size() - 2);
  }
  return out;
}

}  // namespace

int listen_on(const std::string& address) {
  const HostPort at = split(address);
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV;
  addrinfo* found = nullptr;
  if (const int error = getaddrinfo(at.host.c_str(), at.port.c_str(), &hints, &found)) {
    throw std::runtime_error(address + ": " + gai_strerror(error));
  }
  const int listener = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int on = 1;
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  const bool bound = bind(listener, found->ai_addr, found->ai_addrlen) == 0 &&
                     listen(listener, kBacklog) == 0;
  const int error = errno;
  freeaddrinfo(found);
  if (!bound) {
    close(listener);
    throw std::runtime_error(address + ": " + std::strerror(error));
  }
  return listener;
}

std::string address_of(int listener) {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size);
  std::array<char, NI_MAXHOST> host;
  std::array<char, NI_MAXSERV> port;
  getnameinfo(reinterpret_cast<sockaddr*>(&address), size, host.data(), host.size(), port.data(),
              port.size(), NI_NUMERICHOST | NI_NUMERICSERV);
  const std::string name = host.data();
  return (name.find(':') == std::string::npos ? name : "[" + name + "]") + ":" + port.data();
}

void accept_on(int listener, std::function<void(Stream&)> serve) {
  std::thread([listener, serve = std::move(serve)] {
    while (true) {
      const int socket = accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
      if (socket < 0) {
        // Out of descriptors: wait for some to come back.
        if (errno != EINTR) std::this_thread::sleep_for(std::chrono::milliseconds(5));
        continue;
      }
      std::thread([socket, serve] {
        Stream stream(socket);
        serve(stream);
      }).detach();
    }
  }).detach();
}

}  // namespace farebox::mock
