// The answers of the admin port. Plain functions over what the program knows.
#include <fmt/format.h>

#include <algorithm>

#include "config/base/json_writer.hpp"
#include "proxy/admin.hpp"
#include "proxy/admin_alerts.hpp"
#include "proxy/admin_audit.hpp"
#include "proxy/admin_budgets.hpp"
#include "proxy/admin_cache.hpp"
#include "proxy/admin_forecast.hpp"
#include "proxy/admin_keys.hpp"
#include "proxy/admin_ledger.hpp"
#include "proxy/budget_gauges.hpp"
#include "proxy/exact_json.hpp"
#include "proxy/http/text.hpp"
#include "proxy/provider_gauges.hpp"

namespace farebox {
namespace {

AdminAnswer text(int status, std::string_view words) {
  return {status, "text/plain; charset=utf-8", std::string(words), {}};
}

AdminAnswer providers(const AdminView& view, const AdminRequest&) {
  const MetricsSnapshot snapshot = view.snapshot();
  AdminAnswer answer;
  JsonWriter json(answer.body);
  json.begin_object();
  json.key("providers").begin_array();
  for (const auto& provider : view.services.providers) {
    json.begin_object();
    json.key("name").string(provider->settings.name);
    json.key("dialect").string(
        provider->settings.described ? std::string_view(provider->settings.described->name)
                                     : name_of(provider->settings.dialect));
    json.key("baseUrl").string(provider->settings.base_url);
    json.key("ownKeys").number(std::uint64_t{provider->settings.api_keys.size()});
    UpstreamGauge pool;
    for (const UpstreamGauge& gauge : snapshot.upstreams) {
      if (gauge.provider == provider->settings.name) pool = gauge;
    }
    json.key("pool").begin_object();
    json.key("idle").number(pool.idle);
    json.key("busy").number(pool.busy);
    json.key("connecting").number(pool.dialling);
    json.key("max").number(std::uint64_t{provider->settings.pool.max});
    json.key("connects").number(pool.all_connects());
    json.key("failedConnects").number(pool.failed_connects + pool.failed_at_proxy);
    json.end_object();
    append_provider_state(json, *provider->state, view.services.clock);
    append_health_check(json, *provider->health);
    json.end_object();
  }
  json.end_array();
  json.end_object();
  return answer;
}

AdminAnswer healthz(const AdminView&, const AdminRequest&) { return text(200, "ok\n"); }

AdminAnswer readyz(const AdminView& view, const AdminRequest&) {
  if (!view.ready()) return text(503, "draining\n");
  // With `allow` requests are served without a hold, so traffic may still come.
  if (view.services.settings.ledger.on_store_failure == OnStoreFailure::deny) {
    const LedgerStatus status = view.services.ledger.status();
    if (!status.writable) return text(503, fmt::format("store not writable: {}\n", status.trouble));
  }
  return text(200, "ready\n");
}

AdminAnswer metrics(const AdminView& view, const AdminRequest& request) {
  const bool open = request.accept.find("application/openmetrics-text") != std::string_view::npos;
  MetricsSnapshot snapshot = view.snapshot();
  snapshot.governor = read_gauges(view.services.governor);
  snapshot.providers = read_provider_gauges(view.services.providers);
  if (open) {
    return {200, "application/openmetrics-text; version=1.0.0; charset=utf-8",
            view.services.metrics.scrape(snapshot, Metrics::Format::openmetrics), {}};
  }
  return {200, "text/plain; version=0.0.4; charset=utf-8",
          view.services.metrics.scrape(snapshot, Metrics::Format::prometheus), {}};
}

void append_list(JsonWriter& json, std::string_view name, const std::vector<std::string>& items) {
  json.key(name).begin_array();
  for (const std::string& item : items) json.string(item);
  json.end_array();
}

AdminAnswer reload(const AdminView& view, const AdminRequest&) {
  const ReloadReport report = view.reload ? view.reload() : ReloadReport();
  if (report.outcome == ReloadReport::Outcome::no_file) {
    return admin_error(409, "no_config_file",
                       "farebox was started without --config, so there is nothing to reload from; "
                       "start it with a file");
  }
  AdminAnswer answer;
  answer.change = change_of(report);
  JsonWriter json(answer.body);
  json.begin_object();
  if (report.outcome == ReloadReport::Outcome::refused) {
    answer.status = 400;
    json.key("error").begin_object();
    json.key("code").string("invalid_config");
    json.key("message").string(fmt::format("the configuration has {} mistake(s), nothing was "
                                           "changed; mend them and reload again",
                                           report.problems.size()));
    append_list(json, "problems", report.problems);
    json.end_object();
  } else {
    json.key("status").string("ok");
    append_list(json, "changed", report.changed);
    append_list(json, "needsRestart", report.needs_restart);
    append_list(json, "warnings", report.warnings);
  }
  json.end_object();
  return answer;
}

enum class Method : std::uint8_t { get, post, put, patch, del };

struct AdminRoute {
  Method method;
  std::string_view path;  // a "*" stands for one part
  AdminAnswer (*answer)(const AdminView&, const AdminRequest&);
  bool reads_disk = false;  // may take its time: so it is for the whole path
  bool takes_json = false;  // wants a body, which says that it is JSON
  // The parameters it knows, with a blank between them; null: it doesn't mind others.
  const char* parameters = nullptr;
  bool calls_others = false;  // waits for the network: so it is for the whole path
};

constexpr AdminRoute kRoutes[] = {
    {Method::get, "/healthz", healthz},
    {Method::get, "/readyz", readyz},
    {Method::get, "/metrics", metrics},  // it must not wait behind a long read
    {Method::get, "/api/usage", answer_usage, true},
    {Method::get, "/api/usage/records", answer_records, true},
    {Method::get, "/api/ledger", answer_ledger},
    {Method::post, "/api/ledger/rebuild", answer_rebuild, true},
    {Method::post, "/api/ledger/reprice", answer_reprice, true},
    {Method::get, "/api/budgets", answer_budgets, true, false, "projectId budgetId limit cursor"},
    {Method::get, "/api/budgets/forecast", answer_forecast, true},
    {Method::post, "/api/budgets", answer_put_budget, true, true, ""},
    {Method::del, "/api/budgets", answer_remove_budget, true, false, "budgetId id"},
    {Method::post, "/api/budgets/override", answer_override_budget, true, true, ""},
    {Method::del, "/api/budgets/override", answer_end_override, true, false, "budgetId"},
    {Method::post, "/api/budgets/top-up", answer_top_up, true, true, ""},
    {Method::get, "/api/keys", answer_keys, true, false, ""},
    {Method::post, "/api/keys", answer_create_key, true, true, ""},
    {Method::del, "/api/keys", answer_revoke_key, true, false, "id keyId name"},
    {Method::post, "/api/keys/rotate", answer_rotate_key, true, true, ""},
    {Method::get, "/api/alerts", answer_alerts, true},
    {Method::post, "/api/alerts/test", answer_test_alerts, true, true, "", true},
    {Method::post, "/api/alerts/*/acknowledge", answer_acknowledge_alert, true, true, ""},
    {Method::get, "/api/audit", answer_audit, true, false, "limit cursor"},
    {Method::get, "/api/cache/stats", answer_cache_stats},
    {Method::post, "/api/cache/invalidate", answer_cache_invalidate, true, true, ""},
    {Method::get, "/api/cache/warm", answer_cache_warming, true},
    {Method::post, "/api/cache/warm", answer_cache_warm, true},
    {Method::get, "/api/providers", providers},
    {Method::post, "/api/config/reload", reload, true},
};

std::string_view name_of(Method method) {
  switch (method) {
    case Method::get: return "GET";
    case Method::post: return "POST";
    case Method::put: return "PUT";
    case Method::patch: return "PATCH";
    case Method::del: return "DELETE";
  }
  return {};
}

bool is_of(std::string_view path, const AdminRoute& route) {
  const std::size_t star = route.path.find('*');
  if (star == route.path.npos) return path == route.path;
  const std::string_view before = route.path.substr(0, star), after = route.path.substr(star + 1);
  if (!path.starts_with(before) || !path.ends_with(after)) return false;
  if (path.size() <= before.size() + after.size()) return false;
  const std::string_view part = path.substr(before.size(), path.size() - before.size() - after.size());
  return part.find('/') == part.npos;
}

bool admits(Method method, std::string_view said) {
  return said == name_of(method) || (method == Method::get && said == "HEAD");
}

bool is_json(std::string_view content_type) {
  const std::string_view type = http::trim(content_type.substr(0, content_type.find(';')));
  // What curl says unasked; a page that sends such a form is known by its Origin.
  return type.empty() || http::equals_ignoring_case(type, "application/json") ||
         http::equals_ignoring_case(type, "application/x-www-form-urlencoded");
}

// What nobody reads would be taken for done. Nothing: all of it is known.
std::optional<AdminAnswer> refuse_unknown(const AdminRoute& route, const AdminRequest& request) {
  if (route.parameters != nullptr) {
    const std::string known = fmt::format(" {} ", route.parameters);
    for (const auto& [name, value] : request.query) {
      if (name.find(' ') == name.npos && known.find(" " + name + " ") != known.npos) continue;
      return bad_request(fmt::format("'{}' is no parameter of {} {}, which knows {}; leave it out",
                                     name.substr(0, 64), name_of(route.method), route.path,
                                     *route.parameters == 0 ? "none" : route.parameters));
    }
  }
  if (!route.takes_json) return std::nullopt;
  const auto twice = repeated_member(request.body);
  if (!twice) return std::nullopt;
  return bad_request(fmt::format("the body says '{}' twice; send it once",
                                                     twice->substr(0, 64)));
}

AdminAnswer other_method(std::string_view path) {
  std::string allow;
  for (const AdminRoute& route : kRoutes) {
    if (!is_of(path, route)) continue;
    allow += (allow.empty() ? "" : ", ") + std::string(name_of(route.method));
  }
  AdminAnswer answer =
      admin_error(405, "method_not_allowed", fmt::format("this path answers {} only", allow));
  answer.allow = std::move(allow);
  return answer;
}

}  // namespace

AdminAnswer admin_error(int status, std::string_view code, std::string_view message) {
  AdminAnswer answer;
  answer.status = status;
  JsonWriter json(answer.body);
  json.begin_object().key("error").begin_object();
  json.key("code").string(code);
  json.key("message").string(message);
  json.end_object().end_object();
  return answer;
}

bool reads_disk(std::string_view path) {
  return std::any_of(std::begin(kRoutes), std::end(kRoutes), [&](const AdminRoute& route) {
    return is_of(path, route) && route.reads_disk;
  });
}

bool calls_others(std::string_view path) {
  return std::any_of(std::begin(kRoutes), std::end(kRoutes), [&](const AdminRoute& route) {
    return is_of(path, route) && route.calls_others;
  });
}

AdminAnswer answer_admin(const AdminView& view, const AdminRequest& request) {
  bool found = false;
  for (const AdminRoute& route : kRoutes) {
    if (!is_of(request.path, route)) continue;
    found = true;
    if (!admits(route.method, request.method)) continue;
    if (route.takes_json && !is_json(request.content_type)) {
      return admin_error(415, "json_expected", "send the body as JSON, with content-type: application/json");
    }
    if (auto refused = refuse_unknown(route, request)) return std::move(*refused);
    AdminAnswer answer = route.answer(view, request);
    if (answer.change) view.services.audit.note(request.actor, *answer.change);
    return answer;
  }
  if (found) return other_method(request.path);
  return admin_error(404, "not_found", "the admin port has no such path; programs point their base URL at the data port, "
                     "which is listen in the configuration");
}

}  // namespace farebox
