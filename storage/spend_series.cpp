#include "storage/spend_series.hpp"

#include <algorithm>
#include <chrono>

namespace farebox {
namespace {

Result<void> read_between(const Ledger& ledger, UsageQuery& query, WallTime from, WallTime until,
                          SpendSeries& series) {
  query.filter.since = from;
  const auto report = ledger.usage(query);
  if (!report) return report.error();
  for (const UsageRow& row : report->rows) {
    const WallTime start = std::max(*row.start, from);
    const WallTime end = std::min(*row.start + std::chrono::hours(1), until);
    // A clock that was set back leaves records of a time to come.
    if (start < end && row.sums.cost != Money()) series.pieces.push_back({start, end, row.sums.cost});
  }
  return {};
}

}  // namespace

std::optional<RecordFilter> rollup_filter(const Scope& scope,
                                          std::span<const std::string_view> values) {
  RecordFilter filter;
  const auto& parts = scope.parts();
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (i >= values.size() || values[i].empty()) return std::nullopt;
    switch (parts[i].kind) {
      case ScopeKind::org: filter.org = values[i]; break;
      case ScopeKind::project: filter.project = values[i]; break;
      case ScopeKind::user: filter.user = values[i]; break;
      case ScopeKind::key: filter.key_name = values[i]; break;
      case ScopeKind::model: filter.model = values[i]; break;
      case ScopeKind::provider: filter.provider = values[i]; break;
      case ScopeKind::snapshot:
      case ScopeKind::tag: return std::nullopt;
    }
  }
  return filter;
}

Result<SpendSeries> read_spend(const Ledger& ledger, RecordFilter filter, WallTime from,
                               WallTime cut, WallTime now) {
  SpendSeries series;
  UsageQuery query;
  query.filter = std::move(filter);
  query.granularity = Granularity::hour;
  query.costs_only = true;
  cut = std::max(cut, from);
  if (from < cut) {
    query.filter.until = cut;
    const auto before = read_between(ledger, query, from, cut, series);
    if (!before) return before.error();
    query.filter.until.reset();
  }
  const auto after = read_between(ledger, query, cut, now, series);
  if (!after) return after.error();
  series.since = series.pieces.empty() ? now : std::max(from, series.pieces.front().start);
  return series;
}

Money spent_since(const SpendSeries& series, WallTime from) {
  Money sum;
  for (const SpendPiece& piece : series.pieces) {
    if (piece.start >= from) sum += piece.cost;
  }
  return sum;
}

}  // namespace farebox
