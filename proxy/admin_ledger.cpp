#include "proxy/admin_ledger.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <mutex>

#include "config/base/json_writer.hpp"
#include "config/scalars.hpp"
#include "proxy/reprice.hpp"
#include "proxy/said_time.hpp"

namespace farebox {
namespace {

constexpr std::size_t kMaxLimit = 1000;

AdminAnswer unavailable(const Error& error) {
  return admin_error(503, "ledger_unavailable", error.context);
}

Result<RecordFilter> read_filter(const AdminRequest& request, WallTime now) {
  RecordFilter filter;
  for (const char* name : {"since", "until"}) {
    const std::string said = request.parameter(name);
    if (said.empty()) continue;
    const auto time = said_time(said, now);
    if (!time) {
      return Error(ErrorCode::bad_request,
                   fmt::format("'{}' is not a time; {}", name, kTimeExample));
    }
    (std::string_view(name) == "since" ? filter.since : filter.until) = *time;
  }
  filter.project = request.parameter("projectId");
  if (filter.project.empty()) filter.project = request.parameter("project");
  filter.org = request.parameter("org");
  filter.user = request.parameter("user");
  filter.key_name = request.parameter("key");
  filter.provider = request.parameter("provider");
  filter.model = request.parameter("model");
  filter.endpoint = request.parameter("endpoint");
  filter.outcome = request.parameter("outcome");
  filter.request_id = request.parameter("requestId");
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
  json.key("correctionsUsd").string(sums.corrections.decimal());
  json.key("errors").number(sums.errors);
  json.key("unpricedRequests").number(sums.unpriced);
}

}  // namespace

AdminAnswer answer_usage(const AdminView& view, const AdminRequest& request) {
  UsageQuery query;
  const auto filter = read_filter(request, view.services.clock.wall_now());
  if (!filter) return bad_request(filter.error().context);
  query.filter = *filter;

  std::string_view names;
  const std::string group_by = request.parameter("groupBy");
  for (names = group_by; !names.empty();) {
    const std::size_t comma = names.find(',');
    const std::string_view name = names.substr(0, comma);
    const auto dimension = dimension_named(name);
    if (!dimension) {
      return bad_request(fmt::format("groupBy knows model, provider, project, org, user, key, "
                                     "endpoint and outcome, not '{}'",
                                     name));
    }
    if (std::find(query.group_by.begin(), query.group_by.end(), *dimension) !=
        query.group_by.end()) {
      return bad_request(fmt::format("groupBy names '{}' twice", name));
    }
    query.group_by.push_back(*dimension);
    names = comma == std::string_view::npos ? std::string_view() : names.substr(comma + 1);
  }
  const std::string granularity = request.parameter("granularity");
  if (granularity == "hour") {
    query.granularity = Granularity::hour;
  } else if (granularity == "day") {
    query.granularity = Granularity::day;
  } else if (!granularity.empty()) {
    return bad_request("granularity is hour or day");
  }

  const auto report = view.services.ledger.usage(query);
  if (!report) return unavailable(report.error());
  AdminAnswer answer;
  JsonWriter json(answer.body);
  json.begin_object();
  json.key("rows").begin_array();
  for (const UsageRow& row : report->rows) {
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
  append_sums(json, report->total);
  json.end_object();
  json.end_object();
  return answer;
}

Result<PageAsked> read_page(const AdminRequest& request) {
  PageAsked asked;
  const std::string said_limit = request.parameter("limit");
  if (!said_limit.empty()) {
    const auto parsed = parse_count(said_limit);
    if (!parsed || *parsed == 0 || *parsed > kMaxLimit) {
      return Error(ErrorCode::bad_request, "limit is a number from 1 to 1000");
    }
    asked.limit = static_cast<std::size_t>(*parsed);
  }
  // A cursor is a sequence in hex: URL-safe, and only ours to read.
  const std::string cursor = request.parameter("cursor");
  if (!cursor.empty()) {
    std::uint64_t sequence = 0;
    const char* const end = cursor.data() + cursor.size();
    const auto parsed = std::from_chars(cursor.data(), end, sequence, 16);
    if (parsed.ec != std::errc() || parsed.ptr != end) {
      return Error(ErrorCode::bad_request, "cursor is not one of ours; take it from nextCursor");
    }
    asked.below = sequence;
  }
  return asked;
}

AdminAnswer answer_records(const AdminView& view, const AdminRequest& request) {
  const auto filter = read_filter(request, view.services.clock.wall_now());
  if (!filter) return bad_request(filter.error().context);

  const auto place = read_page(request);
  if (!place) return bad_request(place.error().context);
  const auto page = view.services.ledger.records(*filter, place->limit, place->below);
  if (!page) return unavailable(page.error());
  AdminAnswer answer;
  answer.body = "{\"records\":[";
  for (std::size_t i = 0; i < page->records.size(); ++i) {
    if (i != 0) answer.body += ',';
    append_json(answer.body, page->records[i]);
  }
  answer.body += "],\"nextCursor\":";
  answer.body += page->next_below ? fmt::format("\"{:016x}\"", *page->next_below) : "null";
  answer.body += '}';
  return answer;
}

AdminAnswer answer_ledger(const AdminView& view, const AdminRequest&) {
  const LedgerStatus status = view.services.ledger.status();
  AdminAnswer answer;
  JsonWriter json(answer.body);
  const auto id = [&](std::string_view name, std::uint64_t sequence) {
    json.key(name);
    if (sequence == 0) {
      json.null();
    } else {
      json.string(fmt::format("{:016x}", sequence));
    }
  };
  json.begin_object();
  json.key("writable").boolean(status.writable);
  json.key("trouble");
  if (status.writable) {
    json.null();
  } else {
    json.string(status.trouble);
  }
  json.key("appended").number(status.appended);
  id("first", status.first);
  id("last", status.last);
  id("synced", status.synced);
  json.key("openHolds").number(status.open_holds);
  json.key("heldUsd").string(status.held.decimal());
  json.key("dropped").number(status.dropped);
  json.key("queued").number(status.queued);
  json.key("failures").number(status.failures);
  json.key("bytes").number(status.octets);
  json.end_object();
  return answer;
}

AdminAnswer answer_rebuild(const AdminView& view, const AdminRequest&) {
  if (const auto rebuilt = view.services.ledger.rebuild(); !rebuilt) {
    return unavailable(rebuilt.error());
  }
  AdminAnswer answer;
  answer.body = "{\"status\":\"ok\"}";
  return answer;
}

AdminAnswer answer_reprice(const AdminView& view, const AdminRequest& request) {
  const Services& services = view.services;
  const auto filter = read_filter(request, services.clock.wall_now());
  if (!filter) return bad_request(filter.error().context);
  if (!filter->since) {
    return bad_request(fmt::format("say from when on: since=...; {}", kTimeExample));
  }
  RepriceOrder order{*filter, request.parameter("dryRun") == "true"};
  // Two at a time would both correct what neither has corrected yet.
  static std::mutex one_at_a_time;
  const std::unique_lock alone(one_at_a_time, std::try_to_lock);
  if (!alone) return admin_error(409, "busy", "a reprice is running; ask again when it has ended");
  const auto report =
      reprice(services.ledger, services.prices, services.settings, services.clock, order);
  if (!report) return unavailable(report.error());
  AdminAnswer answer;
  answer.body = reprice_json(*report, order, services.prices.version());
  if (!order.dry_run && report->corrected != 0) {
    services.log.info("records were priced again",
                      {{"corrected", static_cast<std::int64_t>(report->corrected)},
                       {"correctionsUsd", report->difference.decimal()},
                       {"priceVersion", std::string(services.prices.version())}});
    answer.change = AuditChange{"ledger.reprice", std::string(services.prices.version()), "",
                                answer.body, request.parameter("reason")};
  }
  return answer;
}

}  // namespace farebox
