#include "proxy/provider_state.hpp"

#include <algorithm>
#include <random>

namespace farebox {
namespace {

// How a try speaks of the load. Other failures say nothing, nor does a quick 400.
ConcurrencyLimit::Went went_of(Failure failure, bool own_keys) {
  switch (failure) {
    case Failure::none: return ConcurrencyLimit::Went::well;
    case Failure::connect_timeout:
    case Failure::timeout:
    case Failure::overloaded: return ConcurrencyLimit::Went::refused;
    // Of a key that a caller brought along it says nothing to others.
    case Failure::rate_limited:
      return own_keys ? ConcurrencyLimit::Went::refused : ConcurrencyLimit::Went::unknown;
    default: return ConcurrencyLimit::Went::unknown;
  }
}

}  // namespace

ProviderState::ProviderState(const ProviderSettings& settings)
    : settings_(settings),
      breakers_(settings.circuit_breaker),
      slots_(settings.concurrency, settings.pool.max),
      keys_(settings.api_keys.size()),
      retries_(settings.retry.budget_percent),
      random_(std::random_device{}()) {}

void ProviderState::take_over(const ProviderState& before) {
  breakers_.take_over(before.breakers_);
  const std::vector<Secret>& own = settings_.api_keys;
  const std::vector<Secret>& theirs = before.settings_.api_keys;
  {
    const std::scoped_lock lock(keys_mutex_, before.keys_mutex_);
    for (std::size_t i = 0; i < own.size(); ++i) {
      const auto same = std::find(theirs.begin(), theirs.end(), own[i]);
      if (same == theirs.end()) continue;
      keys_.take_over(i, before.keys_, static_cast<std::size_t>(same - theirs.begin()));
      keys_cooled_ = keys_cooled_ || before.keys_cooled_;
      if (own.size() != 1 || theirs.size() != 1) continue;
      pace_ = before.pace_;
      paced_ = !pace_.empty();
    }
  }
  const std::scoped_lock lock(error_mutex_, before.error_mutex_);
  last_error_ = before.last_error_;
}

ProviderState::Key ProviderState::pick_key(SteadyTime now, std::string_view model,
                                           SteadyTime latest) {
  Key key;
  const std::vector<Secret>& all = settings_.api_keys;
  if (all.empty()) return key;
  if (all.size() > 1 || keys_cooled_.load(std::memory_order_acquire)) {
    const std::lock_guard lock(keys_mutex_);
    const KeyCooldown::Pick picked = keys_.pick(now);
    key.index = picked.index;
    key.ready = picked.ready;
    key.ready_at = picked.ready_at;
  }
  key.secret = &all[key.index];
  if (key.ready && paced_.load(std::memory_order_acquire)) {
    const std::lock_guard lock(keys_mutex_);
    const ModelPace::Turn turn = pace_.take(model, now, latest);
    paced_.store(!pace_.empty(), std::memory_order_release);
    key.ready = turn.taken && turn.at <= now;
    key.ready_at = turn.at;
    if (!key.ready) key.pace = turn.taken ? Key::Pace::turn : Key::Pace::too_late;
  }
  return key;
}

void ProviderState::give_back(const Key& key, std::string_view model) {
  if (key.pace != Key::Pace::turn) return;
  const std::lock_guard lock(keys_mutex_);
  pace_.give_back(model, key.ready_at);
}

void ProviderState::tried(BreakerPass& pass, const Tried& what) {
  pass.report(what.failure, what.ended);
  slots_.add(went_of(what.failure, !settings_.api_keys.empty()), what.began, what.ended);
  if (what.failure == Failure::none) latencies_.add(what.model, what.ended - what.began);
  tell_keys(what);
}

void ProviderState::tell_keys(const Tried& what) {
  if (what.limits == nullptr || what.key >= settings_.api_keys.size()) return;
  const bool single = settings_.api_keys.size() == 1;
  if (single) tell_pace(what);
  // Providers count by model, so of a single key this is the model's pace.
  const auto used_up = single ? std::nullopt : what.limits->used_up();
  const bool spent = what.failure == Failure::quota_spent;
  const bool refused = spent || what.failure == Failure::rate_limited;
  if (!refused && !used_up && !keys_cooled_.load(std::memory_order_acquire)) return;
  const std::lock_guard lock(keys_mutex_);
  if (refused || used_up) keys_cooled_.store(true, std::memory_order_release);
  if (refused) {
    const auto wait = spent ? std::optional<std::chrono::nanoseconds>(KeyCooldown::kLongest)
                            : what.retry_after ? what.retry_after : what.limits->retry_after();
    keys_.refused(what.key, wait, what.ended);
  } else {
    keys_.worked(what.key, what.ended);
  }
  if (used_up) keys_.used_up(what.key, *used_up, what.ended);
}

void ProviderState::tell_pace(const Tried& what) {
  const auto used_up = what.limits->used_up();
  const bool ends = paced_.load(std::memory_order_acquire) && what.limits->some_left();
  if (!used_up && !ends) return;
  const std::lock_guard lock(keys_mutex_);
  if (used_up) {
    pace_.used_up(what.model, *used_up, what.ended);
  } else {
    pace_.refilled(what.model, what.began);
  }
  paced_.store(!pace_.empty(), std::memory_order_release);
}

ProviderState::Upload ProviderState::begin_upload() {
  const std::uint32_t most = std::max<std::uint32_t>(1, settings_.pool.max / 2);
  if (uploads_.fetch_add(1, std::memory_order_relaxed) < most) return Upload(&uploads_);
  uploads_.fetch_sub(1, std::memory_order_relaxed);
  return Upload(nullptr);
}

void ProviderState::count_call(SteadyTime now, std::string_view model) {
  latencies_.note_begin(model, now);
  const std::lock_guard lock(retry_mutex_);
  retries_.count_call(now);
}

bool ProviderState::may_repeat(SteadyTime now) {
  const std::lock_guard lock(retry_mutex_);
  return retries_.take(now);
}

RetryDecision ProviderState::next_try(FailedTry failed, std::size_t key) {
  const bool of_key =
      failed.failure == Failure::rate_limited || failed.failure == Failure::quota_spent;
  if (of_key && settings_.api_keys.size() > 1) {
    const std::lock_guard lock(keys_mutex_);
    failed.another_key = keys_.another_ready(key, failed.now);
  }
  const std::lock_guard lock(retry_mutex_);
  failed.random = random_.next();
  return farebox::next_try(settings_.retry, failed, retries_);
}

PlaceFacts ProviderState::facts(std::string_view model, SteadyTime now) {
  PlaceFacts facts;
  facts.open = breakers_.refuses(model, now);
  facts.saturated = slots_.full();
  facts.in_flight = slots_.in_use();
  const Latencies::Known known = latencies_.of(model, now);
  facts.latency = known.latency;
  facts.explored = known.explored;
  if (!facts.saturated && keys_cooled_.load(std::memory_order_acquire)) {
    const std::lock_guard lock(keys_mutex_);
    facts.saturated = !keys_.another_ready(keys_.size(), now);
  }
  if (!facts.saturated && paced_.load(std::memory_order_acquire)) {
    const std::lock_guard lock(keys_mutex_);
    facts.saturated = pace_.rests(model, now);
  }
  return facts;
}

void ProviderState::note_error(std::string_view what, WallTime when) {
  const std::lock_guard lock(error_mutex_);
  last_error_.what.assign(what.substr(0, kLongestError));
  last_error_.when = when;
}

std::optional<ProviderState::Error> ProviderState::last_error() const {
  const std::lock_guard lock(error_mutex_);
  if (last_error_.what.empty()) return std::nullopt;
  return last_error_;
}

std::vector<ProviderState::CoolingKey> ProviderState::cooling(SteadyTime now) const {
  std::vector<CoolingKey> all;
  const std::lock_guard lock(keys_mutex_);
  for (std::size_t i = 0; i < keys_.size(); ++i) {
    if (keys_.cools(i, now)) all.push_back({i, keys_.cools_until(i)});
  }
  return all;
}

}  // namespace farebox
