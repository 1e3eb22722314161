// ScopeTable: which counters a request is counted in, found in a hash look-up for each
// shape of scope, however many rules and values there are.
//
// Rules (budgets, rate limits) are added with their scope. A counter belongs to one rule and
// one combination of values; those of "*" come into being when a value is first seen, up to
// a bound. Counters stay where they are until they are swept, which only happens to idle ones.
//
// Counter must be constructible from `Rule&` and answer `idle(Time)`: nothing would be lost
// by forgetting it. Not thread-safe: its owner has the lock.
#pragma once

#include <algorithm>
#include <bit>
#include <boost/container/small_vector.hpp>
#include <cstring>
#include <deque>
#include <memory>
#include <new>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "config/base/wide_memory.hpp"
#include "policy/scope.hpp"

namespace farebox {

// A hash of values that nobody can aim at without knowing the seed.
class SeededHash {
 public:
  explicit SeededHash(std::uint64_t seed) : state_(seed ^ kFirst) {}

  void add(std::string_view text) {
    mix(text.size() ^ kSecond);
    while (text.size() >= sizeof(std::uint64_t)) {
      std::uint64_t word;
      std::memcpy(&word, text.data(), sizeof word);
      mix(word);
      text.remove_prefix(sizeof word);
    }
    mix(tail_of(text));
  }
  void add(std::uint64_t number) { mix(number); }
  std::uint64_t value() const { return state_; }

 private:
  static constexpr std::uint64_t kFirst = 0x9e3779b97f4a7c15u, kSecond = 0xd1b54a32d192ed03u;

  // Less than eight octets as a number, without a write that the next read would wait for.
  static std::uint64_t tail_of(std::string_view text) {
    if (text.empty()) return 0;
    if (text.size() < sizeof(std::uint32_t)) {
      const auto at = [&](std::size_t i) { return std::uint64_t{static_cast<unsigned char>(text[i])}; };
      return at(0) | at(text.size() / 2) << 8 | at(text.size() - 1) << 16;
    }
    std::uint32_t first, last;
    std::memcpy(&first, text.data(), sizeof first);
    std::memcpy(&last, text.data() + text.size() - sizeof last, sizeof last);
    return first | std::uint64_t{last} << 32;
  }

  void mix(std::uint64_t word) {
    const auto product = static_cast<UInt128>(state_ ^ word) * (kSecond | 1);
    state_ = static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64) ^ kFirst;
  }

  std::uint64_t state_;
};

template <class Rule, class Counter>
class ScopeTable {
 public:
  // `seed` is random at each start. `most_values`: combinations of "*" values that are
  // remembered at once, over all rules.
  ScopeTable(std::uint64_t seed, std::size_t most_values) : seed_(seed), most_(most_values) {}

  // `rule` must stay where it is until it is removed and nothing refers to its counters.
  void add(Rule& rule, const Scope& scope) {
    Shape& shape = shape_of(scope);
    std::string key;
    for (const ScopePart& part : scope.parts()) {
      if (!part.each) append(key, part.value);
    }
    shape.rules[key].push_back(&rule);
    // Values that are known already are counted in it from now on.
    slots_.each([&](Slot& slot) {
      if (slot.shape == shape.number && slot.used && exact_key(shape, slot.key) == key) {
        attach(slot, rule);
      }
    });
  }

  // No counter of this rule is found any more. Those that exist are gone when `sweep` says so.
  void remove(const Rule& rule) {
    for (Shape& shape : shapes_) {
      for (auto& [key, rules] : shape.rules) std::erase(rules, &rule);
      std::erase_if(shape.rules, [](const auto& entry) { return entry.second.empty(); });
    }
    slots_.each([&](Slot& slot) {
      for (Node* node = first_of(slot); node != nullptr; node = node->next.get()) {
        if (node->rule == &rule) node->rule = nullptr;
      }
    });
  }

  enum class Found : std::uint8_t { all, too_many_values };

  // Calls `visit(Counter&)` for every counter the request is subject to. `too_many_values`:
  // a value of "*" can't be remembered, because as many as may be are in use.
  template <class Time, class Visit>
  Found find(const ScopeValues& values, Time now, Visit&& visit) {
    ++finds_;
    // With many counters each step is a wait for memory: the waits of all shapes overlap.
    boost::container::small_vector<Sought, 16> all;
    for (Shape& shape : shapes_) {
      std::uint64_t hash = 0;
      if (!hash_of(shape, values, hash)) continue;
      all.emplace_back(shape, hash);
      if (!entries_.empty()) __builtin_prefetch(&entries_[hash & (entries_.size() - 1)]);
    }
    for (const Sought& sought : all) prefetch_slot(sought.hash);
    for (Sought& sought : all) {
      sought.slot = look_up(*sought.shape, values, sought.hash);
      if (sought.slot == nullptr) continue;
      sought.slot->found = finds_;
    }
    for (Sought& sought : all) {
      if (sought.slot == nullptr) {
        if (sought.shape->rules.empty() || !rules_for(*sought.shape, values)) continue;
        sought.slot = make_slot(*sought.shape, values, sought.hash, now);
        if (sought.slot == nullptr) return Found::too_many_values;
      }
      sought.slot->found = finds_;
    }
    for (const Sought& sought : all) {
      if (sought.slot == nullptr) continue;
      for (Node* node = first_of(*sought.slot); node != nullptr; node = node->next.get()) {
        if (node->rule != nullptr) visit(node->counter);
      }
    }
    return Found::all;
  }

  // Calls `visit(values, Counter&)` for all counters there are; `values` are those of the
  // scope's parts, in their order.
  template <class Visit>
  void each(Visit&& visit) {
    each_of(0, slots_.size(), visit);
  }

  // The same for a part of them: `most` places from `first` on. Gives the next place, or 0 at the
  // end. Counters that come or go between two parts may be missed or met twice.
  template <class Visit>
  std::size_t each_of(std::size_t first, std::size_t most, Visit&& visit) {
    std::vector<std::string_view> values;
    const std::size_t end = first + std::min(most, slots_.size() - std::min(first, slots_.size()));
    for (std::size_t at = first; at < end; ++at) {
      Slot& slot = slots_[at];
      if (!slot.used) continue;
      values.clear();
      for (std::string_view rest = slot.key; !rest.empty();) values.push_back(take(rest));
      for (Node* node = first_of(slot); node != nullptr; node = node->next.get()) {
        if (node->rule != nullptr) visit(std::span<const std::string_view>(values), node->counter);
      }
    }
    return end < slots_.size() ? end : 0;
  }

  std::size_t size() const { return used_; }

 private:
  static constexpr std::size_t kLine = 64;  // of the processor's caches

  struct Node {
    Node(Rule& its) : rule(&its), counter(its) {}
    Rule* rule;  // null: it was removed
    std::unique_ptr<Node> next;
    Counter counter;
  };
  // The values and their first counter, which most have no second one beside, in one place.
  struct alignas(kLine) Slot {
    std::uint64_t hash = 0;
    std::uint64_t found = 0;  // the last call of `find` that met it: it isn't swept under it
    std::string key;  // the values, each behind its size
    std::uint32_t shape = 0;
    bool used = false;
    bool counted = false;  // there is a first counter
    union {
      Node first;
    };

    Slot() {}  // NOLINT: `first` comes later
    Slot(const Slot&) = delete;
    Slot& operator=(const Slot&) = delete;
    ~Slot() { forget(); }
    void forget() {
      if (counted) first.~Node();
      counted = false;
    }
  };
  struct Shape {
    std::uint32_t number = 0;
    std::vector<ScopePart> parts;  // without values
    std::unordered_map<std::string, std::vector<Rule*>> rules;  // by the values they name
  };
  struct Entry {
    std::uint64_t hash = 0;
    Slot* slot = nullptr;
  };
  struct Sought {
    Sought(Shape& its_shape, std::uint64_t its_hash) : shape(&its_shape), hash(its_hash) {}
    Shape* shape;
    std::uint64_t hash;
    Slot* slot = nullptr;
  };

  static Node* first_of(Slot& slot) { return slot.counted ? &slot.first : nullptr; }

  static void append(std::string& key, std::string_view value) {
    const auto size = static_cast<std::uint32_t>(value.size());
    key.append(reinterpret_cast<const char*>(&size), sizeof size);
    key.append(value);
  }
  static std::string_view take(std::string_view& key) {
    std::uint32_t size;
    std::memcpy(&size, key.data(), sizeof size);
    const std::string_view value = key.substr(sizeof size, size);
    key.remove_prefix(sizeof size + size);
    return value;
  }

  Shape& shape_of(const Scope& scope) {
    std::vector<ScopePart> parts = scope.parts();
    for (ScopePart& part : parts) part.value.clear();
    for (Shape& shape : shapes_) {
      if (shape.parts == parts) return shape;
    }
    Shape& shape = shapes_.emplace_back();
    shape.number = static_cast<std::uint32_t>(shapes_.size() - 1);
    shape.parts = std::move(parts);
    return shape;
  }

  // False: the request has no value in one of the dimensions.
  bool hash_of(const Shape& shape, const ScopeValues& values, std::uint64_t& hash) const {
    SeededHash seeded(seed_);
    seeded.add(shape.number);
    for (const ScopePart& part : shape.parts) {
      const std::string_view value = part.value_of(values);
      if (value.empty()) return false;
      seeded.add(value);
    }
    hash = seeded.value();
    return true;
  }

  static bool has_values(const Slot& slot, const Shape& shape, const ScopeValues& values) {
    std::string_view rest = slot.key;
    for (const ScopePart& part : shape.parts) {
      if (take(rest) != part.value_of(values)) return false;
    }
    return true;
  }

  Slot* look_up(const Shape& shape, const ScopeValues& values, std::uint64_t hash) const {
    if (entries_.empty()) return nullptr;
    const std::size_t mask = entries_.size() - 1;
    for (std::size_t at = hash & mask; entries_[at].slot != nullptr; at = (at + 1) & mask) {
      Slot* const slot = entries_[at].slot;
      if (entries_[at].hash == hash && slot->shape == shape.number &&
          has_values(*slot, shape, values)) {
        return slot;
      }
    }
    return nullptr;
  }

  // The slot that most likely is the one; what it holds isn't looked at.
  void prefetch_slot(std::uint64_t hash) const {
    if (entries_.empty()) return;
    const std::size_t mask = entries_.size() - 1;
    for (std::size_t at = hash & mask; entries_[at].slot != nullptr; at = (at + 1) & mask) {
      if (entries_[at].hash != hash) continue;
      const char* const slot = reinterpret_cast<const char*>(entries_[at].slot);
      for (std::size_t line = 0; line < sizeof(Slot); line += kLine) __builtin_prefetch(slot + line, 1);
      return;
    }
  }

  const std::vector<Rule*>* rules_for(const Shape& shape, const ScopeValues& values) const {
    std::string key;
    for (const ScopePart& part : shape.parts) {
      if (!part.each) append(key, part.value_of(values));
    }
    const auto found = shape.rules.find(key);
    return found == shape.rules.end() ? nullptr : &found->second;
  }

  static std::string exact_key(const Shape& shape, std::string_view key) {
    std::string exact;
    for (const ScopePart& part : shape.parts) {
      const std::string_view value = take(key);
      if (!part.each) append(exact, value);
    }
    return exact;
  }

  static void attach(Slot& slot, Rule& rule) {
    if (!slot.counted) {
      new (&slot.first) Node(rule);
      slot.counted = true;
      return;
    }
    std::unique_ptr<Node>* end = &slot.first.next;
    while (*end) end = &(*end)->next;
    *end = std::make_unique<Node>(rule);
  }

  template <class Time>
  Slot* make_slot(const Shape& shape, const ScopeValues& values, std::uint64_t hash, Time now) {
    if (used_ >= most_) sweep(now);
    if (used_ >= most_) return nullptr;
    if (free_.empty()) free_.push_back(&slots_.emplace_back());
    Slot* const slot = free_.back();
    free_.pop_back();
    slot->hash = hash;
    slot->shape = shape.number;
    slot->used = true;
    for (const ScopePart& part : shape.parts) append(slot->key, part.value_of(values));
    for (Rule* const rule : *rules_for(shape, values)) attach(*slot, *rule);
    ++used_;
    if (used_ * 2 > entries_.size()) {
      fill_entries(std::max<std::size_t>(64, std::bit_ceil(used_ * 4)));
    } else {
      put(slot);
    }
    return slot;
  }

  void put(Slot* slot) {
    const std::size_t mask = entries_.size() - 1;
    std::size_t at = slot->hash & mask;
    while (entries_[at].slot != nullptr) at = (at + 1) & mask;
    entries_[at] = {slot->hash, slot};
  }

  void fill_entries(std::size_t size) {
    entries_.assign(size, {});
    slots_.each([&](Slot& slot) {
      if (slot.used) put(&slot);
    });
  }

  // Forgets what is idle; not more often than the table could have filled up again.
  template <class Time>
  void sweep(Time now) {
    if (refused_since_sweep_++ % kSweepEvery != 0) return;
    slots_.each([&](Slot& slot) {
      if (!slot.used || slot.found == finds_ || !is_idle(slot, now)) return;
      slot.used = false;
      slot.key.clear();
      slot.forget();
      free_.push_back(&slot);
      --used_;
    });
    if (used_ < most_) {
      refused_since_sweep_ = 0;
      fill_entries(entries_.size());
    }
  }
  template <class Time>
  static bool is_idle(Slot& slot, Time now) {
    for (Node* node = first_of(slot); node != nullptr; node = node->next.get()) {
      if (!node->counter.idle(now)) return false;
    }
    return true;
  }

  static constexpr std::uint64_t kSweepEvery = 1'024;

  const std::uint64_t seed_;
  const std::size_t most_;
  std::deque<Shape> shapes_;
  WideList<Slot> slots_;
  std::vector<Slot*> free_;
  std::vector<Entry, WideAllocator<Entry>> entries_;  // open addressing, a power of two, at most half full
  std::size_t used_ = 0;
  std::uint64_t finds_ = 0;
  std::uint64_t refused_since_sweep_ = 0;
};

}  // namespace farebox
