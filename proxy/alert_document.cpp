#include "proxy/alert_document.hpp"

#include <array>
#include <nlohmann/json.hpp>

#include "config/base/json_writer.hpp"
#include "config/calendar_time.hpp"
#include "proxy/exact_json.hpp"

namespace farebox {
namespace {

using Json = nlohmann::json;
using State = AlertSend::State;

constexpr std::array<std::string_view, 4> kStates = {"waiting", "delivered", "undeliverable",
                                                     "dropped"};

void append_time(JsonWriter& json, std::string_view name, const std::optional<WallTime>& time) {
  json.key(name);
  // The bounds of `total`, which has none.
  if (time && *time != WallTime::max() && *time != WallTime::min()) json.string(rfc3339(*time));
  else json.null();
}

std::string text_at(const Json& json, const char* name) {
  const auto found = json.find(name);
  return found != json.end() && found->is_string() ? found->get<std::string>() : std::string();
}

std::optional<WallTime> time_at(const Json& json, const char* name) {
  const std::string text = text_at(json, name);
  if (text.empty()) return std::nullopt;
  const auto time = calendar_time(text);
  return time ? std::optional<WallTime>(*time) : std::nullopt;
}

std::uint64_t number_at(const Json& json, const char* name) {
  const auto found = json.find(name);
  return found != json.end() && found->is_number_unsigned() ? found->get<std::uint64_t>() : 0;
}

std::optional<Money> money_at(const Json& json, const char* name) {
  const auto money = Money::parse(text_at(json, name));
  return money ? std::optional<Money>(*money) : std::nullopt;
}

void append_send(JsonWriter& json, const AlertSend& send) {
  json.begin_object();
  json.key("channel").string(send.delivery.channel);
  json.key("of").string(send.delivery.news == AlertNews::resolved ? "resolved" : "fired");
  json.key("state").string(name_of(send.state));
  json.key("attempts").number(std::uint64_t{send.delivery.attempts});
  append_time(json, "since", send.delivery.since);
  append_time(json, "nextAttempt",
              send.state == State::waiting ? std::optional(send.delivery.next) : std::nullopt);
  json.key("lastError").string(send.error, 400);
  json.end_object();
}

AlertSend read_send(const Json& json, const std::string& alert) {
  AlertSend send;
  send.delivery.alert = alert;
  send.delivery.channel = text_at(json, "channel");
  if (text_at(json, "of") == "resolved") send.delivery.news = AlertNews::resolved;
  send.delivery.attempts = static_cast<std::uint32_t>(number_at(json, "attempts"));
  send.delivery.since = time_at(json, "since").value_or(WallTime{});
  send.delivery.next = time_at(json, "nextAttempt").value_or(send.delivery.since);
  const std::string state = text_at(json, "state");
  for (std::size_t i = 0; i < kStates.size(); ++i) {
    if (kStates[i] == state) send.state = static_cast<State>(i);
  }
  send.error = text_at(json, "lastError");
  return send;
}

}  // namespace

std::string_view name_of(State state) { return kStates[static_cast<std::size_t>(state)]; }

void append_alert_facts(JsonWriter& json, const StoredAlert& alert, AlertNews news) {
  const bool of_budget = alert.has_window();
  json.key("id").string(alert.id);
  json.key("kind").string(name_of(alert.change.kind));
  json.key("level").string(name_of(level_of(alert.change.kind)));
  json.key("state").string(news == AlertNews::resolved ? "resolved" : alert.ended ? "ended" : "active");
  json.key("subject").string(alert.change.subject);
  json.key("scopeText").string(alert.change.scope);
  json.key("scope").begin_object();
  for (const auto& [name, value] : alert.scope) json.foreign_key(name).string(value);
  json.end_object();
  if (of_budget) {
    json.key("budgetId").string(alert.budget_id);
    append_time(json, "windowStart", alert.change.window_start);
    append_time(json, "windowEnd", alert.window.end);
    json.key("limitUsd").string(alert.limit.value_or(Money()).decimal());
    json.key("currentSpendUsd").string(alert.spent.value_or(Money()).decimal());
    json.key("thresholdUsd").string(alert.change.mark.money.decimal());
    if (alert.change.mark.tokens != 0) json.key("thresholdTokens").number(alert.change.mark.tokens);
  }
  json.key("title").string(alert.title);
  json.key("text").string(alert.text);
  append_time(json, "firedAt", alert.fired);
  append_time(json, "endedAt", alert.ended);
}

void append_alert(JsonWriter& json, const StoredAlert& alert) {
  json.begin_object();
  append_alert_facts(json, alert);
  json.key("acknowledged");
  if (alert.acknowledged) {
    json.begin_object();
    json.key("by").string(alert.acknowledged->by).key("note").string(alert.acknowledged->note);
    append_time(json, "at", alert.acknowledged->at);
    json.end_object();
  } else {
    json.null();
  }
  json.key("deliveries").begin_array();
  for (const AlertSend& send : alert.sends) append_send(json, send);
  json.end_array();
  json.end_object();
}

Result<StoredAlert> read_alert(std::string_view text) {
  const Json json = parse_exact_json(text);
  const Error damaged(ErrorCode::ledger_damaged, "a stored alert can't be read");
  if (!json.is_object()) return damaged;
  StoredAlert alert;
  alert.id = text_at(json, "id");
  const auto kind = alert_kind_named(text_at(json, "kind"));
  if (!kind || alert.id.empty()) return damaged;
  alert.change.kind = *kind;
  alert.change.subject = text_at(json, "subject");
  alert.change.scope = text_at(json, "scopeText");
  if (const auto scope = json.find("scope"); scope != json.end() && scope->is_object()) {
    for (const auto& [name, value] : scope->items()) {
      if (value.is_string()) alert.scope.emplace_back(name, value.get<std::string>());
    }
  }
  alert.limit = money_at(json, "limitUsd");
  if (alert.limit) {
    alert.budget_id = text_at(json, "budgetId");
    alert.spent = money_at(json, "currentSpendUsd");
    // `total` has neither begin nor end.
    alert.window.start = time_at(json, "windowStart").value_or(Window().start);
    alert.window.end = time_at(json, "windowEnd").value_or(WallTime::max());
    if (alert.window.end == WallTime::max()) alert.window = Period().window_at(WallTime{});
    alert.change.window_start = alert.window.start;
    alert.change.mark = {money_at(json, "thresholdUsd").value_or(Money()),
                         number_at(json, "thresholdTokens")};
  }
  alert.title = text_at(json, "title");
  alert.text = text_at(json, "text");
  alert.fired = time_at(json, "firedAt").value_or(WallTime{});
  alert.ended = time_at(json, "endedAt");
  if (const auto seen = json.find("acknowledged"); seen != json.end() && seen->is_object()) {
    alert.acknowledged = {text_at(*seen, "by"), text_at(*seen, "note"),
                          time_at(*seen, "at").value_or(WallTime{})};
  }
  if (const auto sends = json.find("deliveries"); sends != json.end() && sends->is_array()) {
    for (const Json& send : *sends) {
      if (send.is_object()) alert.sends.push_back(read_send(send, alert.id));
    }
  }
  return alert;
}

}  // namespace farebox
