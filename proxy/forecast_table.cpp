#include "proxy/forecast_table.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "proxy/row_text.hpp"
#include "proxy/text_table.hpp"

namespace farebox {
namespace {

// Keeps the order of keys: a scope is shown as it was said.
using Json = nlohmann::ordered_json;
using Align = TextTable::Align;
using row_text::cell;
using row_text::scope_of;
using row_text::text_at;

constexpr const char* kNothing = "-";

// "0.012345" of "0.012345678901"
std::string amount(const Json& row, const char* name) {
  constexpr std::size_t kPlaces = 6;
  std::string text = cell(row, name);
  const std::size_t point = text.find('.');
  if (point != text.npos && text.size() > point + 1 + kPlaces) text.resize(point + 1 + kPlaces);
  return text;
}

// "2026-12-01T00:00Z"
std::string minute_at(const Json& row, const char* name) {
  constexpr std::size_t kMinutes = 16;
  std::string time = cell(row, name);
  if (time.size() > kMinutes && time.ends_with('Z')) time = time.substr(0, kMinutes) + 'Z';
  return time;
}

std::string number_at(const Json& row, const char* name, int places) {
  const auto found = row.find(name);
  if (found == row.end() || !found->is_number()) return kNothing;
  return fmt::format("{:.{}f}", found->get<double>(), places);
}

}  // namespace

Result<std::string> forecast_table(std::string_view body) {
  const Json row = Json::parse(body, nullptr, false);
  if (!row.is_object() || !row.contains("currentSpend")) {
    return Error(ErrorCode::upstream_invalid, "the answer says no forecast");
  }
  TextTable table;
  for (const char* const title : {"NAME", "SCOPE", "PERIOD"}) table.add_column(title, Align::left);
  for (const char* const title : {"LIMIT USD", "SPENT", "A DAY", "PROJECTED", "FROM", "TO", "OVER",
                                  "DAYS LEFT"}) {
    table.add_column(title, Align::right);
  }
  table.add_column("LIMIT REACHED", Align::left);
  table.add_row({cell(row, "name"), scope_of(row), cell(row, "budgetType"), amount(row, "limitUsd"),
                 amount(row, "currentSpend"), amount(row, "averageDaily"),
                 amount(row, "projectedTotal"), amount(row, "projectedLow"),
                 amount(row, "projectedHigh"), amount(row, "projectedOverage"),
                 number_at(row, "daysRemaining", 1), minute_at(row, "limitReachedAt")});
  std::string notes = fmt::format("\nMade by {} from {} whole days of data.",
                                  printable(cell(row, "method")), number_at(row, "daysOfData", 0));
  if (const std::string why = text_at(row, "sourceReason"); !why.empty()) {
    notes += fmt::format(" Only the sum is known: {}.", printable(why));
  }
  return table.text() + notes + "\n";
}

}  // namespace farebox
