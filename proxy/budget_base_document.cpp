#include "proxy/budget_base_document.hpp"

#include <nlohmann/json.hpp>

#include "config/base/json_writer.hpp"

namespace farebox {
namespace {

using Json = nlohmann::json;

std::int64_t microseconds_of(WallTime time) {
  return std::chrono::floor<std::chrono::microseconds>(time.time_since_epoch()).count();
}

bool read_row(const Json& json, BudgetBase::Row& row) {
  if (!json.is_object() || !json.contains("values") || !json["values"].is_array()) return false;
  for (const Json& value : json["values"]) {
    if (!value.is_string()) return false;
    row.values.push_back(value.get<std::string>());
  }
  const auto money = [&](const char* name, Money& into) {
    if (!json.contains(name) || !json[name].is_string()) return false;
    const auto amount = Money::parse(json[name].get<std::string>());
    if (amount) into = *amount;
    return static_cast<bool>(amount);
  };
  if (!money("spentUsd", row.spent) || !money("carriedUsd", row.carried)) return false;
  if (!json.contains("tokens") || !json["tokens"].is_number_unsigned()) return false;
  if (!json.contains("windowUs") || !json["windowUs"].is_number_integer()) return false;
  row.tokens = json["tokens"].get<Tokens>();
  row.window = WallTime(std::chrono::microseconds(json["windowUs"].get<std::int64_t>()));
  return true;
}

}  // namespace

std::string write_budget_base(const BudgetBase& base) {
  std::string out;
  JsonWriter json(out);
  json.begin_object();
  json.key("first").number(base.first);
  json.key("rows").begin_array();
  for (const BudgetBase::Row& row : base.rows) {
    json.begin_object();
    json.key("values").begin_array();
    for (const std::string& value : row.values) json.string(value);
    json.end_array();
    json.key("windowUs").number(microseconds_of(row.window));
    json.key("spentUsd").string(row.spent.decimal());
    json.key("carriedUsd").string(row.carried.decimal());
    json.key("tokens").number(row.tokens);
    json.end_object();
  }
  json.end_array();
  json.end_object();
  return out;
}

Result<BudgetBase> read_budget_base(std::string_view text) {
  const Json json = Json::parse(text, nullptr, false);
  BudgetBase base;
  bool good = json.is_object() && json.contains("first") && json["first"].is_number_unsigned() &&
              json.contains("rows") && json["rows"].is_array();
  if (good) base.first = json["first"].get<std::uint64_t>();
  for (std::size_t i = 0; good && i < json["rows"].size(); ++i) {
    good = read_row(json["rows"][i], base.rows.emplace_back());
  }
  if (good) return base;
  return Error(ErrorCode::ledger_damaged,
               "what a budget had spent of pruned records is stored, and can't be read");
}

}  // namespace farebox
