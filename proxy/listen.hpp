// Listening sockets: opened before anything serves, so that a taken port is an error
// at start and nothing else.
#pragma once

#include <string>
#include <vector>

#include "config/address.hpp"
#include "config/base/result.hpp"

namespace farebox {

struct Listeners {
  std::vector<int> sockets;  // bound and listening, owned by the caller
  bool ipv6 = false;
  std::string shown;         // "127.0.0.1:4141", with the port the system picked
};

// `count` sockets on one address; with more than one they share it (SO_REUSEPORT), but
// never with another process. Errors: io_failed, with what to do in the context; the
// exit code is in `exit_code` (69 taken, 77 not permitted, 78 no such address).
struct ListenFailure {
  int exit_code = 69;
  std::string why;
};
boost::system::result<Listeners, ListenFailure> open_listeners(const std::string& address,
                                                               std::size_t count);
[[noreturn]] inline void throw_exception_from_error(const ListenFailure&,
                                                    const boost::source_location& where) {
  check_failed("listener result not checked", where.file_name(), static_cast<int>(where.line()));
}

}  // namespace farebox
