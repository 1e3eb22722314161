#include "proxy/budgets_table.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

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

bool has_token_limit(const Json& row) {
  const auto limit = row.find("limitTokens");
  return limit != row.end() && limit->is_number_unsigned();
}

// "1,234 of 5,000"
std::string tokens_of(const Json& row) {
  if (!has_token_limit(row)) return kNothing;
  const auto number = [&](const char* name) {
    const auto found = row.find(name);
    const bool there = found != row.end() && found->is_number_unsigned();
    return with_thousands(std::to_string(there ? found->get<std::uint64_t>() : 0));
  };
  return number("spentTokens") + " of " + number("limitTokens");
}

std::string source_of(const Json& row) {
  const auto shadowed = row.find("shadowed");
  const bool is = shadowed != row.end() && shadowed->is_boolean() && shadowed->get<bool>();
  return cell(row, "source") + (is ? ", shadowed" : "");
}

// "2026-12-01T00:00Z" of a time in whole minutes.
std::string minute_of(std::string time) {
  constexpr std::string_view kZeroes = ":00.000Z";
  if (time.ends_with(kZeroes)) time.replace(time.size() - kZeroes.size(), kZeroes.size(), "Z");
  return time;
}

// What holds only for a while, as long as it does. RFC 3339 in UTC sorts as the times do.
void append_change(std::string& notes, const Json& row, const char* name, const char* amount,
                   std::string_view words, WallTime now) {
  const auto change = row.find(name);
  if (change == row.end() || !change->is_object()) return;
  const std::string until = text_at(*change, "until");
  if (!until.empty() && until <= rfc3339(now)) return;
  notes += fmt::format("{}: {} {} USD{}\n", printable(cell(row, "name")), words,
                       printable(cell(*change, amount)),
                       until.empty() ? "" : " until " + minute_of(printable(until)));
}

bool are_objects(const Json& rows) {
  return rows.is_array() &&
         std::all_of(rows.begin(), rows.end(), [](const Json& row) { return row.is_object(); });
}

}  // namespace

Result<std::string> budgets_table(std::string_view body, WallTime now) {
  const Json json = Json::parse(body, nullptr, false);
  if (!json.is_object() || !json.contains("budgets") || !are_objects(json["budgets"])) {
    return Error(ErrorCode::upstream_invalid, "the answer says no budgets");
  }
  const Json& rows = json["budgets"];
  if (rows.empty()) return std::string("No budgets yet; farebox budgets set makes one.\n");
  const bool tokens = std::any_of(rows.begin(), rows.end(), has_token_limit);

  TextTable table;
  for (const char* const title : {"NAME", "SCOPE", "PERIOD"}) table.add_column(title, Align::left);
  for (const char* const title : {"LIMIT USD", "SPENT", "HELD", "LEFT"}) {
    table.add_column(title, Align::right);
  }
  if (tokens) table.add_column("TOKENS", Align::right);
  for (const char* const title : {"STATUS", "WINDOW ENDS", "SOURCE", "ID"}) {
    table.add_column(title, Align::left);
  }
  std::string notes;
  std::set<std::string> noted;
  for (const Json& row : rows) {
    std::vector<std::string> cells{cell(row, "name"), scope_of(row), cell(row, "budgetType")};
    for (const char* const amount : {"limitUsd", "currentSpendUsd", "heldUsd", "remainingUsd"}) {
      cells.push_back(cell(row, amount));
    }
    if (tokens) cells.push_back(tokens_of(row));
    cells.push_back(cell(row, "status"));
    cells.push_back(minute_of(cell(row, "windowEnd")));
    cells.push_back(source_of(row));
    cells.push_back(cell(row, "id"));
    table.add_row(cells);
    if (!noted.insert(cell(row, "id")).second) continue;
    append_change(notes, row, "override", "limitUsd", "another limit,", now);
    append_change(notes, row, "topUp", "amountUsd", "topped up by", now);
  }
  return table.text() + (notes.empty() ? "" : "\n" + notes);
}

}  // namespace farebox
