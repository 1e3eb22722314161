#include "policy/retry_storms.hpp"

#include <algorithm>
#include <tuple>
#include <utility>

namespace farebox {
namespace {

// What an hour ago counts beside now, for who calls most: half of it is from the last days.
constexpr double kFading = 0.99;
constexpr double kForgotten = 0.5;  // of a call

using Hour = RetryHour;

// Of those that are in the project; "": of all.
std::vector<NamedRetries> repeaters(const RetryTally& tally, const std::string& project) {
  std::map<std::pair<std::string_view, std::string>, std::uint64_t> sums;
  tally.each([&](const RetryTally::Names& names, const Hour& hour) {
    if (hour.retries == 0 || (!project.empty() && names.project != project)) return;
    for (const auto& [dimension, name] : {std::pair{"key", names.key}, std::pair{"model", names.model}}) {
      if (!name.empty()) sums[{dimension, std::string(name)}] += hour.retries;
    }
    if (project.empty() && !names.project.empty()) {
      sums[{"project", std::string(names.project)}] += hour.retries;
    }
  });
  std::vector<NamedRetries> sorted;
  for (const auto& [name, retries] : sums) {
    sorted.push_back({std::string(name.first), name.second, retries});
  }
  std::sort(sorted.begin(), sorted.end(), [](const NamedRetries& a, const NamedRetries& b) {
    if (a.retries != b.retries) return a.retries > b.retries;
    return std::tie(a.dimension, a.name) < std::tie(b.dimension, b.name);
  });
  if (sorted.size() > RetryStorms::kMostContributors) sorted.resize(RetryStorms::kMostContributors);
  return sorted;
}

}  // namespace

// Who calls more in an hour than one that is watched did in days takes its place.
void RetryStorms::choose(const Projects& projects) {
  for (auto& [name, watched] : projects_) {
    const auto found = projects.find(name);
    const std::uint64_t calls = found == projects.end() ? 0 : found->second.requests;
    watched.weight = watched.weight * kFading + static_cast<double>(calls);
  }
  std::erase_if(projects_, [](const auto& each) { return each.second.weight < kForgotten; });
  for (const auto& [name, hour] : projects) {
    if (projects_.contains(name)) continue;
    const auto weight = static_cast<double>(hour.requests);
    if (projects_.size() >= kMostProjects) {
      const auto least = std::min_element(
          projects_.begin(), projects_.end(),
          [](const auto& a, const auto& b) { return a.second.weight < b.second.weight; });
      if (least->second.weight >= weight) continue;
      projects_.erase(least);
    }
    projects_.emplace(name, Watched()).first->second.weight = weight;
  }
}

std::vector<SpendAnomaly> RetryStorms::add_hour(const RetryTally& tally, WallTime hour) {
  Projects projects;
  tally.each([&](const RetryTally::Names& names, const Hour& its) {
    if (names.project.empty()) return;
    Hour& sum = projects[std::string(names.project)];
    sum.requests += its.requests;
    sum.retries += its.retries;
  });
  choose(projects);
  std::vector<SpendAnomaly> told;
  const auto judge = [&](Watched& watched, const std::string& project, const Hour& its) {
    const bool began = !std::exchange(watched.storming, watched.watch.add(its)) && watched.storming;
    if (!began) return;
    SpendAnomaly& storm = told.emplace_back();
    storm.kind = SpendAnomaly::Kind::retry_storm;
    storm.scope = project.empty() ? "all" : "project=" + project;
    storm.hour = hour;
    storm.requests = its.requests;
    storm.retries = its.retries;
    storm.repeaters = repeaters(tally, project);
  };
  judge(all_, "", tally.total());
  for (auto& [name, watched] : projects_) {
    const auto found = projects.find(name);
    judge(watched, name, found == projects.end() ? Hour() : found->second);
  }
  return told;
}

std::vector<RetryStorms::Memory> RetryStorms::memory() const {
  std::vector<Memory> memory;
  memory.push_back({"", all_.weight, all_.storming, all_.watch.parts()});
  for (const auto& [name, watched] : projects_) {
    memory.push_back({name, watched.weight, watched.storming, watched.watch.parts()});
  }
  return memory;
}

void RetryStorms::restore(std::vector<Memory> memory) {
  for (Memory& each : memory) {
    if (!each.project.empty() && projects_.size() >= kMostProjects) return;
    Watched& watched = each.project.empty() ? all_ : projects_[each.project];
    watched.weight = each.weight;
    watched.storming = each.storming;
    watched.watch.restore(std::move(each.parts));
  }
}

}  // namespace farebox
