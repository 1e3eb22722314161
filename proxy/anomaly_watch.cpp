#include "proxy/anomaly_watch.hpp"

#include <algorithm>
#include <chrono>
#include <set>

#include "storage/spend_series.hpp"

namespace farebox {
namespace {

constexpr auto kHour = std::chrono::hours(1);
constexpr auto kWeek = std::chrono::hours(kHoursOfWeek);
constexpr auto kRemembered = 5 * kWeek;
constexpr std::size_t kMostContributors = 5;

RecordFilter filter_of(const std::string& project, WallTime since, WallTime until) {
  RecordFilter filter;
  filter.project = project;
  filter.since = since;
  filter.until = until;
  return filter;
}

// What each model, key and user spent, in one part in `parts`.
Result<std::vector<NamedSpend>> spend_by_name(const Ledger& ledger, const RecordFilter& filter,
                                              std::int64_t parts) {
  std::vector<NamedSpend> all;
  for (const Dimension dimension : {Dimension::model, Dimension::key, Dimension::user}) {
    UsageQuery query;
    query.filter = filter;
    query.group_by = {dimension};
    const auto report = ledger.usage(query);
    if (!report) return report.error();
    for (const UsageRow& row : report->rows) {
      const Int128 cost = row.sums.cost.picodollars() / parts;
      if (!row.group[0].empty() && cost > 0) {
        all.push_back({std::string(name_of(dimension)), row.group[0], Money::picodollars(cost)});
      }
    }
  }
  return all;
}

// Of a rise in that hour, against a mean hour of the week before.
Result<std::vector<NamedSpend>> contributors(const Ledger& ledger, const std::string& project,
                                             WallTime hour) {
  const auto now = spend_by_name(ledger, filter_of(project, hour, hour + kHour), 1);
  if (!now) return now.error();
  const auto usual =
      spend_by_name(ledger, filter_of(project, hour - kWeek, hour), std::int64_t{kHoursOfWeek});
  if (!usual) return usual.error();
  return top_contributors(*now, *usual, kMostContributors);
}

}  // namespace

Result<std::vector<SpendAnomaly>> AnomalyWatch::look(const Ledger& ledger, WallTime now) {
  std::vector<SpendAnomaly> told;
  const WallTime until = std::chrono::floor<std::chrono::hours>(now);
  const WallTime from = next_.value_or(until - kRemembered);
  if (until <= from) return told;
  if (!chosen_ || until - *chosen_ >= std::chrono::hours(24)) {
    if (const auto done = choose(ledger, until); !done) return done.error();
  }
  // A watch takes each hour once, also where it is read again after an error.
  if (const auto done = follow(ledger, "", all_, from, until, told); !done) return done.error();
  for (auto& [name, project] : projects_) {
    const auto done = follow(ledger, name, project.watch, project.next, until, told);
    if (!done) return done.error();
    project.next = until;
  }
  if (const auto done = learn_names(ledger, from, until, told); !done) return done.error();
  // What was, before anybody looked, is history.
  if (!next_) {
    std::erase_if(told, [&](const SpendAnomaly& each) { return each.hour < until - kHour; });
  }
  next_ = until;
  if (told.size() > kMostTold) told.resize(kMostTold);
  return told;
}

// The projects that spent most in the last week.
Result<void> AnomalyWatch::choose(const Ledger& ledger, WallTime now) {
  UsageQuery query;
  query.filter.since = now - kWeek;
  query.group_by = {Dimension::project};
  auto report = ledger.usage(query);
  if (!report) return report.error();
  std::vector<UsageRow>& rows = report->rows;
  std::erase_if(rows, [](const UsageRow& row) { return row.group[0].empty(); });
  const std::size_t count = std::min(rows.size(), options_.most_projects);
  std::partial_sort(rows.begin(), rows.begin() + static_cast<std::ptrdiff_t>(count), rows.end(),
                    [](const UsageRow& a, const UsageRow& b) { return a.sums.cost > b.sums.cost; });
  std::set<std::string> wanted;
  for (std::size_t i = 0; i < count; ++i) wanted.insert(rows[i].group[0]);
  std::erase_if(projects_, [&](const auto& each) { return !wanted.contains(each.first); });
  for (const std::string& name : wanted) {
    if (projects_.contains(name)) continue;
    projects_.emplace(name, Project{SpendWatch(options_.zone, options_.least), now - kRemembered});
  }
  chosen_ = now;
  return {};
}

Result<void> AnomalyWatch::follow(const Ledger& ledger, const std::string& project,
                                  SpendWatch& watch, WallTime from, WallTime until,
                                  std::vector<SpendAnomaly>& told) {
  RecordFilter filter;
  filter.project = project;
  const auto series = read_spend(ledger, std::move(filter), from, from, until);
  if (!series) return series.error();
  for (const SpendPiece& piece : series->pieces) {
    const auto rise = watch.add(piece.start, piece.cost);
    // Of a look back over weeks only the last hour is news.
    if (!rise || (!next_ && piece.start < until - kHour)) continue;
    auto names = contributors(ledger, project, piece.start);
    if (!names) return names.error();
    SpendAnomaly& anomaly = told.emplace_back();
    anomaly.scope = project.empty() ? "all" : "project=" + project;
    anomaly.hour = piece.start;
    anomaly.expected = rise->expected;
    anomaly.seen = rise->seen;
    anomaly.contributors = std::move(*names);
  }
  return {};
}

Result<void> AnomalyWatch::learn_names(const Ledger& ledger, WallTime from, WallTime until,
                                       std::vector<SpendAnomaly>& told) {
  using Kind = SpendAnomaly::Kind;
  for (const auto& [dimension, kind] : {std::pair{Dimension::model, Kind::new_model},
                                        std::pair{Dimension::key, Kind::new_key}}) {
    UsageQuery query;
    query.filter.since = from;
    query.filter.until = until;
    query.filter.outcome = name_of(Outcome::ok);  // a typing error is no model
    query.group_by = {dimension};
    query.granularity = Granularity::day;
    const auto report = ledger.usage(query);
    if (!report) return report.error();
    NameWatch& watch = dimension == Dimension::model ? models_ : keys_;
    for (const UsageRow& row : report->rows) {
      const WallTime hour = next_ ? until - kHour : *row.start;
      if (!watch.is_new(row.group[0], hour) || !next_) continue;
      SpendAnomaly& anomaly = told.emplace_back();
      anomaly.kind = kind;
      anomaly.scope = row.group[0];
      anomaly.hour = hour;
      anomaly.seen = row.sums.cost;
    }
  }
  return {};
}

}  // namespace farebox
