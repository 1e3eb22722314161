#include "storage/answer_hits.hpp"

#include <algorithm>

namespace farebox {

void AnswerHits::count_hit(const AnswerKey& key, const Answer& answer, CacheTier tier) {
  const Money saved = answer.priced ? answer.saved : Money();
  Shard& shard = shards_[key.back() % kShards];
  const std::lock_guard lock(shard.mutex);
  ++(tier == CacheTier::memory ? shard.memory : shard.disk);
  shard.by_hits.count(key, answer.name, saved);
  shard.by_saved.count(key, answer.name, saved);
}

void AnswerHits::report(AnswerCacheStats& stats) const {
  for (const Shard& shard : shards_) {
    const std::lock_guard lock(shard.mutex);
    stats.memory.hits += shard.memory;
    stats.disk.hits += shard.disk;
  }
  stats.disk.misses = misses_.load(std::memory_order_relaxed);
  stats.memory.misses = stats.disk.misses + stats.disk.hits;
  stats.top_by_hits = top(&Shard::by_hits);
  stats.top_by_saved = top(&Shard::by_saved);
}

std::vector<TopAnswer> AnswerHits::top(TopTally Shard::*tally) const {
  std::vector<TopAnswer> all;
  for (const Shard& shard : shards_) {
    const std::lock_guard lock(shard.mutex);
    for (const TopTally::Row& row : (shard.*tally).top(kShown)) {
      all.push_back({row.key, std::string(row.name_view()), row.hits, row.saved});
    }
  }
  const bool by_saved = tally == &Shard::by_saved;
  std::sort(all.begin(), all.end(), [&](const TopAnswer& a, const TopAnswer& b) {
    if (by_saved && a.saved != b.saved) return a.saved > b.saved;
    return a.hits != b.hits ? a.hits > b.hits : a.key < b.key;
  });
  if (all.size() > kShown) all.resize(kShown);
  return all;
}

}  // namespace farebox
