// S3Fifo: what a cache keeps and what goes when it is full.
//
// S3-FIFO (Yang et al., SOSP 2023): a small queue for what is new, a main queue for what was used
// while it was there, and the hashes of those that left the small one lately, which go to the main
// one when they come again. A use only counts, so that a hit moves nothing. What is seen once
// passes through the small queue and leaves the main one alone.
//
// Sizes are octets. Whoever has it says when something has to go. Not thread-safe.
#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
#include <optional>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "config/base/check.hpp"

namespace farebox {

template <class Key, class Value, class Hash>
class S3Fifo {
 public:
  S3Fifo() = default;
  S3Fifo(const S3Fifo&) = delete;
  S3Fifo& operator=(const S3Fifo&) = delete;

  std::uint64_t octets() const { return small_.octets + main_.octets; }
  std::size_t entries() const { return entries_.size(); }

  // Null: it isn't there. Counts as a use.
  Value* find(const Key& key) {
    const auto found = entries_.find(key);
    if (found == entries_.end()) return nullptr;
    Entry& entry = found->second;
    entry.uses = std::min<std::uint8_t>(kMostUses, static_cast<std::uint8_t>(entry.uses + 1));
    return &entry.value;
  }
  // Doesn't.
  const Value* peek(const Key& key) const {
    const auto found = entries_.find(key);
    return found == entries_.end() ? nullptr : &found->second.value;
  }

  // What had the key before is given back. There is no limit here: see evict().
  std::optional<Value> insert(const Key& key, Value value, std::uint64_t octets) {
    const auto [at, made] = entries_.try_emplace(key);
    Entry& entry = at->second;
    if (!made) {
      entry.queue->octets += octets - entry.octets;
      entry.octets = octets;
      return std::exchange(entry.value, std::move(value));
    }
    entry.key = &at->first;
    entry.value = std::move(value);
    entry.octets = octets;
    push(forget_ghost(Hash()(key)) ? main_ : small_, entry);
    return std::nullopt;
  }

  std::optional<Value> erase(const Key& key) {
    const auto found = entries_.find(key);
    if (found == entries_.end()) return std::nullopt;
    return take_out(found->second);
  }

  // Takes out what is worth least; nothing: it is empty.
  std::optional<Value> evict() {
    while (!entries_.empty()) {
      const bool from_small = small_.last != nullptr &&
                              (main_.last == nullptr || small_.octets * kSmallPart >= octets());
      Entry& entry = from_small ? *small_.last : *main_.last;
      if (from_small && entry.uses > 1) {
        unlink(entry);
        entry.uses = 0;
        push(main_, entry);
        continue;
      }
      if (!from_small && entry.uses > 0) {
        unlink(entry);
        --entry.uses;
        push(main_, entry);
        continue;
      }
      if (from_small) remember_ghost(Hash()(*entry.key));
      return take_out(entry);
    }
    return std::nullopt;
  }

  // Calls `visit(key, value)` for each, in no order that says anything.
  template <class Visit>
  void each(Visit&& visit) const {
    for (const auto& [key, entry] : entries_) visit(key, entry.value);
  }

 private:
  static constexpr std::uint8_t kMostUses = 3;
  static constexpr std::uint64_t kSmallPart = 10;  // the small queue has a tenth
  static constexpr std::size_t kLeastGhosts = 16;

  struct Queue;
  struct Entry {
    const Key* key = nullptr;
    Value value{};
    std::uint64_t octets = 0;
    Queue* queue = nullptr;
    Entry* newer = nullptr;
    Entry* older = nullptr;
    std::uint8_t uses = 0;
  };
  struct Queue {
    Entry* first = nullptr;
    Entry* last = nullptr;
    std::uint64_t octets = 0;
  };

  void push(Queue& queue, Entry& entry) {
    entry.queue = &queue;
    entry.newer = nullptr;
    entry.older = queue.first;
    (queue.first != nullptr ? queue.first->newer : queue.last) = &entry;
    queue.first = &entry;
    queue.octets += entry.octets;
  }
  void unlink(Entry& entry) {
    Queue& queue = *entry.queue;
    DCHECK(queue.octets >= entry.octets);
    (entry.newer != nullptr ? entry.newer->older : queue.first) = entry.older;
    (entry.older != nullptr ? entry.older->newer : queue.last) = entry.newer;
    queue.octets -= entry.octets;
  }
  std::optional<Value> take_out(Entry& entry) {
    unlink(entry);
    std::optional<Value> value(std::move(entry.value));
    entries_.erase(entries_.find(*entry.key));
    return value;
  }

  bool forget_ghost(std::size_t hash) { return ghosts_.erase(hash) != 0; }
  // As many as there are entries. A hash that came again stays in the order until its turn.
  void remember_ghost(std::size_t hash) {
    if (ghosts_.insert(hash).second) ghost_order_.push_back(hash);
    while (ghost_order_.size() > std::max(kLeastGhosts, entries_.size())) {
      ghosts_.erase(ghost_order_.front());
      ghost_order_.pop_front();
    }
  }

  std::unordered_map<Key, Entry, Hash> entries_;
  Queue small_, main_;
  std::unordered_set<std::size_t> ghosts_;
  std::deque<std::size_t> ghost_order_;
};

}  // namespace farebox
