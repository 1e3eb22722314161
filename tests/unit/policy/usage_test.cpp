#include "policy/usage.hpp"

#include <gtest/gtest.h>

#include <limits>
#include <random>

namespace farebox {
namespace {

constexpr Tokens kHuge = std::numeric_limits<Tokens>::max();

void expect_fits(const Usage& usage) {
  EXPECT_LE(usage.cached_input, usage.input);
  EXPECT_LE(usage.cache_write, usage.input - usage.cached_input);
  EXPECT_LE(usage.cache_write_1h, usage.cache_write);
  EXPECT_LE(usage.tool_use_input, usage.input);
  EXPECT_LE(usage.audio_input, usage.input);
  EXPECT_LE(usage.image_input, usage.input);
  EXPECT_LE(usage.reasoning, usage.output);
  EXPECT_LE(usage.audio_output, usage.output);
  EXPECT_LE(usage.image_output, usage.output);
}

bool same_counts(const Usage& a, const Usage& b) {
  return a.input == b.input && a.output == b.output && a.cached_input == b.cached_input &&
         a.cache_write == b.cache_write && a.cache_write_1h == b.cache_write_1h &&
         a.tool_use_input == b.tool_use_input && a.audio_input == b.audio_input &&
         a.image_input == b.image_input && a.reasoning == b.reasoning &&
         a.audio_output == b.audio_output && a.image_output == b.image_output;
}

Tokens any_count(std::mt19937_64& random) {
  switch (random() % 4) {
    case 0: return 0;
    case 1: return random() % 10;
    case 2: return kHuge - random() % 3;
    default: return random();
  }
}

// Grok on Azure hides its system prompt from the input but not from the cached part.
TEST(Usage, ClampsPartsThatExceedTheirWhole) {
  Usage usage;
  usage.input = 7;
  usage.cached_input = 161;
  usage.cache_write = 5;
  usage.output = 10;
  usage.reasoning = 11;
  usage.clamp_parts();
  EXPECT_EQ(usage.input, 7u);
  EXPECT_EQ(usage.cached_input, 7u);
  EXPECT_EQ(usage.cache_write, 0u);
  EXPECT_EQ(usage.reasoning, 10u);
}

TEST(Usage, ClampLeavesWhatFits) {
  Usage usage;
  usage.input = 100;
  usage.cached_input = 60;
  usage.cache_write = 40;
  usage.cache_write_1h = 40;
  usage.audio_input = 100;
  usage.output = 1;
  usage.image_output = 1;
  const Usage before = usage;
  usage.clamp_parts();
  EXPECT_TRUE(same_counts(usage, before));
}

TEST(Usage, ClampHoldsForAnyNumbersAndIsIdempotent) {
  std::mt19937_64 random(20261121);
  for (int round = 0; round < 20'000; ++round) {
    Usage usage;
    usage.input = any_count(random);
    usage.output = any_count(random);
    for (Tokens* part : {&usage.cached_input, &usage.cache_write, &usage.cache_write_1h,
                         &usage.tool_use_input, &usage.audio_input, &usage.image_input,
                         &usage.reasoning, &usage.audio_output, &usage.image_output}) {
      *part = any_count(random);
    }
    const Usage before = usage;
    usage.clamp_parts();
    expect_fits(usage);
    EXPECT_EQ(usage.input, before.input);
    EXPECT_EQ(usage.output, before.output);
    EXPECT_LE(usage.cached_input, before.cached_input);
    EXPECT_LE(usage.cache_write, before.cache_write);
    const Usage once = usage;
    usage.clamp_parts();
    EXPECT_TRUE(same_counts(usage, once));
  }
}

}  // namespace
}  // namespace farebox
