#include "proxy/admin_forecast.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "config/base/json_writer.hpp"
#include "policy/forecast.hpp"
#include "proxy/budget_document.hpp"
#include "proxy/budget_finder.hpp"
#include "storage/spend_series.hpp"

namespace farebox {
namespace {

constexpr std::array kPeriods = {BudgetPeriod::daily, BudgetPeriod::weekly, BudgetPeriod::monthly,
                                 BudgetPeriod::yearly, BudgetPeriod::total};

AdminAnswer unusable(std::string_view why) { return admin_error(400, "bad_request", why); }

std::string parameter(const AdminRequest& request, const std::string& name) {
  const auto found = request.query.find(name);
  return found == request.query.end() ? std::string() : found->second;
}

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

// Where the curve of what was spent comes from.
struct Curve {
  std::optional<SpendSeries> series;
  std::string_view why_not;  // there is none
};

// Rollups must tell what the counter tells, but for calls that end this moment.
bool agree(Money told, Money counted, bool whole_window) {
  const Int128 tenth = counted.picodollars() / 10;
  const Int128 more = told.picodollars() - counted.picodollars();
  return more <= tenth && (!whole_window || more >= -tenth);
}

Result<Curve> read_curve(const Ledger& ledger, const BudgetFound& budget, WallTime now) {
  const std::vector<std::string_view> values(budget.values.begin(), budget.values.end());
  auto filter = rollup_filter(budget.rule.scope, values);
  if (!filter) return Curve{{}, "the ledger's sums don't tell tags apart"};
  const WallTime from =
      std::chrono::floor<std::chrono::hours>(now) - std::chrono::days(kForecastDays);
  const WallTime start = budget.standing.window.start;
  auto series = read_spend(ledger, std::move(*filter), from, start, now);
  if (!series) return series.error();
  const Money told = spent_since(*series, std::max(start, from));
  if (!agree(told, budget.standing.spent, start >= from)) {
    return Curve{{}, "the ledger's sums have another total than the budget, whose calls may have "
                     "been answered by models of other names"};
  }
  return Curve{std::move(*series), {}};
}

// An override that ends before the window does isn't there any more then.
Money limit_at_end(const BudgetFound& budget, WallTime now) {
  if (budget.rule.period.kind() == BudgetPeriod::total) return budget.standing.limit;
  const Money carried = budget.standing.limit - budget.rule.limit_at(now);
  const WallTime last = budget.standing.window.end - std::chrono::microseconds(1);
  return budget.rule.limit_at(last) + carried;
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
  sought.budget = parameter(request, "budgetId");
  sought.project = parameter(request, "projectId");
  sought.period = parameter(request, "budgetType");
  if (!read_scope(parameter(request, "scope"), sought)) {
    return unusable("scope is written like user=ann or project=search,user=ann");
  }
  if (sought.says_nothing()) {
    return unusable("say which budget: ?projectId= and &budgetType=, or ?budgetId= with an id or a "
                    "name that GET /api/budgets lists");
  }
  const bool known = sought.period.empty() ||
                     std::any_of(kPeriods.begin(), kPeriods.end(), [&](BudgetPeriod period) {
                       return sought.period == name_of(period);
                     });
  if (!known) return unusable("budgetType is daily, weekly, monthly, yearly or total");

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
  const auto curve = read_curve(view.services.ledger, budget, now);
  if (!curve) return admin_error(503, "ledger_unavailable", curve.error().context);
  const Money limit = limit_at_end(budget, now);
  ForecastQuestion question{budget.rule.period, now, budget.standing.spent, limit, std::nullopt, now};
  if (curve->series) {
    question.pieces = curve->series->pieces;
    question.since = curve->series->since;
  }
  const Forecast said = forecast(question);

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
  json.key("limitUsd").string(limit.decimal());
  append_time(json, "limitReachedAt", said.limit_reached);
  json.key("method").string(name_of(said.method));
  json.key("daysOfData").number(std::uint64_t{said.days});
  json.key("source").string(curve->series ? "rollups" : "counter");
  if (!curve->series) json.key("sourceReason").string(curve->why_not);
  append_time(json, "windowStart", ends ? std::optional(said.window.start) : std::nullopt);
  append_time(json, "windowEnd", ends ? std::optional(said.window.end) : std::nullopt);
  json.end_object();
  return answer;
}

}  // namespace farebox
