#include "proxy/latencies.hpp"

#include <gtest/gtest.h>

namespace farebox {
namespace {

using namespace std::chrono_literals;

const SteadyTime kStart{1h};

// Of a provider known for its small model a large one was taken for fast, and nobody asked.
TEST(Latencies, OneModelSaysNothingAboutAnother) {
  Latencies latencies;
  latencies.add("small", 100ms);
  EXPECT_EQ(latencies.of("small", kStart).latency, 100ms);
  EXPECT_EQ(latencies.of("large", kStart).latency, std::nullopt);
  EXPECT_EQ(latencies.of_all(), 100ms);
}

TEST(Latencies, EachIsTheMeanOfItsOwn) {
  Latencies latencies;
  latencies.add("small", 100ms);
  latencies.add("large", 900ms);
  EXPECT_EQ(latencies.of("large", kStart).latency, 900ms);
  EXPECT_EQ(latencies.of("small", kStart).latency, 100ms);
  EXPECT_EQ(latencies.of_all(), 200ms);
}

TEST(Latencies, WhatNobodyKnowsIsExploredNowAndThen) {
  Latencies latencies;
  EXPECT_FALSE(latencies.of("m", kStart).explored);
  latencies.note_begin("m", kStart);
  EXPECT_TRUE(latencies.of("m", kStart + 1s).explored);
  EXPECT_FALSE(latencies.of("m", kStart + Latencies::kExploreEvery).explored);
  latencies.add("m", 50ms);
  latencies.note_begin("m", kStart + 20s);
  EXPECT_FALSE(latencies.of("m", kStart + 21s).explored);
  EXPECT_EQ(latencies.of("m", kStart + 21s).latency, 50ms);
}

TEST(Latencies, NamesThatCallersMakeUpTakeNoPlaceForGood) {
  Latencies latencies;
  for (int i = 0; i < 100'000; ++i) latencies.note_begin("junk-" + std::to_string(i), kStart);
  for (std::size_t i = 0; i < Latencies::kMostModels; ++i) {
    latencies.add("real-" + std::to_string(i), 10ms);
  }
  EXPECT_EQ(latencies.of("real-0", kStart).latency, 10ms);
  // There is no room for more: they are judged by the mean of all.
  latencies.note_begin("more", kStart);
  EXPECT_EQ(latencies.of("more", kStart).latency, 10ms);
}

}  // namespace
}  // namespace farebox
