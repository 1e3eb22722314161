#include "proxy/health.hpp"

#include <fmt/format.h>

#include <cstdio>

#include "proxy/admin_client.hpp"

namespace farebox {
namespace {

int unavailable(const std::string& address, std::string_view why) {
  fmt::print(stderr, "farebox: the admin port at {} is not well: {}\n", address, why);
  return kExitUnavailable;
}

}  // namespace

int ask_health(const std::string& address, bool ready) {
  AdminCall call;
  call.target = ready ? "/readyz" : "/healthz";
  call.answer_time = call.connect_time = std::chrono::seconds(2);
  const auto reply = ask_admin(address, call);
  if (!reply) return unavailable(address, reply.error().context);
  if (reply->status != 200) {
    return unavailable(address, fmt::format("it answers {}", reply->status));
  }
  return 0;
}

}  // namespace farebox
