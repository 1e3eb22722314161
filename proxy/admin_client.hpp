// AdminClient: asks the admin port of a running farebox, for commands and probes.
//
// Blocking, one connection for one call, no Asio: it runs in a program that does
// nothing else meanwhile.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "config/base/result.hpp"
#include "config/settings.hpp"
#include "proxy/exit_code.hpp"

namespace farebox {

struct AdminCall {
  std::string_view method = "GET";
  std::string target;       // path and query, encoded
  std::string_view token;   // empty: none is sent
  std::string_view body;    // JSON; empty: none is sent
  std::chrono::milliseconds connect_time{2'000};
  std::chrono::milliseconds answer_time{30'000};  // from the connection to the last octet
};

struct AdminReply {
  int status = 0;
  std::string body;  // at most 64 MiB
};

// Any answer is a reply. An Error's context is a short reason, "nothing listens there",
// and doesn't repeat the address.
Result<AdminReply> ask_admin(const std::string& address, const AdminCall& call);

// The body of a 200 or 201 from the admin port of these settings, or what to tell the caller of
// the command and how to end.
CommandResult<std::string> admin_body(const AdminSettings& admin, AdminCall call);

// Appends name=value to a target, percent-encoded, behind ? or &. An empty value isn't said.
void append_query(std::string& target, std::string_view name, std::string_view value);

}  // namespace farebox
