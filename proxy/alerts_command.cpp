#include "proxy/alerts_command.hpp"

#include <fmt/format.h>

#include "config/base/json_writer.hpp"
#include "proxy/admin_client.hpp"
#include "proxy/alerts_table.hpp"
#include "proxy/output.hpp"

namespace farebox {
namespace {

using Act = AlertsOptions::Act;

struct Wanted {
  std::string target, body;
};

// An id that is none must not lead to another path.
bool is_plain(std::string_view id) {
  return !id.empty() && id.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-") == id.npos;
}

void write_text(JsonWriter& json, std::string_view name, const std::string& text) {
  if (!text.empty()) json.key(name).string(text);
}

Wanted wanted_by(const AlertsOptions& options) {
  Wanted wanted{"/api/alerts", {}};
  JsonWriter json(wanted.body);
  switch (options.act) {
    case Act::list:
      append_query(wanted.target, "state", options.active ? "active" : "");
      break;
    case Act::test:
      wanted.target += "/test";
      json.begin_object();
      write_text(json, "channel", options.channel);
      json.end_object();
      break;
    case Act::acknowledge:
      wanted.target += "/" + options.id + "/acknowledge";
      json.begin_object();
      write_text(json, "by", options.by);
      write_text(json, "note", options.note);
      json.end_object();
      break;
  }
  return wanted;
}

Result<std::string> for_people(const AlertsOptions& options, const std::string& answer) {
  switch (options.act) {
    case Act::list: return alerts_table(answer);
    case Act::test: return alert_tests_text(answer);
    case Act::acknowledge: break;
  }
  return fmt::format("The alert {} is acknowledged.\n", options.id);
}

}  // namespace

int run_alerts(const AdminSettings& admin, const AlertsOptions& options) {
  if (options.act == Act::acknowledge && !is_plain(options.id)) {
    return complain({kExitUsage, fmt::format("'{}' is no id of an alert; farebox alerts list shows them",
                                             options.id)});
  }
  const Wanted wanted = wanted_by(options);
  AdminCall call;
  call.method = options.act == Act::list ? "GET" : "POST";
  call.target = wanted.target;
  call.body = wanted.body;
  const auto answer = admin_body(admin, call);
  if (!answer) return complain(answer.error());
  const bool failed = options.act == Act::test && !all_delivered(*answer);
  const int code = say_answer(*answer, options.json, admin.listen,
                              [&] { return for_people(options, *answer); });
  return code == 0 && failed ? kExitUnavailable : code;
}

}  // namespace farebox
