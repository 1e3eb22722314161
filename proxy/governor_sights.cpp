// What the governor notes for those that watch it: bounded, and only when something happens.
#include "proxy/governor.hpp"

namespace farebox {
namespace {

constexpr std::size_t kMostSights = 1'024;
constexpr std::size_t kMostLimited = 1'024;
constexpr std::size_t kMostUnpriced = 256;
constexpr char kSeparator = '\x1f';

}  // namespace

BudgetSight sight_of(const BudgetRule& rule, const BudgetStanding& standing) {
  BudgetSight sight;
  sight.name = rule.name;
  const auto& parts = rule.scope.parts();
  for (std::size_t i = 0; i < parts.size() && i < standing.values.size(); ++i) {
    sight.scope.emplace_back(parts[i].name(), standing.values[i]);
  }
  sight.window = standing.window;
  sight.period = rule.period.kind();
  sight.limit = standing.limit;
  sight.spent = standing.spent;
  sight.token_limit = rule.token_limit;
  sight.spent_tokens = standing.spent_tokens;
  sight.warning_millionths = rule.warning_millionths;
  sight.critical_millionths = rule.critical_millionths;
  return sight;
}

void Governor::note_sight(const BudgetCounter& counter, const ScopeValues& values, bool refused) {
  if (sights_.size() == kMostSights) {
    look_at_all_.store(true, std::memory_order_relaxed);
    return;
  }
  BudgetStanding standing = BudgetBook::standing_of(counter, latest_);
  std::vector<std::string_view> said;
  for (const ScopePart& part : counter.rule->scope.parts()) said.push_back(part.value_of(values));
  standing.values = said;
  sights_.push_back(sight_of(*counter.rule, standing));
  sights_.back().refused = refused;
  has_sights_.store(true, std::memory_order_relaxed);
}

void Governor::note_limited(const LimitRule& rule, const ScopeValues& values) {
  std::string key = rule.name + kSeparator;
  bool first = true;
  for (const ScopePart& part : rule.scope.parts()) {
    if (!std::exchange(first, false)) key += ' ';
    key += part.name();
    key += '=';
    key += part.value_of(values);
  }
  if (limited_.size() == kMostLimited) return;
  limited_.insert(std::move(key));
  has_limited_.store(true, std::memory_order_relaxed);
}

void Governor::note_unpriced(std::string_view model) {
  const std::lock_guard lock(budget_mutex_);
  if (unpriced_.size() == kMostUnpriced) return;
  unpriced_.emplace(model);
  has_sights_.store(true, std::memory_order_relaxed);
}

GovernorSights Governor::take_sights() {
  GovernorSights sights;
  sights.look_at_all = look_at_all_.exchange(false, std::memory_order_relaxed);
  if (has_sights_.load(std::memory_order_relaxed)) {
    const std::lock_guard lock(budget_mutex_);
    sights.budgets.swap(sights_);
    sights.unpriced.swap(unpriced_);
    has_sights_.store(false, std::memory_order_relaxed);
  }
  if (has_limited_.load(std::memory_order_relaxed)) {
    std::set<std::string> limited;
    {
      const std::lock_guard lock(limit_mutex_);
      limited.swap(limited_);
      has_limited_.store(false, std::memory_order_relaxed);
    }
    for (const std::string& key : limited) {
      const std::size_t end = key.find(kSeparator);
      sights.limited.emplace_back(key.substr(0, end), key.substr(end + 1));
    }
  }
  return sights;
}

}  // namespace farebox
