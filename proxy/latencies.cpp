#include "proxy/latencies.hpp"

#include <algorithm>

namespace farebox {
namespace {

// Each answer moves the mean by an eighth of the difference.
std::int64_t smoothed(std::int64_t mean, std::int64_t sample) {
  return mean == 0 ? sample : std::max<std::int64_t>(mean + (sample - mean) / 8, 1);
}

}  // namespace

void Latencies::add(std::string_view model, std::chrono::nanoseconds took) {
  const std::int64_t sample = std::max<std::int64_t>(took.count(), 1);
  all_.store(smoothed(all_.load(std::memory_order_relaxed), sample), std::memory_order_relaxed);
  if (model.empty()) return;
  const std::lock_guard lock(mutex_);
  if (Model* const its = place_of(model)) its->mean = smoothed(its->mean, sample);
}

// Names come from callers: one that never answered well makes room for another.
Latencies::Model* Latencies::place_of(std::string_view model) {
  const auto found = models_.find(model);
  if (found != models_.end()) return &found->second;
  if (models_.size() >= kMostModels) {
    const auto unknown =
        std::ranges::find_if(models_, [](const auto& entry) { return entry.second.mean == 0; });
    if (unknown == models_.end()) return nullptr;
    models_.erase(unknown);
  }
  return &models_.emplace(model, Model()).first->second;
}

void Latencies::note_begin(std::string_view model, SteadyTime now) {
  if (model.empty()) return;
  const std::lock_guard lock(mutex_);
  Model* const its = place_of(model);
  if (its != nullptr && its->mean == 0) its->begun = now;
}

Latencies::Known Latencies::of(std::string_view model, SteadyTime now) const {
  {
    const std::lock_guard lock(mutex_);
    const auto found = models_.find(model);
    if (found != models_.end()) {
      const Model& its = found->second;
      if (its.mean != 0) return {std::chrono::nanoseconds(its.mean), false};
      return {std::nullopt, its.begun != SteadyTime{} && now < its.begun + kExploreEvery};
    }
    if (models_.size() < kMostModels) return {};
  }
  return {of_all(), false};
}

std::optional<std::chrono::nanoseconds> Latencies::of_all() const {
  const std::int64_t known = all_.load(std::memory_order_relaxed);
  if (known == 0) return std::nullopt;
  return std::chrono::nanoseconds(known);
}

}  // namespace farebox
