// The thread of AlertDesk that looks whether something has happened.
#include <fmt/format.h>

#include <algorithm>
#include <new>

#include "policy/anomaly_text.hpp"
#include "proxy/alert_desk.hpp"

namespace farebox {
namespace {

using What = AlertBook::Change::What;

constexpr std::chrono::milliseconds kLook{250};
// What changes slowly, or costs more to look at.
constexpr std::chrono::seconds kSlowLook{2};
constexpr std::chrono::seconds kSeedingLook{1};
// How far back the rate of spending is looked for, and how little says nothing.
constexpr std::chrono::hours kRateHours{3};
constexpr std::chrono::minutes kLeastRate{1};

bool has_tag_or_model(const AlertScope& scope) {
  return std::any_of(scope.begin(), scope.end(), [](const auto& part) {
    return part.first == "model" || part.first.starts_with("tag.");
  });
}

RecordFilter filter_of(const AlertScope& scope) {
  RecordFilter filter;
  for (const auto& [name, value] : scope) {
    if (name == "org") filter.org = value;
    else if (name == "project") filter.project = value;
    else if (name == "user") filter.user = value;
    else if (name == "key") filter.key_name = value;
    else if (name == "provider") filter.provider = value;
  }
  return filter;
}

}  // namespace

void AlertDesk::watch() {
  while (true) {
    {
      std::unique_lock lock(mutex_);
      changed_.wait_for(lock, kLook, [this] { return stopping_; });
      if (stopping_) return;
    }
    try {
      look();
    } catch (const std::bad_alloc&) {
      // What it didn't see the next look will.
    }
  }
}

void AlertDesk::look() {
  const WallTime now = clock_.wall_now();
  GovernorSights sights = governor_.take_sights();
  const bool all = sights.look_at_all || now >= look_again_;
  look_at_budgets(std::move(sights.budgets), all);
  for (const auto& [limit, scope] : sights.limited) {
    Changes changes;
    {
      const std::lock_guard lock(mutex_);
      changes = book_.observe_refusal(limit, scope, now);
    }
    note(changes, {});
  }
  std::map<std::string, bool> breakers;
  {
    const std::lock_guard lock(mutex_);
    breakers.swap(breakers_);
  }
  for (const auto& [provider, open] : breakers) {
    Changes changes;
    {
      const std::lock_guard lock(mutex_);
      changes = book_.observe_breaker(provider, open);
    }
    note(changes, {});
  }

  const SteadyTime steady = clock_.steady_now();
  const bool slowly = steady >= slow_look_;
  if (!slowly && sights.unpriced.empty()) return;
  if (slowly) {
    slow_look_ = steady + kSlowLook;
    for (std::string& model : metrics_.unpriced_models()) sights.unpriced.insert(std::move(model));
  }
  for (const std::string& model : sights.unpriced) {
    Changes changes;
    {
      const std::lock_guard lock(mutex_);
      changes = book_.observe_unpriced(model);
    }
    note(changes, {});
  }
  if (!slowly) return;
  const LedgerStatus ledger = ledger_.status();
  Changes changes;
  {
    const std::lock_guard lock(mutex_);
    changes = book_.observe_ledger(ledger.writable);
    const Changes over = book_.pass(now);
    changes.insert(changes.end(), over.begin(), over.end());
  }
  note(changes, {std::nullopt, std::nullopt, ledger.trouble});
  save_unsaved();
}

void AlertDesk::look_at_budgets(std::vector<BudgetSight> sights, bool all) {
  if (sights.empty() && !all) return;
  if (all) {
    // Refusals aren't seen in the counters.
    std::vector<BudgetSight> every = every_budget();
    sights.insert(sights.end(), std::make_move_iterator(every.begin()), std::make_move_iterator(every.end()));
  }
  std::set<std::string, std::less<>> silent;
  for (const ShelvedBudget& budget : budgets_.list()) {
    if (!budget.alerts_enabled && !budget.shadowed) silent.insert(budget.order.said.name);
  }
  for (const BudgetSight& sight : sights) {
    if (!silent.contains(sight.name)) observe(sight);
  }
}

void AlertDesk::observe(const BudgetSight& sight) {
  Changes changes;
  {
    const std::lock_guard lock(mutex_);
    changes = book_.observe_budget(sight);
  }
  note(changes, {sight, std::nullopt, {}});
}

void AlertDesk::note_forecast(const BudgetSight& sight, const BudgetForecast& forecast) {
  for (const ShelvedBudget& budget : budgets_.list()) {
    if (budget.order.said.name == sight.name && !budget.alerts_enabled) return;
  }
  Changes changes;
  {
    const std::lock_guard lock(mutex_);
    changes = book_.observe_forecast(sight, forecast);
  }
  note(changes, {sight, forecast, {}});
}

void AlertDesk::note_anomaly(const SpendAnomaly& anomaly) {
  AlertBook::Change change;
  change.kind = kind_of(anomaly);
  change.subject = anomaly.scope;
  change.window_start = anomaly.hour;
  note({change}, {std::nullopt, std::nullopt, {}, anomaly_words(anomaly)});
}

// Those that matter: with a threshold reached, or told of before.
std::vector<BudgetSight> AlertDesk::every_budget() {
  std::set<std::string, std::less<>> names, known;
  std::vector<BudgetSight> sights;
  for (const ShelvedBudget& budget : budgets_.list()) {
    const std::lock_guard lock(mutex_);
    if (book_.knows_budget(budget.order.said.name)) known.insert(budget.order.said.name);
  }
  const WallTime now = clock_.wall_now();
  look_again_ = WallTime::max();
  governor_.each_budget([&](const BudgetRule& rule, const BudgetStanding& standing) {
    names.insert(rule.name);
    if (rule.seeding) {
      look_again_ = std::min(look_again_, now + kSeedingLook);
      return;
    }
    // A limit that holds for a while falls back by itself.
    for (const auto& change : {rule.override_limit, rule.top_up}) {
      if (change && change->until > now) look_again_ = std::min(look_again_, change->until);
    }
    if (standing.status != BudgetStatus::ok || known.contains(rule.name)) {
      sights.push_back(sight_of(rule, standing));
    }
  });
  // A "*" budget nobody has met yet isn't visited.
  for (const ShelvedBudget& budget : budgets_.list()) names.insert(budget.order.said.name);
  Changes gone;
  {
    const std::lock_guard lock(mutex_);
    gone = book_.keep_budgets([&](std::string_view name) { return names.contains(name); });
  }
  note(gone, {});
  return sights;
}

void AlertDesk::note(const Changes& changes, const Told& told) {
  for (const AlertBook::Change& change : changes) {
    if (change.what == What::fires) fire(change, told);
    else end(change);
  }
}

void AlertDesk::fire(const AlertBook::Change& change, const Told& told) {
  StoredAlert alert;
  alert.fired = clock_.wall_now();
  alert.change = change;
  const AlertWords words = words_of(change, told, alert);
  alert.title = words.title;
  alert.text = words.text;
  if (is_event(change.kind)) alert.ended = alert.fired;
  {
    const std::lock_guard lock(mutex_);
    alert.id = make_id(alert.fired);
    queue_sends(alert);
    ++counts_.fired[std::string(name_of(change.kind))];
    alerts_.emplace(alert.id, alert);
  }
  log_.write(level_of(change.kind) == AlertLevel::critical ? Level::error : Level::warn, "alert",
             {{"alert", alert.id},
              {"kind", name_of(change.kind)},
              {"subject", change.subject},
              {"scope", change.scope},
              {"title", alert.title},
              {"text", alert.text}});
  // Kept before it is sent, so that no restart tells it again.
  save(alert.id);
  std::vector<AlertDelivery> deliveries;
  for (const AlertSend& send : alert.sends) deliveries.push_back(send.delivery);
  add_to_queue(deliveries);
  prune();
}

void AlertDesk::end(const AlertBook::Change& change) {
  std::vector<std::string> ended;
  std::vector<AlertDelivery> owed;
  {
    const std::lock_guard lock(mutex_);
    const WallTime now = clock_.wall_now();
    for (auto& [id, alert] : alerts_) {
      const bool same = !alert.ended && alert.change.kind == change.kind &&
                        alert.change.subject == change.subject && alert.change.scope == change.scope &&
                        alert.change.window_start == change.window_start;
      if (!same) continue;
      alert.ended = now;
      ended.push_back(id);
      const auto its = owe_resolved(alert, now);
      owed.insert(owed.end(), its.begin(), its.end());
    }
  }
  for (const std::string& id : ended) save(id);
  add_to_queue(owed);
}

AlertWords AlertDesk::words_of(const AlertBook::Change& change, const Told& told,
                               StoredAlert& alert) const {
  if (told.words) return *told.words;
  if (!told.sight) return other_words(change.kind, change.subject, change.scope, told.detail);
  const BudgetSight& sight = *told.sight;
  alert.window = sight.window;
  alert.scope = sight.scope;
  alert.limit = sight.limit;
  alert.spent = sight.spent;
  BudgetStory story;
  story.id = sight.name;
  for (const ShelvedBudget& budget : budgets_.list()) {
    if (budget.order.said.name != sight.name || budget.shadowed) continue;
    story.id = budget.id;
    story.in_config = budget.owner == ShelvedBudget::Owner::config;
    story.on_exceeded = budget.order.said.on_exceeded;
  }
  alert.budget_id = story.id;
  story.forecast = told.forecast;
  story.rate = rate_of(sight, alert.fired);
  return budget_words(change.kind, sight, story, alert.fired);
}

// From the ledger's rollups; what they can't be asked for, from the whole window.
std::optional<SpendRate> AlertDesk::rate_of(const BudgetSight& sight, WallTime now) const {
  const WallTime since = std::max<WallTime>(now - kRateHours, sight.window.start);
  SpendRate rate;
  if (has_tag_or_model(sight.scope)) {
    if (sight.window.start == Period().window_at(now).start) return std::nullopt;
    rate = {sight.spent, std::chrono::duration_cast<std::chrono::seconds>(now - sight.window.start)};
  } else {
    UsageQuery query;
    query.filter = filter_of(sight.scope);
    query.filter.since = since;
    query.granularity = Granularity::hour;
    const auto report = ledger_.usage(query);
    if (!report || report->rows.empty()) return std::nullopt;
    // Nothing was spent before the first hour that has a row.
    const WallTime from = std::max(since, report->rows.front().start.value_or(since));
    rate = {report->total.cost, std::chrono::duration_cast<std::chrono::seconds>(now - from)};
  }
  if (rate.over < kLeastRate) return std::nullopt;
  return rate;
}

// In the order of time, and never twice.
std::string AlertDesk::make_id(WallTime now) {
  const auto at = static_cast<std::uint64_t>(std::max<std::int64_t>(now.time_since_epoch().count(), 0));
  if (last_id_ == 0 && !alerts_.empty()) {
    last_id_ = std::strtoull(alerts_.rbegin()->first.c_str() + 4, nullptr, 16);
  }
  last_id_ = std::max(at, last_id_ + 1);
  return fmt::format("alt-{:014x}", last_id_);
}

}  // namespace farebox
