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
  EXPECT_EQ(ratio.lessons(), 0u);
  EXPECT_GT(ratio.estimate(~0ull / 2), ~0ull / 2);
  EXPECT_EQ(ratio.estimate(~0ull), ~0ull);
}

TEST(TokenRatio, ALiarInTenMovesItLittle) {
  TokenRatio ratio(family());
  for (int i = 0; i < 2'000; ++i) {
    ratio.learn(i % 10 == 9 ? 100'000 : 1000, i % 10 == 9 ? 1'000'000 : 1300);
    EXPECT_LT(ratio.ratio(), 1700u) << i;
  }
  TokenRatio honest(family());
  for (int i = 0; i < 2'000; ++i) honest.learn(1000, i % 100 == 99 ? 9'000 : 1300);
  EXPECT_NEAR(honest.ratio(), 1300, 20);
}

TEST(TokenRatio, StaysNearItsFamilyWhateverIsReported) {
  TokenRatio high(family()), low(family());
  for (int i = 0; i < 10'000; ++i) {
    high.learn(1000, 10'000);
    low.learn(1000, 100);
  }
  EXPECT_EQ(high.ratio(), 3600u);
  EXPECT_EQ(low.ratio(), 400u);
  // And comes back once it hears the truth.
  for (int i = 0; i < 10'000; ++i) high.learn(1000, 1250);
  EXPECT_NEAR(high.ratio(), 1250, 5);
}

TEST(TokenRatio, NineInTenAreWithinItsError) {
  TokenRatio ratio(family());
  std::uint64_t noise = 1, within = 0;
  for (int i = 0; i < 20'000; ++i) {
    noise = noise * 6364136223846793005ull + 1442695040888963407ull;
    const std::uint64_t reported = 1300 + (noise >> 33) % 400 - 200;  // evenly within 15 %
    const std::uint64_t told = ratio.estimate(1000);
    const std::uint64_t off = told > reported ? told - reported : reported - told;
    if (i >= 10'000) within += off * 1000 <= ratio.error() * reported;
    ratio.learn(1000, reported);
  }
  EXPECT_NEAR(static_cast<double>(within), 9'000.0, 300.0);
}

TEST(TokenRatio, GoesOnFromItsState) {
  TokenRatio ratio(family());
  for (int i = 0; i < 5'000; ++i) ratio.learn(700, 900);
  TokenRatio again(family(), ratio.state());
  EXPECT_EQ(again.state(), ratio.state());
  // What can't be is drawn into what can.
  EXPECT_EQ(TokenRatio(family(), {0, 0, 0, 0}).ratio(), 1200u);
  EXPECT_EQ(TokenRatio(family(), {~0ull, ~0ull, 0, 0}).ratio(), 1200u);
  EXPECT_EQ(TokenRatio(family(), {5'000, ~0ull, ~0u, 3}).ratio(), 3600u);
  EXPECT_EQ(TokenRatio(family(), {5'000, 0, 0, 3}).ratio(), 400u);
}

}  // namespace
}  // namespace farebox
