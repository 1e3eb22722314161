#include "proxy/admin_alerts.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "config/base/json_writer.hpp"
#include "config/scalars.hpp"

namespace farebox {
namespace {

using Json = nlohmann::json;

constexpr std::size_t kUsualLimit = 100;
constexpr std::size_t kMostText = 500;

std::string text_at(const Json& json, const char* name) {
  const auto found = json.find(name);
  return found != json.end() && found->is_string() ? found->get<std::string>() : std::string();
}

// Nothing: it is no object. An empty body is one without members.
std::optional<Json> read_object(std::string_view body) {
  if (body.empty()) return Json::object();
  Json json = Json::parse(body, nullptr, false);
  return json.is_object() ? std::optional(std::move(json)) : std::nullopt;
}

void append_channel(JsonWriter& json, const AlertDesk::ChannelState& state) {
  json.begin_object();
  json.key("name").string(state.channel.name);
  json.key("type").string(name_of(state.channel.kind));
  json.key("atLeast").string(name_of(state.channel.at_least));
  json.key("waiting").number(std::uint64_t{state.waiting});
  json.key("lastDelivered");
  if (state.delivered) json.string(rfc3339(*state.delivered));
  else json.null();
  json.key("lastError");
  if (state.error.empty()) json.null();
  else json.string(state.error, kMostText);
  json.end_object();
}

}  // namespace

AdminAnswer answer_alerts(const AdminView& view, const AdminRequest& request) {
  const std::string state = request.parameter("state");
  if (!state.empty() && state != "active" && state != "ended") {
    return bad_request("state is active or ended; without it both are listed");
  }
  std::size_t limit = kUsualLimit;
  if (const std::string said = request.parameter("limit"); !said.empty()) {
    const auto number = parse_count(said);
    if (!number || *number == 0 || *number > AlertDesk::kMostAlerts) {
      return bad_request(fmt::format("limit is a number from 1 to {}", AlertDesk::kMostAlerts));
    }
    limit = static_cast<std::size_t>(*number);
  }
  AdminAnswer answer;
  JsonWriter json(answer.body);
  json.begin_object().key("alerts").begin_array();
  for (const StoredAlert& alert : view.services.alerts.list()) {
    if (limit == 0) break;
    if (!state.empty() && (state == "ended") != alert.ended.has_value()) continue;
    append_alert(json, alert);
    --limit;
  }
  json.end_array().key("channels").begin_array();
  for (const auto& channel : view.services.alerts.channels()) append_channel(json, channel);
  json.end_array().end_object();
  return answer;
}

AdminAnswer answer_test_alerts(const AdminView& view, const AdminRequest& request) {
  const auto body = read_object(request.body);
  if (!body) return bad_request("the body must be a JSON object such as {\"channel\": \"ops\"}, or empty");
  const std::string channel = text_at(*body, "channel");
  const auto results = view.services.alerts.test(channel);
  if (results.empty()) {
    return channel.empty() ? admin_error(409, "no_channels",
                                         "no channel is configured; add one under alerts.channels "
                                         "and reload")
                           : admin_error(404, "channel_not_found",
                                         fmt::format("there is no channel called '{}'; GET /api/alerts "
                                                     "lists them", channel));
  }
  AdminAnswer answer;
  JsonWriter json(answer.body);
  json.begin_object().key("results").begin_array();
  for (const AlertDesk::TestResult& result : results) {
    json.begin_object();
    json.key("channel").string(result.channel);
    json.key("delivered").boolean(result.delivered);
    json.key("error");
    if (result.delivered) json.null();
    else json.string(result.error, kMostText);
    json.key("tookMs").number(static_cast<std::uint64_t>(result.took.count()));
    json.end_object();
  }
  json.end_array().end_object();
  return answer;
}

AdminAnswer answer_acknowledge_alert(const AdminView& view, const AdminRequest& request) {
  const auto body = read_object(request.body);
  if (!body) return bad_request("the body must be a JSON object such as {\"by\": \"ann\", \"note\": \"seen\"}, or empty");
  std::string_view id = request.path.substr(std::string_view("/api/alerts/").size());
  id = id.substr(0, id.find('/'));
  Acknowledgement seen;
  seen.by = text_at(*body, "by").substr(0, kMostText);
  seen.note = text_at(*body, "note").substr(0, kMostText);
  seen.at = view.services.clock.wall_now();
  const auto alert = view.services.alerts.acknowledge(id, std::move(seen));
  if (!alert) return admin_error(404, "alert_not_found", "there is no alert with this id; GET /api/alerts lists them");
  AdminAnswer answer;
  JsonWriter json(answer.body);
  append_alert(json, *alert);
  return answer;
}

}  // namespace farebox
