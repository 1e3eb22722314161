#include "proxy/breakers.hpp"

#include <algorithm>
#include <random>

namespace farebox {
namespace {

using State = CircuitBreaker::State;

std::uint64_t seed() {
  static std::atomic<std::uint64_t> next{std::random_device{}()};
  return next.fetch_add(0x9E3779B97F4A7C15, std::memory_order_relaxed);
}

}  // namespace

SharedBreaker::SharedBreaker(const BreakerSettings& settings, std::uint64_t its_seed)
    : breaker_(settings, its_seed) {
  publish();
}

void SharedBreaker::publish() {
  const bool closed = breaker_.state() == State::closed;
  closed_.store(closed ? std::uint64_t{breaker_.generation()} << 1 | 1 : 0,
                std::memory_order_release);
}

CircuitBreaker::Admission SharedBreaker::admit(SteadyTime now) {
  if (const std::uint64_t closed = closed_.load(std::memory_order_acquire); closed != 0) {
    CircuitBreaker::Admission admission;
    admission.generation = static_cast<std::uint32_t>(closed >> 1);
    return admission;
  }
  const std::lock_guard lock(mutex_);
  const CircuitBreaker::Admission admission = breaker_.admit(now);
  publish();
  return admission;
}

bool SharedBreaker::report(CircuitBreaker::Admission& admission, BreakerVerdict verdict,
                           SteadyTime now) {
  const std::lock_guard lock(mutex_);
  const State before = breaker_.state();
  breaker_.report(admission, verdict, now);
  publish();
  return before != State::closed && breaker_.state() == State::closed;
}

void SharedBreaker::take_over(const SharedBreaker& before) {
  const std::scoped_lock lock(mutex_, before.mutex_);
  breaker_.take_over(before.breaker_);
  publish();
}

SharedBreaker::Sight SharedBreaker::sight() const {
  const std::lock_guard lock(mutex_);
  return {breaker_.state(), breaker_.since(), breaker_.retry_at(), breaker_.times_opened()};
}

bool SharedBreaker::refuses(SteadyTime now) const {
  if (closed_.load(std::memory_order_acquire) != 0) return false;
  const std::lock_guard lock(mutex_);
  return breaker_.state() == State::open && now < breaker_.retry_at();
}

BreakerPass& BreakerPass::operator=(BreakerPass&& other) noexcept {
  drop();
  breakers_ = std::exchange(other.breakers_, nullptr);
  model_breaker_ = other.model_breaker_;
  model_name_ = std::move(other.model_name_);
  provider_ = other.provider_;
  model_ = other.model_;
  retry_at_ = other.retry_at_;
  allowed_ = other.allowed_;
  return *this;
}

void BreakerPass::drop() {
  // Only a probe has something to give back.
  if (breakers_ != nullptr && allowed_ && (provider_.probe || model_.probe)) {
    report(Failure::ours, SteadyTime{});
  }
  breakers_ = nullptr;
}

// With a breaker for each model an answer that fails is the model's: the provider's own
// counts whether anybody is there.
void BreakerPass::report(Failure failure, SteadyTime now) {
  if (breakers_ == nullptr || !allowed_) return;
  BreakerVerdict of_provider = facts_of(failure).breaker;
  // A model gets its breaker when it first fails: names that callers make up never do.
  const bool model_failed = of_provider == BreakerVerdict::failure;
  const bool unreached = of_provider == BreakerVerdict::unreached;
  if (model_failed && model_breaker_ == nullptr && !model_name_.empty()) {
    model_breaker_ = breakers_->for_model(model_name_);
    if (model_breaker_ != nullptr) model_ = model_breaker_->admit(now);
  }
  if (model_breaker_ != nullptr) {
    model_breaker_->report(model_, unreached ? BreakerVerdict::neither : of_provider, now);
    if (model_failed) {
      const bool answered = failure >= Failure::rate_limited;
      of_provider = answered ? BreakerVerdict::alive : BreakerVerdict::neither;
    }
  }
  breakers_->provider_.report(provider_, of_provider, now);
}

Breakers::Breakers(const BreakerSettings& settings)
    : settings_(settings), provider_(settings, seed()) {}

SharedBreaker* Breakers::find_model(std::string_view model) {
  if (!settings_.enabled || !settings_.per_model || model.empty()) return nullptr;
  const std::lock_guard lock(mutex_);
  const auto found = models_.find(model);
  return found == models_.end() ? nullptr : found->second.get();
}

SharedBreaker* Breakers::for_model(std::string_view model) {
  if (!settings_.enabled || !settings_.per_model || model.empty()) return nullptr;
  const std::lock_guard lock(mutex_);
  const auto found = models_.find(model);
  if (found != models_.end()) return found->second.get();
  if (models_.size() >= kMostModels) return nullptr;
  auto made = std::make_unique<SharedBreaker>(settings_, seed());
  return models_.emplace(std::string(model), std::move(made)).first->second.get();
}

BreakerPass Breakers::admit(std::string_view model, SteadyTime now) {
  BreakerPass pass;
  pass.provider_ = provider_.admit(now);
  pass.allowed_ = pass.provider_.allowed;
  pass.retry_at_ = pass.provider_.retry_at;
  if (!pass.allowed_) return pass;
  pass.breakers_ = this;
  SharedBreaker* const its = find_model(model);
  if (its == nullptr) {
    if (settings_.enabled && settings_.per_model) pass.model_name_ = model;
    return pass;
  }
  pass.model_ = its->admit(now);
  if (pass.model_.allowed) {
    pass.model_breaker_ = its;
    return pass;
  }
  provider_.report(pass.provider_, BreakerVerdict::neither, now);
  pass.allowed_ = false;
  pass.retry_at_ = pass.model_.retry_at;
  return pass;
}

void Breakers::take_over(const Breakers& before) {
  provider_.take_over(before.provider_);
  if (!settings_.per_model) return;
  const std::lock_guard lock(before.mutex_);
  for (const auto& [model, breaker] : before.models_) {
    SharedBreaker* const own = for_model(model);
    if (own != nullptr) own->take_over(*breaker);
  }
}

bool Breakers::refuses(std::string_view model, SteadyTime now) {
  if (provider_.refuses(now)) return true;
  if (!settings_.per_model) return false;
  const std::lock_guard lock(mutex_);
  const auto found = models_.find(model);
  return found != models_.end() && found->second->refuses(now);
}

std::vector<Breakers::ModelSight> Breakers::models() const {
  std::vector<ModelSight> all;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [model, breaker] : models_) {
      const SharedBreaker::Sight sight = breaker->sight();
      if (sight.times_opened != 0) all.push_back({model, sight});
    }
  }
  std::sort(all.begin(), all.end(),
            [](const ModelSight& a, const ModelSight& b) { return a.model < b.model; });
  return all;
}

}  // namespace farebox
