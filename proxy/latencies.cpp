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
  const auto found = models_.find(model);
  if (found != models_.end()) {
    found->second = smoothed(found->second, sample);
  } else if (models_.size() < kMostModels) {
    models_.emplace(model, sample);
  }
}

std::optional<std::chrono::nanoseconds> Latencies::of(std::string_view model) const {
  {
    const std::lock_guard lock(mutex_);
    const auto found = models_.find(model);
    if (found != models_.end()) return std::chrono::nanoseconds(found->second);
  }
  return of_all();
}

std::optional<std::chrono::nanoseconds> Latencies::of_all() const {
  const std::int64_t known = all_.load(std::memory_order_relaxed);
  if (known == 0) return std::nullopt;
  return std::chrono::nanoseconds(known);
}

}  // namespace farebox
