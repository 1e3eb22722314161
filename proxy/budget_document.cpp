#include "proxy/budget_document.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "config/base/json_writer.hpp"
#include "config/load.hpp"
#include "proxy/exact_json.hpp"
#include "proxy/said_time.hpp"

namespace farebox {
namespace {

using Json = nlohmann::json;

constexpr std::string_view kPeriods[] = {"daily", "weekly", "monthly", "yearly", "total"};
constexpr std::string_view kActions[] = {"block", "audit", "downgrade", "throttle"};
constexpr std::string_view kWeekdays[] = {"sunday",   "monday", "tuesday", "wednesday",
                                          "thursday", "friday", "saturday"};
constexpr std::string_view kMonths[] = {"january", "february", "march",     "april",
                                        "may",     "june",     "july",      "august",
                                        "september", "october", "november", "december"};

// "0.8" of 800,000 millionths, exactly.
std::string decimal_of(std::uint32_t millionths) {
  return Money::picodollars(Int128(millionths) * 1'000'000).decimal();
}

// limitUsd -> limit_usd: the API's spelling of what the configuration says.
std::string key_of(std::string_view name) {
  std::string key;
  for (const char c : name) {
    if (c >= 'A' && c <= 'Z') {
      key += '_';
      key += static_cast<char>(c + 32);
    } else {
      key += c;
    }
  }
  return key;
}

// "budget.limit_usd is ..." as the API spells it: "limitUsd is ...".
std::string in_camel_case(std::string message) {
  constexpr std::string_view kPath = "budget.";
  if (message.starts_with(kPath)) message.erase(0, kPath.size());
  for (const std::string_view name :
       {"limitUsd", "limitTokens", "warningThreshold", "criticalThreshold", "timeZone",
        "weekStarts", "yearStarts", "onExceeded", "downgradeTo", "throttleRequestsPerMinute"}) {
    const std::string key = key_of(name);
    for (std::size_t at = 0; (at = message.find(key, at)) != message.npos; at += name.size()) {
      message.replace(at, key.size(), name);
    }
  }
  return message;
}

Error unusable(std::string why) { return Error(ErrorCode::bad_request, std::move(why)); }

void append_scope(JsonWriter& json, const ScopeSettings& scope) {
  json.begin_object();
  for (const auto& [name, value] : scope) json.foreign_key(name).string(value);
  json.end_object();
}

void append_action(JsonWriter& json, const BudgetSettings& said) {
  json.key("onExceeded").string(name_of(said.on_exceeded));
  if (said.on_exceeded == OnExceeded::downgrade) json.key("downgradeTo").string(said.downgrade_to);
  if (said.on_exceeded == OnExceeded::throttle) {
    json.key("throttleRequestsPerMinute").number(said.throttle_requests_per_minute);
  }
}

// What is stored as it is shown.
void append_rules(JsonWriter& json, const ShelvedBudget& budget) {
  const BudgetSettings& said = budget.order.said;
  json.key("warningThreshold").raw(decimal_of(said.warning_threshold_millionths));
  json.key("criticalThreshold").raw(decimal_of(said.critical_threshold_millionths));
  json.key("timeZone").string(said.time_zone);
  json.key("weekStarts").string(kWeekdays[said.week_starts % 7]);
  json.key("yearStarts").string(kMonths[(said.year_starts + 11) % 12]);
  json.key("rollover").boolean(said.rollover);
  append_action(json, said);
  json.key("alertsEnabled").boolean(budget.alerts_enabled);
}

void append_while(JsonWriter& json, std::string_view name, std::string_view amount,
                  const std::optional<BudgetRule::Override>& change) {
  if (!change) return;
  json.key(name).begin_object();
  json.key(amount).string(change->limit.decimal());
  if (change->until == WallTime::max()) json.key("until").null();
  else json.key("until").string(rfc3339(change->until));
  json.end_object();
}

// Empty: there is none.
std::string string_at(const Json& json, const char* name) {
  const auto found = json.find(name);
  return found != json.end() && found->is_string() ? found->get<std::string>() : std::string();
}

std::optional<BudgetRule::Override> read_while(const Json& json, const char* name,
                                               const char* amount) {
  const auto found = json.find(name);
  if (found == json.end() || !found->is_object()) return std::nullopt;
  const auto limit = Money::parse(string_at(*found, amount));
  if (!limit) return std::nullopt;
  BudgetRule::Override read{*limit, WallTime::max()};
  if (const auto until = found->find("until"); until != found->end() && until->is_string()) {
    const auto time = said_time(until->get_ref<const std::string&>(), WallTime());
    if (!time) return std::nullopt;
    read.until = *time;
  }
  return read;
}

}  // namespace

std::string_view name_of(BudgetPeriod period) { return kPeriods[static_cast<std::size_t>(period)]; }
std::string_view name_of(OnExceeded action) { return kActions[static_cast<std::size_t>(action)]; }

void append_budget_terms(JsonWriter& json, const ShelvedBudget& budget) {
  const BudgetSettings& said = budget.order.said;
  json.key("name").string(said.name);
  json.key("budgetType").string(name_of(said.period));
  json.key("limitTokens");
  if (said.limit_tokens == 0) json.null();
  else json.number(said.limit_tokens);
  append_rules(json, budget);
  json.key("source").string(budget.owner == ShelvedBudget::Owner::api ? "api" : "config");
  json.key("shadowed").boolean(budget.shadowed);
  append_while(json, "override", "limitUsd", budget.order.limit_override);
  append_while(json, "topUp", "amountUsd", budget.order.top_up);
}

std::string write_budget(const ShelvedBudget& budget) {
  std::string out;
  JsonWriter json(out);
  json.begin_object();
  if (budget.owner == ShelvedBudget::Owner::api) {
    const BudgetSettings& said = budget.order.said;
    json.key("name").string(said.name);
    json.key("scope");
    append_scope(json, said.scope);
    json.key("budgetType").string(name_of(said.period));
    json.key("limitUsd").string(said.limit.decimal());
    if (said.limit_tokens != 0) json.key("limitTokens").number(said.limit_tokens);
    append_rules(json, budget);
  }
  append_while(json, "override", "limitUsd", budget.order.limit_override);
  append_while(json, "topUp", "amountUsd", budget.order.top_up);
  json.key("reason").string(budget.reason);
  json.end_object();
  return out;
}

Result<void> read_budget(std::string_view text, ShelvedBudget& budget) {
  Json json = parse_exact_json(text);
  if (!json.is_object()) {
    return Error(ErrorCode::ledger_damaged, "the stored budget '" + budget.id + "' is no JSON");
  }
  budget.order.limit_override = read_while(json, "override", "limitUsd");
  budget.order.top_up = read_while(json, "topUp", "amountUsd");
  budget.reason = string_at(json, "reason");
  if (budget.owner == ShelvedBudget::Owner::config) return {};
  for (const char* const own : {"override", "topUp", "reason"}) json.erase(own);
  // The scope's provider may be gone since; then it matches nobody.
  Settings settings;
  if (const auto scope = json.find("scope"); scope != json.end() && scope->is_object()) {
    settings.providers.emplace_back().name = string_at(*scope, "provider");
  }
  auto read = read_budget_request(json.dump(), settings);
  if (!read) {
    return Error(ErrorCode::ledger_damaged,
                 "the stored budget '" + budget.id + "' can't be used: " + read.error().context);
  }
  budget.order.said = std::move(read->said);
  budget.alerts_enabled = read->alerts_enabled;
  return {};
}

Result<BudgetRequest> read_budget_request(std::string_view text, const Settings& settings) {
  const Json json = parse_exact_json(text);
  if (!json.is_object()) {
    return unusable("the body must be a JSON object such as {\"projectId\": \"search\", "
                    "\"budgetType\": \"monthly\", \"limitUsd\": \"500\"}");
  }
  BudgetRequest request;
  Json map = Json::object();
  Json scope = Json::object();
  for (const auto& [one, other] : {std::pair("projectId", "scope"), std::pair("id", "budgetId"),
                                   std::pair("budgetType", "period")}) {
    if (json.contains(one) && json.contains(other)) {
      return unusable(fmt::format("{} and {} say the same; send one of them", one, other));
    }
  }
  for (const auto& [name, value] : json.items()) {
    if (value.is_null() && (name == "scope" || name == "projectId")) {
      return unusable(name + " is null, which would be every call; leave it out for that, or say "
                             "whose budget it is");
    }
    if (value.is_null()) continue;
    if (name == "projectId") {
      scope["project"] = value;
    } else if (name == "scope") {
      if (!value.is_object()) return unusable("scope must be an object such as {\"project\": \"search\"}");
      if (value.contains("projectId") && value.contains("project")) {
        return unusable("scope says project and projectId; send one of them");
      }
      for (const auto& [part, its] : value.items()) scope[part == "projectId" ? "project" : part] = its;
    } else if (name == "id" || name == "budgetId") {
      if (!value.is_string()) return unusable(name + " must be a string");
      request.id = value.get<std::string>();
    } else if (name == "alertsEnabled") {
      if (!value.is_boolean()) return unusable("alertsEnabled must be true or false");
      request.alerts_enabled = value.get<bool>();
    } else if (name == "budgetType" || name == "period") {
      map["period"] = value;
    } else if (name.find('_') != std::string::npos) {
      return unusable("'" + name + "' is no field of a budget; names are written as in limitUsd");
    } else {
      const bool negative = value.is_string() && value.get_ref<const std::string&>().starts_with('-');
      if (name == "limitUsd" && negative) return unusable("limitUsd must not begin with a minus");
      map[key_of(name)] = value;
    }
  }
  if (!scope.empty()) map["scope"] = scope;
  const bool unnamed = !map.contains("name");
  if (unnamed) map["name"] = "unnamed";
  auto said = load_budget(map.dump(-1, ' ', false, Json::error_handler_t::replace), settings);
  if (!said) return unusable(in_camel_case(said.error().context));
  request.said = std::move(*said);
  if (unnamed) request.said.name.clear();
  return request;
}

}  // namespace farebox
