// RepeatedRequests: what is asked most often, so that it can be asked again before somebody waits.
//
// The ledger keeps no prompts, and neither does the cache; these few are kept in memory only, for
// as long as the program runs. Bounded in number and octets: whoever is asked for less often than
// others goes (Space-Saving, Metwally et al. 2005). Thread-safe; for workers.
#pragma once

#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

#include "storage/answer_match.hpp"

namespace farebox {

class RepeatedRequests {
 public:
  static constexpr std::size_t kMost = 256;
  static constexpr std::size_t kMostOctets = 8 << 20;     // of all together
  static constexpr std::size_t kMostOfOne = 64 << 10;

  // One more call for that answer. `make` gives its octets, and is called once they are wanted:
  // when it is asked for a second time. While another thread counts, this call isn't counted.
  template <class Make>
  void note(const AnswerKey& key, std::size_t octets, Make&& make) {
    const std::unique_lock lock(mutex_, std::try_to_lock);
    if (!lock) return;
    Slot& slot = slot_of(key);
    ++slot.count;
    if (slot.count - slot.inherited < 2 || !slot.request.empty() || octets > kMostOfOne ||
        octets_ + octets > kMostOctets) {
      return;
    }
    slot.request = make();
    octets_ += slot.request.size();
  }

  // The requests asked for most often, those first, at most so many.
  std::vector<std::string> most_repeated(std::size_t most) const;

 private:
  struct Slot {
    std::uint64_t count = 0;
    std::uint64_t inherited = 0;  // of whoever had the slot before
    std::string request;          // empty: not wanted yet
  };
  Slot& slot_of(const AnswerKey& key);  // with the mutex

  mutable std::mutex mutex_;
  std::unordered_map<AnswerKey, Slot, DigestHash> slots_;
  std::size_t octets_ = 0;
};

}  // namespace farebox
