#include "proxy/budgets_command.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "config/base/json_writer.hpp"
#include "proxy/admin_client.hpp"
#include "proxy/budgets_table.hpp"
#include "proxy/forecast_table.hpp"
#include "proxy/output.hpp"

namespace farebox {
namespace {

using Json = nlohmann::json;
using Act = BudgetsOptions::Act;

constexpr std::string_view kPath = "/api/budgets";

void write_text(JsonWriter& json, std::string_view name, const std::string& text) {
  if (!text.empty()) json.key(name).string(text);
}

CommandFailure usage(std::string why) { return {kExitUsage, std::move(why)}; }

CommandResult<void> write_scope(JsonWriter& json, const std::vector<std::string>& scope) {
  const bool all = scope.size() == 1 && scope.front() == "all";
  json.key("scope").begin_object();
  std::vector<std::string_view> seen;
  for (const std::string& part : scope) {
    if (all) break;
    const std::size_t equals = part.find('=');
    if (equals == std::string::npos || equals == 0 || equals + 1 == part.size()) {
      return usage(fmt::format("--scope is '{}'; write it like project=search, user=* for each user "
                               "by itself, or all for every call", part));
    }
    const std::string_view dimension = std::string_view(part).substr(0, equals);
    if (std::find(seen.begin(), seen.end(), dimension) != seen.end()) {
      return usage(fmt::format("--scope says {} twice; a call has one value of each", dimension));
    }
    seen.push_back(dimension);
    json.foreign_key(dimension).string(part.substr(equals + 1));
  }
  json.end_object();
  return {};
}

CommandResult<std::string> set_body(const BudgetsOptions& options) {
  if (options.scope.empty()) {
    return usage("whose budget? Give --scope project=search, or --scope all for every call");
  }
  std::string body;
  JsonWriter json(body);
  json.begin_object();
  write_text(json, "id", options.id);
  if (const auto scope = write_scope(json, options.scope); !scope) return scope.error();
  write_text(json, "name", options.name);
  write_text(json, "budgetType", options.period);
  write_text(json, "limitUsd", options.limit_usd);
  // The server reads numbers as they are written, so none is turned into another here.
  write_text(json, "limitTokens", options.limit_tokens);
  write_text(json, "warningThreshold", options.warning);
  write_text(json, "criticalThreshold", options.critical);
  write_text(json, "timeZone", options.time_zone);
  write_text(json, "weekStarts", options.week_starts);
  write_text(json, "yearStarts", options.year_starts);
  write_text(json, "onExceeded", options.on_exceeded);
  write_text(json, "downgradeTo", options.downgrade_to);
  write_text(json, "throttleRequestsPerMinute", options.throttle);
  if (options.rollover) json.key("rollover").boolean(true);
  json.end_object();
  return body;
}

CommandResult<BudgetsCall> override_call(const BudgetsOptions& options) {
  BudgetsCall call;
  call.target = std::string(kPath) + "/override";
  if (options.end) {
    if (!options.limit_usd.empty() || !options.length.empty()) {
      return usage("--end goes back to the usual limit; leave --limit-usd and --for away");
    }
    call.method = "DELETE";
    append_query(call.target, "budgetId", options.id);
    return call;
  }
  if (options.limit_usd.empty() || options.length.empty()) {
    return usage("say which limit and for how long: --limit-usd 800 --for 2h; or --end");
  }
  call.method = "POST";
  JsonWriter json(call.body);
  json.begin_object().key("budgetId").string(options.id);
  json.key("limitUsd").string(options.limit_usd).key("for").string(options.length);
  write_text(json, "reason", options.reason);
  json.end_object();
  return call;
}

CommandResult<BudgetsCall> forecast_call(const BudgetsOptions& options) {
  if (options.id.empty() && options.project.empty() && options.scope.empty()) {
    return usage("which budget? Give its name, --project or --scope; farebox budgets list shows them");
  }
  BudgetsCall call;
  call.target = std::string(kPath) + "/forecast";
  append_query(call.target, "budgetId", options.id);
  append_query(call.target, "projectId", options.project);
  append_query(call.target, "budgetType", options.period);
  append_query(call.target, "scope", fmt::format("{}", fmt::join(options.scope, ",")));
  return call;
}

std::string text_at(const Json& row, const char* name) {
  return row.contains(name) && row[name].is_string() ? row[name].get<std::string>() : std::string();
}

bool flag_at(const Json& row, const char* name) {
  return row.contains(name) && row[name].is_boolean() && row[name].get<bool>();
}

std::string set_text(const Json& row) {
  std::string text = fmt::format("The budget '{}' ({}) is {}; its status is {}.\n",
                                 text_at(row, "name"), text_at(row, "id"),
                                 flag_at(row, "created") ? "made" : "changed", text_at(row, "status"));
  if (flag_at(row, "shadowed")) {
    text += "It isn't in force: the configuration says another of the same name or scope.\n";
  }
  return text;
}

Result<std::string> for_people(const BudgetsOptions& options, const std::string& answer,
                               WallTime now) {
  if (options.act == Act::list) return budgets_table(answer, now);
  if (options.act == Act::forecast) return forecast_table(answer);
  const Json row = Json::parse(answer, nullptr, false);
  const std::string id = row.is_object() ? text_at(row, "id") : std::string();
  if (id.empty()) return Error(ErrorCode::upstream_invalid, "the answer names no budget");
  const std::string until = text_at(row, "until");
  switch (options.act) {
    case Act::list:
    case Act::forecast: break;
    case Act::set: return set_text(row);
    case Act::remove:
      return fmt::format("The budget {} is removed; nothing is held to it any more.\n", id);
    case Act::top_up:
      return fmt::format("The budget {} has {} USD more than its limit{}.\n", id,
                         text_at(row, "amountUsd"),
                         until.empty() ? "" : ", until its window ends at " + until);
    case Act::override_limit:
      if (options.end) return fmt::format("The budget {} has its usual limit again.\n", id);
      return fmt::format("The limit of budget {} is {} USD until {}.\n", id,
                         text_at(row, "limitUsd"), until);
  }
  return std::string();
}

}  // namespace

CommandResult<BudgetsCall> budgets_call(const BudgetsOptions& options) {
  BudgetsCall call;
  call.target = kPath;
  switch (options.act) {
    case Act::list: append_query(call.target, "projectId", options.project); break;
    case Act::set: {
      auto body = set_body(options);
      if (!body) return body.error();
      call.method = "POST";
      call.body = std::move(*body);
      break;
    }
    case Act::remove:
      call.method = "DELETE";
      append_query(call.target, "budgetId", options.id);
      break;
    case Act::top_up: {
      call.method = "POST";
      call.target += "/top-up";
      JsonWriter json(call.body);
      json.begin_object().key("budgetId").string(options.id);
      json.key("amountUsd").string(options.usd);
      write_text(json, "reason", options.reason);
      json.end_object();
      break;
    }
    case Act::override_limit: return override_call(options);
    case Act::forecast: return forecast_call(options);
  }
  return call;
}

int run_budgets(const AdminSettings& admin, const BudgetsOptions& options, const Clock& clock) {
  const auto wanted = budgets_call(options);
  if (!wanted) return complain(wanted.error());
  AdminCall call;
  call.method = wanted->method;
  call.target = wanted->target;
  call.body = wanted->body;
  const auto answer = admin_body(admin, call);
  if (!answer) return complain(answer.error());
  return say_answer(*answer, options.json, admin.listen,
                    [&] { return for_people(options, *answer, clock.wall_now()); });
}

}  // namespace farebox
