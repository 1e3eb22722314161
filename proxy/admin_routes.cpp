// The answers of the admin port. Plain functions over what the program knows.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "config/base/json_writer.hpp"
#include "config/scalars.hpp"
#include "proxy/admin.hpp"

namespace farebox {
namespace {

constexpr std::size_t kDefaultLimit = 100;
constexpr std::size_t kMaxLimit = 1000;

AdminAnswer text(int status, std::string_view words) {
  return {status, "text/plain; charset=utf-8", std::string(words)};
}

std::string parameter(const AdminRequest& request, const std::string& name) {
  const auto found = request.query.find(name);
  return found == request.query.end() ? std::string() : found->second;
}

// "now", "24h ago", "24h", "2026-11-21", an RFC 3339 time in UTC, or Unix seconds.
std::optional<WallTime> parse_time(std::string_view said, WallTime now) {
  if (said == "now") return now;
  std::string_view span = said;
  if (span.ends_with(" ago")) span.remove_suffix(4);
  if (const auto duration = parse_duration(span)) return now - *duration;

  int year = 0;
  unsigned month = 0, day = 0, hour = 0, minute = 0, second = 0;
  int read = 0;
  const std::string copy(said);
  if (std::sscanf(copy.c_str(), "%4d-%2u-%2u%n", &year, &month, &day, &read) == 3) {
    const std::chrono::year_month_day date{std::chrono::year(year), std::chrono::month(month),
                                           std::chrono::day(day)};
    if (!date.ok()) return std::nullopt;
    WallTime time = std::chrono::sys_days(date);
    std::string_view rest = said.substr(static_cast<std::size_t>(read));
    if (rest.empty()) return time;
    if (rest.front() != 'T' && rest.front() != ' ') return std::nullopt;
    const std::string clock(rest.substr(1));
    if (std::sscanf(clock.c_str(), "%2u:%2u%n", &hour, &minute, &read) != 2) return std::nullopt;
    rest = rest.substr(1 + static_cast<std::size_t>(read));
    if (rest.starts_with(':')) {
      const std::string seconds(rest.substr(1));
      if (std::sscanf(seconds.c_str(), "%2u%n", &second, &read) != 1) return std::nullopt;
      rest = rest.substr(1 + static_cast<std::size_t>(read));
    }
    std::uint64_t micros = 0;
    if (rest.starts_with('.')) {
      rest.remove_prefix(1);
      std::uint64_t unit = 100'000;
      while (!rest.empty() && rest.front() >= '0' && rest.front() <= '9') {
        micros += static_cast<std::uint64_t>(rest.front() - '0') * unit;
        unit /= 10;
        rest.remove_prefix(1);
      }
    }
    if (hour > 23 || minute > 59 || second > 60 || (rest != "Z" && rest != "z" && !rest.empty())) {
      return std::nullopt;
    }
    return time + std::chrono::hours(hour) + std::chrono::minutes(minute) +
           std::chrono::seconds(second) + std::chrono::microseconds(micros);
  }
  std::int64_t unix_seconds = 0;
  const auto parsed = std::from_chars(said.data(), said.data() + said.size(), unix_seconds);
  if (parsed.ec != std::errc() || parsed.ptr != said.data() + said.size() || unix_seconds < 0 ||
      unix_seconds > 253'402'300'799) {
    return std::nullopt;
  }
  return WallTime(std::chrono::seconds(unix_seconds));
}

Result<RecordFilter> read_filter(const AdminRequest& request, WallTime now) {
  RecordFilter filter;
  for (const char* name : {"since", "until"}) {
    const std::string said = parameter(request, name);
    if (said.empty()) continue;
    const auto time = parse_time(said, now);
    if (!time) {
      return Error(ErrorCode::bad_request,
                   fmt::format("'{}' is not a time; write 24h ago, now, or 2026-11-21T00:00:00Z",
                               name));
    }
    (std::string_view(name) == "since" ? filter.since : filter.until) = *time;
  }
  filter.project = parameter(request, "projectId");
  if (filter.project.empty()) filter.project = parameter(request, "project");
  filter.org = parameter(request, "org");
  filter.user = parameter(request, "user");
  filter.key_name = parameter(request, "key");
  filter.provider = parameter(request, "provider");
  filter.model = parameter(request, "model");
  filter.endpoint = parameter(request, "endpoint");
  filter.outcome = parameter(request, "outcome");
  filter.request_id = parameter(request, "requestId");
  return filter;
}

void append_sums(JsonWriter& json, const UsageSums& sums) {
  json.key("requests").number(sums.requests);
  json.key("inputTokens").number(sums.input);
  json.key("outputTokens").number(sums.output);
  json.key("cachedInputTokens").number(sums.cached_input);
  json.key("cacheWriteTokens").number(sums.cache_write);
  json.key("reasoningTokens").number(sums.reasoning);
  json.key("costUsd").string(sums.cost.decimal());
  json.key("errors").number(sums.errors);
  json.key("unpricedRequests").number(sums.unpriced);
}

AdminAnswer usage(const AdminView& view, const AdminRequest& request) {
  UsageQuery query;
  const auto filter = read_filter(request, view.services.clock.wall_now());
  if (!filter) return admin_error(400, "bad_request", filter.error().context);
  query.filter = *filter;

  std::string_view names;
  const std::string group_by = parameter(request, "groupBy");
  for (names = group_by; !names.empty();) {
    const std::size_t comma = names.find(',');
    const std::string_view name = names.substr(0, comma);
    const auto dimension = dimension_named(name);
    if (!dimension) {
      return admin_error(400, "bad_request",
                         fmt::format("groupBy knows model, provider, project, org, user, key, "
                                     "endpoint and outcome, not '{}'",
                                     name));
    }
    if (std::find(query.group_by.begin(), query.group_by.end(), *dimension) !=
        query.group_by.end()) {
      return admin_error(400, "bad_request", fmt::format("groupBy names '{}' twice", name));
    }
    query.group_by.push_back(*dimension);
    names = comma == std::string_view::npos ? std::string_view() : names.substr(comma + 1);
  }
  const std::string granularity = parameter(request, "granularity");
  if (granularity == "hour") {
    query.granularity = Granularity::hour;
  } else if (granularity == "day") {
    query.granularity = Granularity::day;
  } else if (!granularity.empty()) {
    return admin_error(400, "bad_request", "granularity is hour or day");
  }

  const UsageReport report = view.services.ledger.usage(query);
  AdminAnswer answer;
  JsonWriter json(answer.body);
  json.begin_object();
  json.key("rows").begin_array();
  for (const UsageRow& row : report.rows) {
    json.begin_object();
    if (row.start) json.key("time").string(rfc3339(*row.start));
    for (std::size_t i = 0; i < row.group.size(); ++i) {
      json.key(name_of(query.group_by[i])).string(row.group[i]);
    }
    append_sums(json, row.sums);
    json.end_object();
  }
  json.end_array();
  json.key("total").begin_object();
  append_sums(json, report.total);
  json.end_object();
  json.end_object();
  return answer;
}

AdminAnswer records(const AdminView& view, const AdminRequest& request) {
  const auto filter = read_filter(request, view.services.clock.wall_now());
  if (!filter) return admin_error(400, "bad_request", filter.error().context);

  std::size_t limit = kDefaultLimit;
  const std::string said_limit = parameter(request, "limit");
  if (!said_limit.empty()) {
    const auto parsed = parse_count(said_limit);
    if (!parsed || *parsed == 0 || *parsed > kMaxLimit) {
      return admin_error(400, "bad_request", "limit is a number from 1 to 1000");
    }
    limit = static_cast<std::size_t>(*parsed);
  }
  // A cursor is a sequence in hex: URL-safe, and only ours to read.
  std::optional<std::uint64_t> below;
  const std::string cursor = parameter(request, "cursor");
  if (!cursor.empty()) {
    std::uint64_t sequence = 0;
    const char* const end = cursor.data() + cursor.size();
    const auto parsed = std::from_chars(cursor.data(), end, sequence, 16);
    if (parsed.ec != std::errc() || parsed.ptr != end) {
      return admin_error(400, "bad_request", "cursor is not one of ours; take it from nextCursor");
    }
    below = sequence;
  }
  const RecordPage page = view.services.ledger.records(*filter, limit, below);
  AdminAnswer answer;
  answer.body = "{\"records\":[";
  for (std::size_t i = 0; i < page.records.size(); ++i) {
    if (i != 0) answer.body += ',';
    append_json(answer.body, page.records[i]);
  }
  answer.body += "],\"nextCursor\":";
  answer.body += page.next_below ? fmt::format("\"{:016x}\"", *page.next_below) : "null";
  answer.body += '}';
  return answer;
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
    json.key("dialect").string(name_of(provider->settings.dialect));
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
    json.key("connects").number(pool.connects);
    json.key("failedConnects").number(pool.failed_connects);
    json.end_object();
    json.end_object();
  }
  json.end_array();
  json.end_object();
  return answer;
}

AdminAnswer healthz(const AdminView&, const AdminRequest&) { return text(200, "ok\n"); }

AdminAnswer readyz(const AdminView& view, const AdminRequest&) {
  return view.ready() ? text(200, "ready\n") : text(503, "draining\n");
}

AdminAnswer metrics(const AdminView& view, const AdminRequest& request) {
  const bool open = request.accept.find("application/openmetrics-text") != std::string_view::npos;
  const MetricsSnapshot snapshot = view.snapshot();
  if (open) {
    return {200, "application/openmetrics-text; version=1.0.0; charset=utf-8",
            view.services.metrics.scrape(snapshot, Metrics::Format::openmetrics)};
  }
  return {200, "text/plain; version=0.0.4; charset=utf-8",
          view.services.metrics.scrape(snapshot, Metrics::Format::prometheus)};
}

struct AdminRoute {
  std::string_view path;
  AdminAnswer (*answer)(const AdminView&, const AdminRequest&);
};

constexpr AdminRoute kRoutes[] = {
    {"/healthz", healthz},
    {"/readyz", readyz},
    {"/metrics", metrics},
    {"/api/usage", usage},
    {"/api/usage/records", records},
    {"/api/providers", providers},
};

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

AdminAnswer answer_admin(const AdminView& view, const AdminRequest& request) {
  for (const AdminRoute& route : kRoutes) {
    if (route.path != request.path) continue;
    if (request.method != "GET" && request.method != "HEAD") {
      return admin_error(405, "method_not_allowed", "this path answers GET only");
    }
    return route.answer(view, request);
  }
  return admin_error(404, "not_found", "the admin port has no such path");
}

}  // namespace farebox
