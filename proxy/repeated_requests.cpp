#include "proxy/repeated_requests.hpp"

#include <algorithm>

namespace farebox {

RepeatedRequests::Slot& RepeatedRequests::slot_of(const AnswerKey& key) {
  const auto found = slots_.find(key);
  if (found != slots_.end()) return found->second;
  std::uint64_t inherited = 0;
  if (slots_.size() >= kMost) {
    const auto least = std::min_element(slots_.begin(), slots_.end(), [](const auto& a, const auto& b) {
      return a.second.count < b.second.count;
    });
    inherited = least->second.count;
    octets_ -= least->second.request.size();
    slots_.erase(least);
  }
  Slot& slot = slots_[key];
  slot.count = slot.inherited = inherited;
  return slot;
}

std::vector<std::string> RepeatedRequests::most_repeated(std::size_t most) const {
  std::vector<const Slot*> repeated;
  const std::lock_guard lock(mutex_);
  for (const auto& [key, slot] : slots_) {
    if (!slot.request.empty()) repeated.push_back(&slot);
  }
  std::sort(repeated.begin(), repeated.end(),
            [](const Slot* a, const Slot* b) { return a->count > b->count; });
  std::vector<std::string> requests;
  for (const Slot* const slot : repeated) {
    if (requests.size() == most) break;
    requests.push_back(slot->request);
  }
  return requests;
}

}  // namespace farebox
