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
  its.left.erase(its.left.begin(), its.left.lower_bound(now + its.step));
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
  if (!its.left.empty()) {
    // Of those whose time has passed one is left: calls don't go in a heap.
    auto first = its.left.begin();
    while (std::next(first) != its.left.end() && *std::next(first) <= now) ++first;
    const SteadyTime at = std::max(*first, now);
    if (at <= now || at < latest) {
      its.left.erase(its.left.begin(), std::next(first));
      return {true, at};
    }
  }
  const SteadyTime at = std::max(its.next, now);
  if (at > now && at >= latest) return {false, at};
  its.next = at + its.step;
  return {true, at};
}

void ModelPace::give_back(std::string_view model, SteadyTime at) {
  const auto found = models_.find(model);
  if (found == models_.end()) return;
  Model& its = found->second;
  if (at + its.step == its.next) {
    its.next = at;
    // Those before it may have been given back already.
    while (!its.left.empty() && *its.left.rbegin() + its.step == its.next) {
      its.next = *its.left.rbegin();
      its.left.erase(std::prev(its.left.end()));
    }
  } else if (at < its.next && its.left.size() < kMostLeft) {
    its.left.insert(at);
  }
}

bool ModelPace::rests(std::string_view model, SteadyTime now) const {
  const auto found = models_.find(model);
  if (found == models_.end() || now >= found->second.next) return false;
  const std::set<SteadyTime>& left = found->second.left;
  return left.empty() || now < *left.begin();
}

}  // namespace farebox
