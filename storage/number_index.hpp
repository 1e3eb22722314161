// NumberIndex: the number of an entry that is kept elsewhere, found by the entry's hash.
//
// Open addressing in one array, because sums are looked up for every record: a hit costs
// one cache line here, and nothing is allocated unless the array grows.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace farebox {

// The seed differs from start to start: names come from clients, and one who could
// choose colliding names would make every look-up slow.
std::uint64_t hash_of_name(std::string_view name);

// Adds one more part to the hash of a tuple. Start with 0.
inline std::uint64_t mix_hash(std::uint64_t hash, std::uint64_t part) {
  hash = (hash ^ part) * 0x9e37'79b9'7f4a'7c15U;
  return hash ^ (hash >> 29);
}

class NumberIndex {
 public:
  static constexpr std::uint32_t kNone = ~std::uint32_t{0};

  std::size_t size() const { return size_; }

  // The entry of that hash for which `same(number)` holds; else kNone.
  template <class Same>
  std::uint32_t find(std::uint64_t hash, const Same& same) const {
    if (slots_.empty()) return kNone;
    const std::uint32_t tag = tag_of(hash);
    const std::size_t mask = slots_.size() - 1;
    for (std::size_t place = tag & mask;; place = (place + 1) & mask) {
      const Slot& slot = slots_[place];
      if (slot.number == kNone) return kNone;
      if (slot.tag == tag && same(slot.number)) return slot.number;
    }
  }

  // Precondition: it isn't there yet, and `number` isn't kNone.
  void add(std::uint64_t hash, std::uint32_t number) {
    if (2 * (size_ + 1) > slots_.size()) grow();
    put({tag_of(hash), number});
    ++size_;
  }

 private:
  struct Slot {
    std::uint32_t tag = 0;
    std::uint32_t number = kNone;
  };

  // The upper half: multiplication mixes it better than the lower.
  static std::uint32_t tag_of(std::uint64_t hash) { return static_cast<std::uint32_t>(hash >> 32); }

  void put(Slot slot) {
    const std::size_t mask = slots_.size() - 1;
    std::size_t place = slot.tag & mask;
    while (slots_[place].number != kNone) place = (place + 1) & mask;
    slots_[place] = slot;
  }

  void grow() {
    std::vector<Slot> old(slots_.empty() ? 16 : 2 * slots_.size());  // a power of two
    old.swap(slots_);
    for (const Slot& slot : old) {
      if (slot.number != kNone) put(slot);
    }
  }

  std::vector<Slot> slots_;
  std::size_t size_ = 0;
};

}  // namespace farebox
