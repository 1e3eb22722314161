#include "proxy/budget_outlook.hpp"

#include "storage/spend_series.hpp"

namespace farebox {
namespace {

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

}  // namespace

Result<BudgetOutlook> look_ahead(const Ledger& ledger, const BudgetFound& budget, WallTime now) {
  const auto curve = read_curve(ledger, budget, now);
  if (!curve) return curve.error();
  const Money limit = limit_at_end(budget, now);
  ForecastQuestion question{budget.rule.period, now, budget.standing.spent, limit, std::nullopt, now};
  if (curve->series) {
    question.pieces = curve->series->pieces;
    question.since = curve->series->since;
  }
  return BudgetOutlook{forecast(question), limit, curve->why_not};
}

}  // namespace farebox
