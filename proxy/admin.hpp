// Admin: the surface for operators and Prometheus (design, section 7).
//
// Its own port, served by the program's main thread, so that it answers whatever the
// workers do. Routes are a table; handlers are plain functions from a request to an
// answer. Under /api a token, the Host and, on writes, the Origin are checked: a web
// page can reach loopback.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "proxy/audit_log.hpp"
#include "proxy/net.hpp"
#include "proxy/reloader.hpp"
#include "proxy/services.hpp"

namespace farebox {

struct AdminRequest {
  std::string_view method;
  std::string_view path;  // without query
  std::map<std::string, std::string> query;  // decoded
  std::string_view accept;
  std::string_view content_type;
  std::string_view body;  // at most 1 MiB
  AuditActor actor;       // who asks

  // What the query says; empty: nothing.
  std::string parameter(const std::string& name) const {
    const auto found = query.find(name);
    return found == query.end() ? std::string() : found->second;
  }
};

struct AdminAnswer {
  int status = 200;
  std::string content_type = "application/json";
  std::string body;
  std::string allow;  // of a 405: the methods that the path answers (RFC 9110, 15.5.6)
  std::optional<AuditChange> change = std::nullopt;  // what the handler changed
};

// What the handlers may ask of the running program.
struct AdminView {
  Services& services;
  std::function<bool()> ready;
  std::function<MetricsSnapshot()> snapshot;
  std::function<ReloadReport()> reload = nullptr;
  std::shared_ptr<const void> kept = nullptr;  // what `services` lives in
};

// One answer, without any I/O: what the tests call.
AdminAnswer answer_admin(const AdminView& view, const AdminRequest& request);
// Such a path may take its time: it is answered beside the thread that answers probes.
bool reads_disk(std::string_view path);
// ... and beside those that read from disk too: it waits for somebody else's server.
bool calls_others(std::string_view path);
AdminAnswer admin_error(int status, std::string_view code, std::string_view message);
inline AdminAnswer bad_request(std::string_view why) { return admin_error(400, "bad_request", why); }

class AdminServer {
 public:
  // `listener` is a bound, listening socket, owned from here on. `look` gives what is true
  // now; each request is answered from one view.
  AdminServer(asio::io_context& context, int listener, bool ipv6,
              std::function<AdminView()> look, const Clock& clock, std::size_t max_connections);
  ~AdminServer();
  void start();
  void stop();  // closes the listener and every connection

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace farebox
