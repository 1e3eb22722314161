#include "proxy/usage_table.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "proxy/text_table.hpp"

namespace farebox {
namespace {

// Keeps the order of keys: a row's groups stand in the order they were asked for.
using Json = nlohmann::ordered_json;
using Align = TextTable::Align;

constexpr const char* kUnknown = "-";

struct Column {
  std::string_view key;
  std::string_view title;
};
constexpr std::array kSums{
    Column{"requests", "requests"},       Column{"inputTokens", "input"},
    Column{"outputTokens", "output"},     Column{"cachedInputTokens", "cached"},
    Column{"reasoningTokens", "reasoning"}, Column{"costUsd", "cost USD"},
    Column{"errors", "errors"},
};
constexpr Column kUnpriced{"unpricedRequests", "unpriced"};
constexpr Column kCorrections{"correctionsUsd", "corrections USD"};

Error odd() {
  return Error(ErrorCode::upstream_invalid, "the answer of the admin port can't be understood");
}

// "2026-11-21T08:00:00.000Z" as "2026-11-21T08:00Z"; hours and days begin with a minute.
std::string minute_of(std::string time) {
  constexpr std::string_view kZeroes = ":00.000Z";
  if (time.ends_with(kZeroes)) time.replace(time.size() - kZeroes.size(), kZeroes.size(), "Z");
  return time;
}

// A value as a cell. A missing or unknown one is a dash, never zero.
std::string cell(const Json& row, std::string_view key) {
  const auto value = row.find(std::string(key));
  if (value == row.end() || value->is_null()) return kUnknown;
  if (value->is_number_unsigned()) return with_thousands(std::to_string(value->get<std::uint64_t>()));
  if (!value->is_string()) return value->dump();
  const auto& text = value->get_ref<const std::string&>();
  return text.empty() ? kUnknown : text;
}

bool is_sum(std::string_view key) {
  return key == "cacheWriteTokens" || key == kUnpriced.key || key == kCorrections.key ||
         std::any_of(kSums.begin(), kSums.end(), [&](const Column& sum) { return sum.key == key; });
}

std::vector<std::string> groups_of(const Json& rows) {
  std::vector<std::string> groups;
  if (rows.empty()) return groups;
  for (const auto& [key, value] : rows.front().items()) {
    if (!is_sum(key)) groups.push_back(key);
  }
  return groups;
}

std::uint64_t count(const Json& row, std::string_view key) {
  const auto value = row.find(std::string(key));
  return value != row.end() && value->is_number_unsigned() ? value->get<std::uint64_t>() : 0;
}

bool are_objects(const Json& rows) {
  return rows.is_array() &&
         std::all_of(rows.begin(), rows.end(), [](const Json& row) { return row.is_object(); });
}

}  // namespace

Result<std::string> usage_table(std::string_view json, std::string_view span) {
  const Json answer = Json::parse(json, nullptr, false);
  if (!answer.is_object() || !answer.contains("rows") || !are_objects(answer["rows"]) ||
      !answer.contains("total") || !answer["total"].is_object()) {
    return odd();
  }
  const Json& total = answer["total"];
  if (count(total, "requests") == 0) return fmt::format("no requests {}\n", span);

  const std::vector<std::string> groups = groups_of(answer["rows"]);
  const std::uint64_t unpriced = count(total, kUnpriced.key);
  std::vector<Column> sums(kSums.begin(), kSums.end());
  if (unpriced != 0) sums.push_back(kUnpriced);
  if (total.value("correctionsUsd", "0") != "0") sums.push_back(kCorrections);

  TextTable table;
  for (const std::string& group : groups) table.add_column(group, Align::left);
  if (groups.empty()) table.add_column("", Align::left);  // the place of the word "total"
  for (const Column& sum : sums) table.add_column(sum.title, Align::right);

  if (!groups.empty()) {
    for (const Json& row : answer["rows"]) {
      std::vector<std::string> cells;
      for (const std::string& group : groups) {
        cells.push_back(group == "time" ? minute_of(cell(row, group)) : cell(row, group));
      }
      for (const Column& sum : sums) cells.push_back(cell(row, sum.key));
      table.add_row(cells);
    }
  }
  std::vector<std::string> last(std::max<std::size_t>(groups.size(), 1));
  last.front() = "total";
  for (const Column& sum : sums) last.push_back(cell(total, sum.key));
  table.add_row(last);

  std::string text = fmt::format("requests {}\n\n{}", span, table.text());
  if (unpriced != 0) {
    text += fmt::format("\n{} of these requests {} no price, so the cost is a lower bound\n",
                        with_thousands(std::to_string(unpriced)), unpriced == 1 ? "has" : "have");
  }
  return text;
}

Result<std::string> records_table(std::string_view json, std::string_view span) {
  const Json answer = Json::parse(json, nullptr, false);
  if (!answer.is_object() || !answer.contains("records") || !are_objects(answer["records"])) {
    return odd();
  }
  const Json& records = answer["records"];
  if (records.empty()) return fmt::format("no requests {}\n", span);

  struct Shown {
    std::string_view key;
    std::string_view title;
    Align align;
  };
  constexpr std::array kShown{
      Shown{"time", "time", Align::left},           Shown{"requestId", "request", Align::left},
      Shown{"provider", "provider", Align::left},   Shown{"model", "model", Align::left},
      Shown{"project", "project", Align::left},     Shown{"status", "status", Align::right},
      Shown{"outcome", "outcome", Align::left},     Shown{"inputTokens", "input", Align::right},
      Shown{"outputTokens", "output", Align::right}, Shown{"costUsd", "cost USD", Align::right},
      Shown{"latencyMs", "ms", Align::right},
  };
  TextTable table;
  for (const Shown& shown : kShown) table.add_column(shown.title, shown.align);
  for (const Json& record : records) {
    std::vector<std::string> cells;
    for (const Shown& shown : kShown) cells.push_back(cell(record, shown.key));
    table.add_row(cells);
  }
  return table.text();
}

}  // namespace farebox
