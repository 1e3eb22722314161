// What others do with a cache that is full: LRU, S3-FIFO and W-TinyLFU as their papers say it,
// for entries of one size. A second opinion for tests, not for use.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <deque>
#include <list>
#include <random>
#include <unordered_map>
#include <unordered_set>
#include <vector>

namespace farebox::testing {

using Item = std::uint64_t;

// Each `access` says whether it was a hit; a miss puts the item in, if the policy likes it.
class LruPolicy {
 public:
  explicit LruPolicy(std::size_t most) : most_(most) {}
  bool access(Item item) {
    if (const auto found = places_.find(item); found != places_.end()) {
      order_.splice(order_.begin(), order_, found->second);
      return true;
    }
    if (order_.size() >= most_) {
      places_.erase(order_.back());
      order_.pop_back();
    }
    order_.push_front(item);
    places_[item] = order_.begin();
    return false;
  }

 private:
  const std::size_t most_;
  std::list<Item> order_;
  std::unordered_map<Item, std::list<Item>::iterator> places_;
};

// Yang, Zhang, Qiu, Yue, Rashmi: FIFO queues are all you need for cache eviction (SOSP 2023).
class S3FifoPolicy {
 public:
  explicit S3FifoPolicy(std::size_t most)
      : most_(most), most_small_(std::max<std::size_t>(1, most / 10)) {}
  bool access(Item item) {
    if (const auto found = counts_.find(item); found != counts_.end()) {
      found->second = std::min(3, found->second + 1);
      return true;
    }
    while (counts_.size() >= most_) evict();
    if (ghost_.contains(item)) {
      ghost_.erase(item);
      main_.push_front(item);
    } else {
      small_.push_front(item);
    }
    counts_[item] = 0;
    return false;
  }

 private:
  void evict() {
    if (small_.size() >= most_small_ || main_.empty()) return evict_small();
    evict_main();
  }
  void evict_small() {
    while (!small_.empty()) {
      const Item item = small_.back();
      small_.pop_back();
      if (counts_[item] > 1) {
        counts_[item] = 0;
        main_.push_front(item);
        continue;
      }
      counts_.erase(item);
      if (ghost_.insert(item).second) ghost_order_.push_front(item);
      while (ghost_order_.size() > most_ - most_small_) {
        ghost_.erase(ghost_order_.back());
        ghost_order_.pop_back();
      }
      return;
    }
    evict_main();
  }
  void evict_main() {
    while (!main_.empty()) {
      const Item item = main_.back();
      main_.pop_back();
      if (counts_[item] > 0) {
        --counts_[item];
        main_.push_front(item);
        continue;
      }
      counts_.erase(item);
      return;
    }
  }

  const std::size_t most_, most_small_;
  std::deque<Item> small_, main_, ghost_order_;
  std::unordered_map<Item, int> counts_;
  std::unordered_set<Item> ghost_;
};

// Einziger, Friedman, Manes: TinyLFU (2017). A window of 1 %, a segmented LRU of 80 % protected,
// four rows of counters up to 15 that are halved after ten accesses a place.
class TinyLfuPolicy {
 public:
  explicit TinyLfuPolicy(std::size_t most)
      : most_window_(std::max<std::size_t>(1, most / 100)),
        most_main_(most - most_window_),
        most_protected_(most_main_ * 8 / 10),
        halve_after_(10 * most) {
    std::size_t width = 16;
    while (width < most) width *= 2;
    for (auto& row : rows_) row.assign(width, 0);
  }
  bool access(Item item) {
    count(item);
    const auto found = places_.find(item);
    if (found == places_.end()) {
      window_.push_front(item);
      places_[item] = {&window_, window_.begin()};
      if (window_.size() > most_window_) leave_window();
      return false;
    }
    Place& place = found->second;
    if (place.list == &probation_) {
      move(item, protected_);
      if (protected_.size() > most_protected_) move(protected_.back(), probation_);
    } else {
      place.list->splice(place.list->begin(), *place.list, place.at);
    }
    return true;
  }

 private:
  using List = std::list<Item>;
  struct Place {
    List* list;
    List::iterator at;
  };

  void move(Item item, List& to) {
    Place& place = places_[item];
    to.splice(to.begin(), *place.list, place.at);
    place.list = &to;
  }
  void leave_window() {
    const Item candidate = window_.back();
    if (probation_.size() + protected_.size() < most_main_) return move(candidate, probation_);
    const Item victim = probation_.empty() ? protected_.back() : probation_.back();
    const Item loser = frequency(candidate) > frequency(victim) ? victim : candidate;
    if (loser == victim) move(candidate, probation_);
    Place& place = places_[loser];
    place.list->erase(place.at);
    places_.erase(loser);
  }
  std::size_t place_of(Item item, std::size_t row) const {
    Item mixed = (item + row * 0x9E3779B97F4A7C15ull) * 0xBF58476D1CE4E5B9ull;
    mixed ^= mixed >> 31;
    mixed *= 0x94D049BB133111EBull;
    return (mixed >> 20) & (rows_[0].size() - 1);
  }
  int frequency(Item item) const {
    int least = 15;
    for (std::size_t row = 0; row < 4; ++row) {
      least = std::min<int>(least, rows_[row][place_of(item, row)]);
    }
    return least;
  }
  void count(Item item) {
    const int now = frequency(item);
    if (now < 15) {
      for (std::size_t row = 0; row < 4; ++row) {
        auto& counter = rows_[row][place_of(item, row)];
        if (counter == now) ++counter;
      }
    }
    if (++counted_ < halve_after_) return;
    counted_ /= 2;
    for (auto& row : rows_) {
      for (auto& counter : row) counter = static_cast<std::uint8_t>(counter / 2);
    }
  }

  const std::size_t most_window_, most_main_, most_protected_, halve_after_;
  std::size_t counted_ = 0;
  std::array<std::vector<std::uint8_t>, 4> rows_;
  List window_, probation_, protected_;
  std::unordered_map<Item, Place> places_;
};

// Items drawn by Zipf's law with `alpha` from `items`; every `scan_every`-th stretch of
// `scan` accesses is a walk over items that never come again (0: none).
struct TraceShape {
  double alpha = 1.0;
  std::size_t items = 100'000;
  std::size_t accesses = 1'000'000;
  std::size_t scan = 0, scan_every = 0;
};

inline std::vector<Item> make_trace(const TraceShape& shape, std::uint64_t seed) {
  std::vector<double> sums(shape.items);
  double sum = 0;
  for (std::size_t i = 0; i < shape.items; ++i) {
    sum += 1.0 / std::pow(static_cast<double>(i + 1), shape.alpha);
    sums[i] = sum;
  }
  std::mt19937_64 random(seed);
  std::vector<Item> trace;
  trace.reserve(shape.accesses);
  Item never_again = Item{1} << 40;
  while (trace.size() < shape.accesses) {
    if (shape.scan_every != 0 && trace.size() % shape.scan_every < shape.scan) {
      trace.push_back(never_again++);
      continue;
    }
    const double at = static_cast<double>(random() >> 11) * 0x1.0p-53 * sum;
    trace.push_back(static_cast<Item>(std::lower_bound(sums.begin(), sums.end(), at) - sums.begin()));
  }
  return trace;
}

}  // namespace farebox::testing
