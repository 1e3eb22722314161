#include "proxy/health.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include "config/base/json_writer.hpp"
#include "proxy/admin_client.hpp"
#include "proxy/output.hpp"

namespace farebox {
namespace {

// The reason of an address that can't be asked, or of a status that isn't 200.
std::string why_not(const Result<AdminReply>& reply, bool ready) {
  if (!reply) {
    return reply.error().context + "; is farebox running? Say where with --admin-listen HOST:PORT";
  }
  if (ready && reply->status == 503) return "it is not ready: starting, draining, or its store fails";
  return fmt::format("it answers {}; is this the admin port of farebox?", reply->status);
}

int tell(const std::string& address, const HealthOptions& options) {
  if (!options.json && on_terminal()) {
    return say(fmt::format("{}: the farebox with admin port {} is {}\n",
                           paint(Colour::green, "ok", STDOUT_FILENO), address,
                           options.ready ? "ready" : "alive"));
  }
  std::string out;
  JsonWriter json(out);
  json.begin_object().key("status").string(options.ready ? "ready" : "alive");
  json.key("admin").string(address).end_object();
  return say(out + "\n");
}

}  // namespace

int ask_health(const std::string& address, const HealthOptions& options) {
  AdminCall call;
  call.target = options.ready ? "/readyz" : "/healthz";
  call.answer_time = call.connect_time = std::chrono::seconds(2);
  const auto reply = ask_admin(address, call);
  if (reply && reply->status == 200) return tell(address, options);
  return complain({kExitUnavailable, fmt::format("the admin port at {} is not well: {}", address,
                                                 why_not(reply, options.ready))});
}

}  // namespace farebox
