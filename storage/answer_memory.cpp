#include "storage/answer_memory.hpp"

namespace farebox {

SharedAnswer AnswerMemory::find(const AnswerKey& key, WallTime now) {
  Shard& shard = shard_of(key);
  std::optional<SharedAnswer> over;  // freed without the lock
  {
    const std::lock_guard lock(shard.mutex);
    const SharedAnswer* const found = shard.fifo.find(key);
    if (found == nullptr) return nullptr;
    if (now < (*found)->kept) return *found;
    over = shard.fifo.erase(key);
    shard.octets.store(shard.fifo.octets(), std::memory_order_relaxed);
  }
  gone(*over);
  return nullptr;
}

bool AnswerMemory::store(const AnswerKey& key, const SharedAnswer& answer, Put put,
                         const std::function<bool()>& allowed) {
  const std::uint64_t octets = size_of(*answer);
  const bool fits = octets <= most() / 4 && reserve(octets);
  const bool depends = !answer->depends_on.empty();
  if (depends) dependents_.fetch_add(1);
  Shard& shard = shard_of(key);
  std::optional<SharedAnswer> before;
  bool is_allowed, stays = false;
  {
    const std::lock_guard lock(shard.mutex);
    is_allowed = allowed();
    if (is_allowed && (put == Put::replace || shard.fifo.peek(key) == nullptr)) {
      before = fits ? shard.fifo.insert(key, answer, octets) : shard.fifo.erase(key);
      stays = fits;
      shard.octets.store(shard.fifo.octets(), std::memory_order_relaxed);
    }
  }
  if (before) gone(*before);
  if (!stays && depends) dependents_.fetch_sub(1);
  if (!stays && fits) reserved_.fetch_sub(octets, std::memory_order_relaxed);
  return is_allowed;
}

void AnswerMemory::each(
    const std::function<void(const AnswerKey&, const SharedAnswer&)>& visit) const {
  std::vector<std::pair<AnswerKey, SharedAnswer>> held;
  for (const Shard& shard : shards_) {
    held.clear();
    {
      const std::lock_guard lock(shard.mutex);
      held.reserve(shard.fifo.entries());
      shard.fifo.each([&](const AnswerKey& key, const SharedAnswer& answer) {
        held.emplace_back(key, answer);
      });
    }
    for (const auto& [key, answer] : held) visit(key, answer);
  }
}

bool AnswerMemory::erase(const AnswerKey& key, const SharedAnswer& same) {
  Shard& shard = shard_of(key);
  std::optional<SharedAnswer> taken;
  {
    const std::lock_guard lock(shard.mutex);
    const SharedAnswer* const found = shard.fifo.peek(key);
    if (found == nullptr || *found != same) return false;
    taken = shard.fifo.erase(key);
    shard.octets.store(shard.fifo.octets(), std::memory_order_relaxed);
  }
  gone(*taken);
  return true;
}

void AnswerMemory::set_most(std::uint64_t most) {
  most_.store(most, std::memory_order_relaxed);
  reserve(0);
}

std::uint64_t AnswerMemory::entries() const {
  std::uint64_t entries = 0;
  for (const Shard& shard : shards_) {
    const std::lock_guard lock(shard.mutex);
    entries += shard.fifo.entries();
  }
  return entries;
}

std::uint64_t AnswerMemory::octets() const {
  std::uint64_t octets = 0;
  for (const Shard& shard : shards_) octets += shard.octets.load(std::memory_order_relaxed);
  return octets;
}

// The octets are counted before they are there, so the shards together never hold too much.
bool AnswerMemory::reserve(std::uint64_t octets) {
  reserved_.fetch_add(octets, std::memory_order_relaxed);
  while (reserved_.load(std::memory_order_relaxed) > most()) {
    if (make_room()) continue;
    // All of it is reserved by others who are about to store.
    reserved_.fetch_sub(octets, std::memory_order_relaxed);
    return false;
  }
  return true;
}

// One answer goes, from the fuller one of two shards: each stays near its part of the limit.
bool AnswerMemory::make_room() {
  const std::size_t turn = turn_.fetch_add(1, std::memory_order_relaxed);
  Shard& one = shards_[turn % kShards];
  Shard& other = shards_[(turn * 7 + turn / kShards + 1) % kShards];
  const bool first = one.octets.load(std::memory_order_relaxed) >=
                     other.octets.load(std::memory_order_relaxed);
  if (evict_from(first ? one : other)) return true;
  for (Shard& shard : shards_) {
    if (evict_from(shard)) return true;
  }
  return false;
}

bool AnswerMemory::evict_from(Shard& shard) {
  std::optional<SharedAnswer> taken;
  {
    const std::lock_guard lock(shard.mutex);
    taken = shard.fifo.evict();
    shard.octets.store(shard.fifo.octets(), std::memory_order_relaxed);
  }
  if (!taken) return false;
  evicted_.fetch_add(1, std::memory_order_relaxed);
  gone(*taken);
  return true;
}

void AnswerMemory::gone(const SharedAnswer& answer) {
  reserved_.fetch_sub(size_of(*answer), std::memory_order_relaxed);
  if (!answer->depends_on.empty()) dependents_.fetch_sub(1);
}

}  // namespace farebox
