#include "proxy/admin_forecast.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "config/base/json_writer.hpp"
#include "proxy/budget_document.hpp"
#include "proxy/budget_outlook.hpp"

namespace farebox {
namespace {

constexpr std::array kPeriods = {BudgetPeriod::daily, BudgetPeriod::weekly, BudgetPeriod::monthly,
                                 BudgetPeriod::yearly, BudgetPeriod::total};

// "user=ann,tag.team=search". False: it isn't written like that.
bool read_scope(std::string_view text, BudgetSought& sought) {
  while (!text.empty()) {
    const std::size_t comma = text.find(',');
    const std::string_view part = text.substr(0, comma);
    const std::size_t equals = part.find('=');
    if (equals == part.npos || equals == 0 || equals + 1 == part.size()) return false;
    sought.scope.emplace_back(part.substr(0, equals), part.substr(equals + 1));
    text = comma == text.npos ? std::string_view() : text.substr(comma + 1);
  }
  return true;
}

void append_time(JsonWriter& json, std::string_view name, const std::optional<WallTime>& time) {
  json.key(name);
  if (time) json.string(rfc3339(*time));
  else json.null();
}

void append_amounts(JsonWriter& json, const Forecast& said) {
  json.key("currentSpend").string(said.spent.decimal());
  json.key("averageDaily").string(said.average_daily.decimal());
  const auto& projection = said.projection;
  const auto amount = [&](std::string_view name, Money Forecast::Projection::*its) {
    json.key(name);
    if (projection) json.string(((*projection).*its).decimal());
    else json.null();
  };
  amount("projectedTotal", &Forecast::Projection::total);
  amount("projectedOverage", &Forecast::Projection::overage);
  amount("projectedLow", &Forecast::Projection::low);
  amount("projectedHigh", &Forecast::Projection::high);
  json.key("daysRemaining");
  if (projection) json.raw(fmt::format("{:.3f}", projection->days_remaining));
  else json.null();
}

}  // namespace

AdminAnswer answer_forecast(const AdminView& view, const AdminRequest& request) {
  BudgetSought sought;
  sought.budget = request.parameter("budgetId");
  sought.project = request.parameter("projectId");
  sought.period = request.parameter("budgetType");
  if (!read_scope(request.parameter("scope"), sought)) {
    return bad_request("scope is written like user=ann or project=search,user=ann");
  }
  if (sought.says_nothing()) {
    return bad_request("say which budget: ?projectId= and &budgetType=, or ?budgetId= with an id or a "
                    "name that GET /api/budgets lists");
  }
  const bool known = sought.period.empty() ||
                     std::any_of(kPeriods.begin(), kPeriods.end(), [&](BudgetPeriod period) {
                       return sought.period == name_of(period);
                     });
  if (!known) return bad_request("budgetType is daily, weekly, monthly, yearly or total");

  const auto found = find_budget(view.services.budgets, view.services.governor, sought);
  if (!found) {
    using Why = BudgetNotFound::Why;
    const BudgetNotFound& failure = found.error();
    switch (failure.why) {
      case Why::several: return admin_error(400, "ambiguous_budget", failure.text);
      case Why::not_in_force: return admin_error(409, "not_in_force", failure.text);
      case Why::not_counted: return admin_error(404, "not_counted", failure.text);
      case Why::none: break;
    }
    return admin_error(404, "budget_not_found", failure.text);
  }
  const BudgetFound& budget = *found;
  const bool ends = budget.rule.period.kind() != BudgetPeriod::total;
  // A clock that was set back opens no old window again.
  WallTime now = view.services.clock.wall_now();
  if (ends) now = std::max(now, budget.standing.window.start);
  const auto outlook = look_ahead(view.services.ledger, budget, now);
  if (!outlook) return admin_error(503, "ledger_unavailable", outlook.error().context);
  const Forecast& said = outlook->said;

  AdminAnswer answer;
  JsonWriter json(answer.body);
  json.begin_object();
  json.key("id").string(budget.id);
  json.key("name").string(budget.rule.name);
  json.key("scope").begin_object();
  const auto& parts = budget.rule.scope.parts();
  for (std::size_t i = 0; i < parts.size() && i < budget.values.size(); ++i) {
    json.foreign_key(parts[i].name()).string(budget.values[i]);
  }
  json.end_object();
  json.key("budgetType").string(name_of(budget.rule.period.kind()));
  append_amounts(json, said);
  json.key("limitUsd").string(outlook->limit.decimal());
  append_time(json, "limitReachedAt", said.limit_reached);
  json.key("method").string(name_of(said.method));
  json.key("daysOfData").number(std::uint64_t{said.days});
  json.key("source").string(outlook->why_not.empty() ? "rollups" : "counter");
  if (!outlook->why_not.empty()) json.key("sourceReason").string(outlook->why_not);
  append_time(json, "windowStart", ends ? std::optional(said.window.start) : std::nullopt);
  append_time(json, "windowEnd", ends ? std::optional(said.window.end) : std::nullopt);
  json.end_object();
  return answer;
}

}  // namespace farebox
