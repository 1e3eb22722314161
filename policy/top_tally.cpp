#include "policy/top_tally.hpp"

#include <algorithm>
#include <bit>
#include <cstring>

namespace farebox {

TopTally::TopTally(By by, std::size_t size) : by_(by), size_(std::max<std::size_t>(size, 1)) {
  places_.reserve(size_);
  heap_.reserve(size_);
  table_.assign(std::bit_ceil(size_ * 2), kNobody);
}

void TopTally::count(const Digest& key, std::string_view name, Money saved) {
  const Int128 weight = by_ == By::hits ? 1 : saved.picodollars();
  if (weight <= 0) return;
  std::uint32_t at = find(key);
  if (at == kNobody) {
    if (places_.size() < size_) {
      at = static_cast<std::uint32_t>(places_.size());
      Place& place = places_.emplace_back();
      place.in_heap = at;
      heap_.push_back(at);
      // It weighs nothing yet, so its place in the heap is on top.
      for (std::uint32_t child = at; child != 0;) {
        const std::uint32_t parent = (child - 1) / 2;
        std::swap(heap_[child], heap_[parent]);
        places_[heap_[child]].in_heap = child;
        places_[heap_[parent]].in_heap = parent;
        child = parent;
      }
    } else {
      at = heap_.front();
      leave(at);
    }
    Row& row = places_[at].row;
    row.key = key;
    row.hits = 0;
    row.saved = Money();
    row.name_size = static_cast<std::uint8_t>(std::min(name.size(), kMostName));
    std::memcpy(row.name.data(), name.data(), row.name_size);
    enter(at);
  }
  Place& place = places_[at];
  place.weight += weight;
  ++place.row.hits;
  place.row.saved += saved;
  sink(place.in_heap);
}

std::vector<TopTally::Row> TopTally::top(std::size_t most) const {
  std::vector<Row> rows;
  rows.reserve(places_.size());
  for (const Place& place : places_) rows.push_back(place.row);
  const auto heavier = [&](const Row& a, const Row& b) {
    if (by_ == By::saved && a.saved != b.saved) return a.saved > b.saved;
    return a.hits != b.hits ? a.hits > b.hits : a.key < b.key;
  };
  const std::size_t kept = std::min(most, rows.size());
  std::partial_sort(rows.begin(), rows.begin() + static_cast<std::ptrdiff_t>(kept), rows.end(), heavier);
  rows.resize(kept);
  return rows;
}

// A digest's octets are as good as a hash.
std::size_t TopTally::hash_of(const Digest& key) {
  std::size_t hash;
  std::memcpy(&hash, key.data(), sizeof hash);
  return hash;
}

std::uint32_t TopTally::find(const Digest& key) const {
  const std::size_t mask = table_.size() - 1;
  for (std::size_t at = hash_of(key) & mask; table_[at] != kNobody; at = (at + 1) & mask) {
    if (places_[table_[at]].row.key == key) return table_[at];
  }
  return kNobody;
}

void TopTally::enter(std::uint32_t place) {
  const std::size_t mask = table_.size() - 1;
  std::size_t at = hash_of(places_[place].row.key) & mask;
  while (table_[at] != kNobody) at = (at + 1) & mask;
  table_[at] = place;
}

// Closes the gap, so that a search needs no marks of those that left.
void TopTally::leave(std::uint32_t place) {
  const std::size_t mask = table_.size() - 1;
  std::size_t gap = hash_of(places_[place].row.key) & mask;
  while (table_[gap] != place) gap = (gap + 1) & mask;
  for (std::size_t at = (gap + 1) & mask; table_[at] != kNobody; at = (at + 1) & mask) {
    const std::size_t home = hash_of(places_[table_[at]].row.key) & mask;
    if (((at - home) & mask) < ((at - gap) & mask)) continue;
    table_[gap] = table_[at];
    gap = at;
  }
  table_[gap] = kNobody;
}

void TopTally::sink(std::uint32_t at) {
  for (;;) {
    std::uint32_t least = at;
    for (std::uint32_t child = 2 * at + 1; child <= 2 * at + 2 && child < heap_.size(); ++child) {
      if (places_[heap_[child]].weight < places_[heap_[least]].weight) least = child;
    }
    if (least == at) return;
    std::swap(heap_[at], heap_[least]);
    places_[heap_[at]].in_heap = at;
    places_[heap_[least]].in_heap = least;
    at = least;
  }
}

}  // namespace farebox
