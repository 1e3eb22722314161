#include "policy/tokens/token_ratio.hpp"

#include <gtest/gtest.h>

namespace farebox {
namespace {

TokenizerOf family() { return {"anthropic", Encoding::o200k_base, false, 1200, 250}; }

TEST(TokenRatio, BeginsWithItsFamily) {
  const TokenRatio ratio(family());
  EXPECT_EQ(ratio.estimate(0), 0u);
  EXPECT_EQ(ratio.estimate(1000), 1200u);
  EXPECT_EQ(ratio.ratio(), 1200u);
  EXPECT_EQ(ratio.error(), 250u);
}

TEST(TokenRatio, LearnsFromWhatIsReported) {
  TokenRatio ratio(family());
  for (int i = 0; i < 200; ++i) ratio.learn(1000, 1350);
  EXPECT_NEAR(ratio.ratio(), 1350, 3);
  EXPECT_LT(ratio.error(), 10u);
  // It follows a provider that changes its tokenizer.
  for (int i = 0; i < 20'000; ++i) ratio.learn(1000, 1100);
  EXPECT_NEAR(ratio.ratio(), 1100, 5);
}

TEST(TokenRatio, DoesNotBelieveWhatCantBe) {
  TokenRatio ratio(family());
  for (const auto& [counted, reported] : {std::pair<std::uint64_t, std::uint64_t>{0, 5}, {5, 0}, {1, 1000},
                                          {1000, 1}, {~0ull, ~0ull}, {1, ~0ull}}) {
    ratio.learn(counted, reported);
  }
  EXPECT_EQ(ratio.ratio(), 1200u);
  EXPECT_GT(ratio.estimate(~0ull / 2), ~0ull / 2);
}

}  // namespace
}  // namespace farebox
