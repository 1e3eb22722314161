#include "policy/retry_tally.hpp"

namespace farebox {
namespace {

constexpr char kSeparator = '\x1f';

RetryHour& operator+=(RetryHour& sum, const RetryHour& hour) {
  sum.requests += hour.requests;
  sum.retries += hour.retries;
  return sum;
}

}  // namespace

RetryHour* RetryTally::place_of(std::string_view key) {
  const auto found = hours_.find(key);
  if (found != hours_.end()) return &found->second;
  if (hours_.size() >= kMost) return nullptr;
  return &hours_.emplace(std::string(key), RetryHour()).first->second;
}

void RetryTally::count(const Names& names, bool repeats) {
  key_.assign(names.project.substr(0, kMostName));
  for (const std::string_view name : {names.key, names.model}) {
    key_ += kSeparator;
    key_ += name.substr(0, kMostName);
  }
  const RetryHour one{1, repeats ? 1U : 0U};
  total_ += one;
  if (RetryHour* const hour = place_of(key_)) *hour += one;
}

void RetryTally::move_into(RetryTally& sum) {
  sum.total_ += total_;
  total_ = {};
  std::erase_if(hours_, [](const auto& each) { return each.second.requests == 0; });
  for (auto& [key, hour] : hours_) {
    if (RetryHour* const place = sum.place_of(key)) *place += hour;
    hour = {};
  }
}

void RetryTally::each(const std::function<void(const Names&, const RetryHour&)>& visit) const {
  for (const auto& [key, hour] : hours_) {
    const std::string_view text = key;
    const std::size_t first = text.find(kSeparator), second = text.find(kSeparator, first + 1);
    visit({text.substr(0, first), text.substr(first + 1, second - first - 1), text.substr(second + 1)},
          hour);
  }
}

}  // namespace farebox
