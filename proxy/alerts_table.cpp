#include "proxy/alerts_table.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "proxy/row_text.hpp"
#include "proxy/text_table.hpp"

namespace farebox {
namespace {

using Json = nlohmann::json;
using Align = TextTable::Align;
using row_text::cell;
using row_text::text_at;

bool are_objects(const Json& rows) {
  return rows.is_array() &&
         std::all_of(rows.begin(), rows.end(), [](const Json& row) { return row.is_object(); });
}

// "2 delivered, 1 waiting"
std::string deliveries_of(const Json& row) {
  const auto sends = row.find("deliveries");
  if (sends == row.end() || !are_objects(*sends)) return "-";
  std::string text;
  for (const char* const state : {"delivered", "waiting", "undeliverable", "dropped"}) {
    const auto count = std::count_if(sends->begin(), sends->end(), [&](const Json& send) {
      return text_at(send, "state") == state;
    });
    if (count != 0) text += fmt::format("{}{} {}", text.empty() ? "" : ", ", count, state);
  }
  return text.empty() ? "-" : text;
}

std::string seen_of(const Json& row) {
  const auto seen = row.find("acknowledged");
  if (seen == row.end() || !seen->is_object()) return "-";
  const std::string by = text_at(*seen, "by");
  return by.empty() ? "yes" : by;
}

Error odd() { return Error(ErrorCode::upstream_invalid, "the answer says no alerts"); }

}  // namespace

Result<std::string> alerts_table(std::string_view body) {
  const Json json = Json::parse(body, nullptr, false);
  if (!json.is_object() || !json.contains("alerts") || !are_objects(json["alerts"])) return odd();
  std::string text = "No alerts.\n";
  if (!json["alerts"].empty()) {
    TextTable table;
    for (const char* const title : {"FIRED", "LEVEL", "STATE", "WHAT", "DELIVERIES", "SEEN BY", "ID"}) {
      table.add_column(title, Align::left);
    }
    for (const Json& row : json["alerts"]) {
      table.add_row({cell(row, "firedAt"), cell(row, "level"), cell(row, "state"), cell(row, "title"),
                     deliveries_of(row), seen_of(row), cell(row, "id")});
    }
    text = table.text();
  }
  if (!json.contains("channels") || !are_objects(json["channels"])) return text;
  if (json["channels"].empty()) {
    return text + "\nNo channels: alerts go to the log only; alerts.channels in the configuration adds some.\n";
  }
  for (const Json& channel : json["channels"]) {
    const std::string error = text_at(channel, "lastError");
    if (error.empty()) continue;
    text += fmt::format("\nThe channel {} doesn't take alerts: {}\n", printable(cell(channel, "name")),
                        printable(error));
  }
  return text;
}

Result<std::string> alert_tests_text(std::string_view body) {
  const Json json = Json::parse(body, nullptr, false);
  if (!json.is_object() || !json.contains("results") || !are_objects(json["results"])) return odd();
  std::string text;
  for (const Json& row : json["results"]) {
    const bool delivered = row.contains("delivered") && row["delivered"] == true;
    const std::string name = printable(cell(row, "channel"));
    text += delivered ? fmt::format("{}: delivered\n", name)
                      : fmt::format("{}: not delivered, {}\n", name, printable(cell(row, "error")));
  }
  return text;
}

bool all_delivered(std::string_view body) {
  const Json json = Json::parse(body, nullptr, false);
  if (!json.is_object() || !json.contains("results") || !are_objects(json["results"])) return false;
  return std::all_of(json["results"].begin(), json["results"].end(), [](const Json& row) {
    return row.contains("delivered") && row["delivered"] == true;
  });
}

}  // namespace farebox
