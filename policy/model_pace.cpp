#include "policy/model_pace.hpp"

#include <algorithm>

namespace farebox {

using std::chrono::nanoseconds;

void ModelPace::used_up(std::string_view model, const ProviderLimits::UsedUp& what,
                        SteadyTime now) {
  auto found = models_.find(model);
  if (found == models_.end()) {
    if (models_.size() >= kMostModels) {
      std::erase_if(models_, [now](const auto& entry) { return entry.second.whole <= now; });
    }
    if (models_.size() >= kMostModels) return;
    found = models_.emplace(model, Model()).first;
  }
  Model& its = found->second;
  its.said = now;
  its.step = std::min<nanoseconds>(what.next, kLongest);
  its.next = std::max(its.next, now + its.step);
  its.whole = std::max(its.whole, now + std::min<nanoseconds>(what.whole, kLongest));
}

void ModelPace::refilled(std::string_view model, SteadyTime asked) {
  const auto found = models_.find(model);
  if (found != models_.end() && asked >= found->second.said) models_.erase(found);
}

ModelPace::Turn ModelPace::take(std::string_view model, SteadyTime now, SteadyTime latest) {
  const auto found = models_.find(model);
  if (found == models_.end()) return {true, now};
  Model& its = found->second;
  if (now >= its.whole && now >= its.next) {
    models_.erase(found);
    return {true, now};
  }
  const SteadyTime at = std::max(its.next, now);
  if (at > now && at >= latest) return {false, at};
  its.next = at + its.step;
  return {true, at};
}

bool ModelPace::rests(std::string_view model, SteadyTime now) const {
  const auto found = models_.find(model);
  return found != models_.end() && now < found->second.next;
}

}  // namespace farebox
