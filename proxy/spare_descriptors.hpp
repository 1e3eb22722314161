// SpareDescriptors: a few descriptors kept for whoever must get in when there are none left.
//
// They are open on nothing; one is closed at the moment it is needed, and another takes its
// place when one is free again. Used by one thread.
#pragma once

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>

#include "proxy/net.hpp"

namespace farebox {

class SpareDescriptors {
 public:
  SpareDescriptors() { take_back(); }
  ~SpareDescriptors() {
    for (const int each : kept_) {
      if (each >= 0) ::close(each);
    }
  }
  SpareDescriptors(const SpareDescriptors&) = delete;
  SpareDescriptors& operator=(const SpareDescriptors&) = delete;

  // Accepts on `listener` in place of one of them. False, and `socket` untouched, when none is
  // left or nobody waits.
  bool lend(int listener, Socket& socket) {
    for (int& each : kept_) {
      if (each < 0) continue;
      ::close(std::exchange(each, -1));
      const int accepted = ::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
      error_code ec;
      // As ever: the protocol is what Asio shows, an accepted socket has its own.
      if (accepted >= 0) socket.assign(tcp::v4(), accepted, ec);
      if (accepted < 0 || ec) take_back();
      return accepted >= 0 && !ec;
    }
    return false;
  }

  // Fills up, as far as there are descriptors.
  void take_back() {
    for (int& each : kept_) {
      if (each < 0) each = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
    }
  }

 private:
  std::array<int, 4> kept_{-1, -1, -1, -1};
};

}  // namespace farebox
