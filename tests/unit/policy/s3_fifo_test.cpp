#include "policy/s3_fifo.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <map>
#include <random>

#include "tests/support/cache_policies.hpp"

namespace farebox {
namespace {

using testing::Item;
using testing::TraceShape;

// As std::hash of a number is the number itself.
struct MixedHash {
  std::size_t operator()(Item item) const { return item * 0x9E3779B97F4A7C15ull ^ item >> 29; }
};
using Fifo = S3Fifo<Item, int, MixedHash>;

TEST(S3Fifo, WhatIsSeenOnceGoesFirst) {
  Fifo fifo;
  for (Item item = 0; item < 10; ++item) fifo.insert(item, static_cast<int>(item), 10);
  EXPECT_EQ(fifo.octets(), 100u);
  for (int use = 0; use < 2; ++use) {
    EXPECT_NE(fifo.find(0), nullptr);
    EXPECT_NE(fifo.find(1), nullptr);
  }
  EXPECT_EQ(fifo.evict(), 2);
  EXPECT_EQ(fifo.evict(), 3);
  EXPECT_NE(fifo.peek(0), nullptr);
  EXPECT_NE(fifo.peek(1), nullptr);
  EXPECT_EQ(fifo.octets(), 80u);
}

TEST(S3Fifo, WhatComesAgainSoonIsTakenForGood) {
  Fifo fifo;
  for (Item item = 0; item < 10; ++item) fifo.insert(item, static_cast<int>(item), 10);
  EXPECT_EQ(fifo.evict(), 0);
  fifo.insert(0, 100, 10);  // into the main queue
  for (Item item = 20; item < 28; ++item) fifo.insert(item, 1, 10);
  for (int i = 0; i < 15; ++i) EXPECT_NE(fifo.evict(), 100);
  EXPECT_NE(fifo.peek(0), nullptr);
}

TEST(S3Fifo, TheSameKeyIsReplacedWhereItIs) {
  Fifo fifo;
  EXPECT_EQ(fifo.insert(7, 1, 10), std::nullopt);
  EXPECT_EQ(fifo.insert(7, 2, 25), 1);
  EXPECT_EQ(fifo.octets(), 25u);
  EXPECT_EQ(fifo.entries(), 1u);
  EXPECT_EQ(fifo.erase(7), 2);
  EXPECT_EQ(fifo.erase(7), std::nullopt);
  EXPECT_EQ(fifo.octets(), 0u);
  EXPECT_EQ(fifo.evict(), std::nullopt);
}

TEST(S3Fifo, AgreesWithAMapWhateverHappens) {
  std::mt19937_64 random(3);
  Fifo fifo;
  std::map<Item, std::pair<int, std::uint64_t>> model;
  for (int step = 0; step < 200'000; ++step) {
    const Item item = random() % 300;
    switch (random() % 6) {
      case 0:
      case 1: {
        const std::uint64_t octets = 1 + random() % 50;
        fifo.insert(item, step, octets);
        model[item] = {step, octets};
        break;
      }
      case 2: EXPECT_EQ(fifo.erase(item).has_value(), model.erase(item) == 1); break;
      case 3:
        if (const auto gone = fifo.evict()) {
          EXPECT_EQ(std::erase_if(model, [&](const auto& entry) { return entry.second.first == *gone; }), 1u);
        } else {
          EXPECT_TRUE(model.empty());
        }
        break;
      default: {
        const int* const found = fifo.find(item);
        const auto meant = model.find(item);
        ASSERT_EQ(found != nullptr, meant != model.end());
        if (found != nullptr) {
          EXPECT_EQ(*found, meant->second.first);
        }
      }
    }
    std::uint64_t octets = 0;
    if (step % 1'000 == 0) {
      for (const auto& [key, entry] : model) octets += entry.second;
      EXPECT_EQ(fifo.octets(), octets);
    }
    ASSERT_EQ(fifo.entries(), model.size());
  }
}

template <class Policy>
double hit_rate(Policy&& policy, const std::vector<Item>& trace) {
  std::size_t hits = 0;
  for (const Item item : trace) hits += policy.access(item) ? 1 : 0;
  return 100.0 * static_cast<double>(hits) / static_cast<double>(trace.size());
}

struct Ours {
  explicit Ours(std::size_t most) : most_(most) {}
  bool access(Item item) {
    if (fifo_.find(item) != nullptr) return true;
    while (fifo_.entries() >= most_) fifo_.evict();
    fifo_.insert(item, 0, 1);
    return false;
  }
  const std::size_t most_;
  Fifo fifo_;
};

// The figure: within one point of the best of three.
TEST(S3Fifo, HitsAsOftenAsTheBestOnZipfTraces) {
  for (const double alpha : {0.7, 0.8, 0.9, 1.0, 1.1}) {
    for (const std::size_t scan : {0u, 4'000u}) {
      const TraceShape shape{alpha, 20'000, 100'000, scan, 20'000};
      const auto trace = testing::make_trace(shape, 11);
      for (const std::size_t most : {200u, 2'000u}) {
        const double ours = hit_rate(Ours(most), trace);
        const double lru = hit_rate(testing::LruPolicy(most), trace);
        const double fifo = hit_rate(testing::S3FifoPolicy(most), trace);
        const double lfu = hit_rate(testing::TinyLfuPolicy(most), trace);
        fmt::print("zipf {:.1f} scan {:5} places {:5}: ours {:5.2f} %  LRU {:5.2f}  S3-FIFO {:5.2f}"
                   "  W-TinyLFU {:5.2f}\n", alpha, scan, most, ours, lru, fifo, lfu);
        EXPECT_GE(ours, std::max({lru, fifo, lfu}) - 1.0);
      }
    }
  }
}

}  // namespace
}  // namespace farebox
