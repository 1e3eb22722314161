// Listening sockets: opened before anything serves, so that a taken port is an error
// at start and nothing else.
#pragma once

#include <string>
#include <vector>

#include "config/address.hpp"
#include "config/base/result.hpp"
#include "proxy/socket_file.hpp"

namespace farebox {

struct Listeners {
  std::vector<int> sockets;  // bound and listening, owned by the caller
  bool ipv6 = false;
  std::string shown;         // "127.0.0.1:4141", with the port the system picked; "unix:/path"
  SocketFile file;           // of a Unix socket; removes it at the end
};

struct ListenFailure {
  int exit_code = 69;
  std::string why;
};
[[noreturn]] inline void throw_exception_from_error(const ListenFailure&,
                                                    const boost::source_location& where) {
  check_failed("listener result not checked", where.file_name(), static_cast<int>(where.line()));
}

struct ListenOptions {
  std::size_t count = 1;     // sockets that share the address, one for each worker
  unsigned unix_mode = 0600;  // who may connect to a Unix socket
};

// With more than one, sockets share a port (SO_REUSEPORT), but never with another process,
// or are one Unix socket many times. [::] takes IPv4 clients as well, whatever the system's
// default is. Errors: what to do in `why`; the exit code is in `exit_code` (69 taken, 73
// can't make the socket's file, 77 not permitted, 78 no such address).
boost::system::result<Listeners, ListenFailure> open_listeners(const std::string& address,
                                                               const ListenOptions& options);

}  // namespace farebox
