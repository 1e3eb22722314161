// AnswerHits: how often answers were given, from where, and which were given most.
//
// In shards by key, each a mutex that is held for a moment; counting allocates nothing.
// Thread-safe.
#pragma once

#include <array>
#include <atomic>
#include <mutex>

#include "policy/top_tally.hpp"
#include "storage/answer_cache.hpp"

namespace farebox {

class AnswerHits {
 public:
  void count_hit(const AnswerKey& key, const Answer& answer, CacheTier tier);
  void count_miss() { misses_.fetch_add(1, std::memory_order_relaxed); }

  // Fills in the hits and misses of both tiers and the top lists. A call that was served by the
  // disk is a miss of the memory; one that nobody could serve is one of the disk too.
  void report(AnswerCacheStats& stats) const;

 private:
  static constexpr std::size_t kShards = 16;
  static constexpr std::size_t kTracked = 64;  // keys of a shard and an order
  static constexpr std::size_t kShown = 20;

  struct alignas(64) Shard {
    mutable std::mutex mutex;
    std::uint64_t memory = 0, disk = 0;
    TopTally by_hits{TopTally::By::hits, kTracked};
    TopTally by_saved{TopTally::By::saved, kTracked};
  };

  std::vector<TopAnswer> top(TopTally Shard::*tally) const;

  std::array<Shard, kShards> shards_;
  std::atomic<std::uint64_t> misses_ = 0;
};

}  // namespace farebox
