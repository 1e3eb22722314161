#include "policy/alert_book.hpp"

namespace farebox {
namespace {

using Change = AlertBook::Change;
using What = Change::What;

constexpr char kSeparator = '\x1f';
constexpr std::uint32_t kWhole = 1'000'000;

std::string key_of(std::string_view subject, std::string_view scope) {
  std::string key(subject);
  key += kSeparator;
  key += scope;
  return key;
}

std::string_view subject_of(std::string_view key) { return key.substr(0, key.find(kSeparator)); }
std::string_view scope_of(std::string_view key) { return key.substr(key.find(kSeparator) + 1); }

// What the spend must reach, rounded up.
Money part_of(Money limit, std::uint32_t millionths) {
  const Int128 product = limit.picodollars() * Int128(millionths);
  return Money::picodollars((product + kWhole - 1) / kWhole);
}

Tokens part_of(Tokens limit, std::uint32_t millionths) {
  return static_cast<Tokens>((UInt128(limit) * millionths + kWhole - 1) / kWhole);
}

struct Threshold {
  AlertKind kind;
  AlertMark mark;
  bool reached;
};

Threshold threshold_of(AlertKind kind, const BudgetSight& sight, std::uint32_t millionths) {
  Threshold threshold{kind, {part_of(sight.limit, millionths), 0}, false};
  // Of a limit of nothing all is reached before anybody calls.
  threshold.reached = sight.spent > Money() && sight.spent >= threshold.mark.money;
  if (sight.token_limit) {
    threshold.mark.tokens = part_of(*sight.token_limit, millionths);
    threshold.reached |= sight.spent_tokens != 0 && sight.spent_tokens >= threshold.mark.tokens;
  }
  return threshold;
}

// A limit of tokens that went away counts as raised.
bool is_raised(const AlertMark& from, const AlertMark& to) {
  return to.money > from.money || (from.tokens != 0 && (to.tokens == 0 || to.tokens > from.tokens));
}

// The clock was set back, or it was seen before the window turned. A window that overlaps the
// other is that of another period.
bool is_past(const Window& seen, const Window& known) { return seen.end <= known.start; }

}  // namespace

AlertBook::State& AlertBook::state_of(const std::string& subject, const std::string& scope,
                                      const Window& window) {
  std::string key = key_of(subject, scope);
  const auto [found, is_new] = states_.try_emplace(key);
  State& state = found->second;
  if (is_new) {
    state.window = window;
    order_.push_back(std::move(key));
    state.place = std::prev(order_.end());
    ++budgets_[subject];
    if (states_.size() > most_) drop(states_.find(order_.front()));
  } else {
    order_.splice(order_.end(), order_, state.place);
  }
  return state;
}

void AlertBook::drop(States::iterator state) {
  const auto budget = budgets_.find(subject_of(state->first));
  if (--budget->second == 0) budgets_.erase(budget);
  order_.erase(state->second.place);
  states_.erase(state);
}

Change AlertBook::change_of(What what, AlertKind kind, const std::string& key, const State& state) {
  return {what, kind, std::string(subject_of(key)), std::string(scope_of(key)), state.window.start,
          state.fired[static_cast<std::size_t>(kind)].mark};
}

void AlertBook::end_all(Changes& changes, const std::string& key, State& state) {
  for (std::size_t i = 0; i < kThresholds; ++i) {
    if (!state.fired[i].is) continue;
    changes.push_back(change_of(What::ends, static_cast<AlertKind>(i), key, state));
    state.fired[i] = {};
  }
}

AlertBook::Changes AlertBook::observe_budget(const BudgetSight& sight) {
  Threshold thresholds[] = {
      threshold_of(AlertKind::budget_warning, sight, sight.warning_millionths),
      threshold_of(AlertKind::budget_critical, sight, sight.critical_millionths),
      threshold_of(AlertKind::budget_exceeded, sight, kWhole)};
  // A call may be too dear for a budget that is far from spent; that is its own fault.
  thresholds[2].reached |= sight.refused && (thresholds[0].reached || sight.limit == Money());
  const bool reached = thresholds[0].reached || thresholds[1].reached || thresholds[2].reached;
  const std::string scope = text_of(sight.scope);
  const std::string key = key_of(sight.name, scope);
  const auto known = states_.find(key);
  if (!reached && known == states_.end()) return {};
  Changes changes;
  if (known != states_.end() && is_past(sight.window, known->second.window)) return {};
  State& state = state_of(sight.name, scope, sight.window);
  if (!(state.window == sight.window)) {
    if (sight.window.start != state.window.start) end_all(changes, key, state);
    state.window = sight.window;
  }
  for (const Threshold& threshold : thresholds) {
    Fired& fired = state.fired[static_cast<std::size_t>(threshold.kind)];
    if (fired.is && !threshold.reached && is_raised(fired.mark, threshold.mark)) {
      changes.push_back(change_of(What::ends, threshold.kind, key, state));
      fired = {};
    } else if (!fired.is && threshold.reached) {
      fired = {true, threshold.mark};
      changes.push_back(change_of(What::fires, threshold.kind, key, state));
    }
  }
  const bool silent = !state.fired[0].is && !state.fired[1].is && !state.fired[2].is &&
                      !state.fired[3].is;
  if (silent) drop(states_.find(key));
  return changes;
}

AlertBook::Changes AlertBook::observe_forecast(const BudgetSight& sight,
                                               const BudgetForecast& forecast) {
  const std::string scope = text_of(sight.scope);
  const std::string key = key_of(sight.name, scope);
  const auto known = states_.find(key);
  const bool exceeds = forecast.low > sight.limit && sight.spent < sight.limit;
  if (known == states_.end() && !exceeds) return {};
  if (known != states_.end() && is_past(sight.window, known->second.window)) return {};
  Changes changes;
  State& state = state_of(sight.name, scope, sight.window);
  if (sight.window.start != state.window.start) end_all(changes, key, state);
  state.window = sight.window;
  Fired& fired = state.fired[static_cast<std::size_t>(AlertKind::budget_forecast)];
  const AlertMark mark{sight.limit, 0};
  // A forecast wavers: only a limit that was raised arms it again.
  if (fired.is && !exceeds && is_raised(fired.mark, mark)) {
    changes.push_back(change_of(What::ends, AlertKind::budget_forecast, key, state));
    fired = {};
  } else if (!fired.is && exceeds) {
    fired = {true, mark};
    changes.push_back(change_of(What::fires, AlertKind::budget_forecast, key, state));
  }
  return changes;
}

AlertBook::Changes AlertBook::observe_refusal(const std::string& limit, const std::string& scope,
                                              WallTime time) {
  const auto [found, is_new] = refusals_.try_emplace(key_of(limit, scope), time);
  found->second = std::max(found->second, time);
  if (!is_new) return {};
  Changes changes{{What::fires, AlertKind::rate_limited, limit, scope, {}, {}}};
  if (refusals_.size() > most_) {
    auto oldest = refusals_.begin();
    for (auto each = refusals_.begin(); each != refusals_.end(); ++each) {
      if (each->second < oldest->second) oldest = each;
    }
    refusals_.erase(oldest);
  }
  return changes;
}

AlertBook::Changes AlertBook::observe_unpriced(const std::string& model) {
  if (models_.size() >= kMostModels || !models_.insert(model).second) return {};
  return {{What::fires, AlertKind::model_unpriced, model, {}, {}, {}}};
}

AlertBook::Changes AlertBook::observe_breaker(const std::string& provider, bool open) {
  const bool changed = open ? open_breakers_.insert(provider).second
                            : open_breakers_.erase(provider) != 0;
  if (!changed) return {};
  return {{open ? What::fires : What::ends, AlertKind::breaker_open, provider, {}, {}, {}}};
}

AlertBook::Changes AlertBook::observe_ledger(bool writable) {
  if (ledger_failed_ != writable) return {};
  ledger_failed_ = !writable;
  if (!writable) return {{What::fires, AlertKind::ledger_failed, "ledger", {}, {}, {}}};
  return {{What::ends, AlertKind::ledger_failed, "ledger", {}, {}, {}},
          {What::fires, AlertKind::ledger_recovered, "ledger", {}, {}, {}}};
}

AlertBook::Changes AlertBook::pass(WallTime now) {
  Changes changes;
  for (auto state = states_.begin(); state != states_.end();) {
    const auto next = std::next(state);
    if (state->second.window.end <= now) {
      end_all(changes, state->first, state->second);
      drop(state);
    }
    state = next;
  }
  for (auto refusal = refusals_.begin(); refusal != refusals_.end();) {
    if (refusal->second + kQuiet > now) {
      ++refusal;
      continue;
    }
    const std::string& key = refusal->first;
    changes.push_back({What::ends, AlertKind::rate_limited, std::string(subject_of(key)),
                       std::string(scope_of(key)), {}, {}});
    refusal = refusals_.erase(refusal);
  }
  return changes;
}

AlertBook::Changes AlertBook::keep_budgets(const std::function<bool(std::string_view)>& there) {
  Changes changes;
  for (auto state = states_.begin(); state != states_.end();) {
    const auto next = std::next(state);
    if (!there(subject_of(state->first))) {
      end_all(changes, state->first, state->second);
      drop(state);
    }
    state = next;
  }
  return changes;
}

void AlertBook::restore(const Change& fired, const Window& window, WallTime now) {
  switch (fired.kind) {
    case AlertKind::budget_warning:
    case AlertKind::budget_critical:
    case AlertKind::budget_exceeded:
    case AlertKind::budget_forecast: {
      const auto known = states_.find(key_of(fired.subject, fired.scope));
      if (known != states_.end() && known->second.window.start > window.start) return;
      State& state = state_of(fired.subject, fired.scope, window);
      state.window = window;
      state.fired[static_cast<std::size_t>(fired.kind)] = {true, fired.mark};
      return;
    }
    case AlertKind::rate_limited: refusals_[key_of(fired.subject, fired.scope)] = now; return;
    case AlertKind::model_unpriced: models_.insert(fired.subject); return;
    case AlertKind::breaker_open: open_breakers_.insert(fired.subject); return;
    case AlertKind::ledger_failed: ledger_failed_ = true; return;
    case AlertKind::ledger_recovered:
    case AlertKind::spend_rise:
    case AlertKind::new_model:
    case AlertKind::new_key:
    case AlertKind::retry_storm:
    case AlertKind::test: return;
  }
}

}  // namespace farebox
