#include "proxy/dialect/share_out.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <numeric>
#include <random>

namespace farebox {
namespace {

using testing::ElementsAre;
using Weights = std::vector<std::uint64_t>;

TEST(ShareOut, GoesByTheLargestRemainders) {
  EXPECT_THAT(share_out(10, Weights{8, 2}), ElementsAre(8, 2));
  EXPECT_THAT(share_out(10, Weights{1, 1, 1}), ElementsAre(4, 3, 3));
  EXPECT_THAT(share_out(10, Weights{0, 0, 0}), ElementsAre(4, 3, 3));
  EXPECT_THAT(share_out(5, Weights{1, 100, 2}), ElementsAre(0, 5, 0));
  EXPECT_THAT(share_out(7, Weights{0, 3, 4}), ElementsAre(0, 3, 4));
  EXPECT_THAT(share_out(0, Weights{1, 2}), ElementsAre(0, 0));
  EXPECT_THAT(share_out(1, Weights{1, 2}), ElementsAre(0, 1));
  EXPECT_TRUE(share_out(1, Weights{}).empty());
  const std::uint64_t most = ~0ull;
  EXPECT_THAT(share_out(most, Weights{most, most}), ElementsAre(most / 2 + 1, most / 2));
}

TEST(ShareOut, GivesEachSomethingWhereThereIsEnough) {
  EXPECT_THAT(share_to_each(5, Weights{1, 100, 2}), ElementsAre(1, 3, 1));
  EXPECT_THAT(share_to_each(3, Weights{0, 100, 0}), ElementsAre(1, 1, 1));
  EXPECT_THAT(share_to_each(2, Weights{0, 100, 0}), ElementsAre(0, 2, 0));
  EXPECT_THAT(share_to_each(100, Weights{0, 50, 50}), ElementsAre(1, 49, 50));
  EXPECT_THAT(share_to_each(10, Weights{8, 2}), ElementsAre(8, 2));
}

TEST(ShareOut, SharesNumbersAsTheyAreWritten) {
  const Weights two{1, 1}, three{1, 1, 1};
  EXPECT_THAT(*share_number("12", two), ElementsAre("6", "6"));
  EXPECT_THAT(*share_number("13", two), ElementsAre("7", "6"));
  EXPECT_THAT(*share_number("25.0", two), ElementsAre("13.0", "12.0"));
  EXPECT_THAT(*share_number("0", two), ElementsAre("0", "0"));
  EXPECT_THAT(*share_number("0.0", two), ElementsAre("0.0", "0.0"));
  EXPECT_THAT(*share_number("8e-7", two), ElementsAre("0.0000004", "0.0000004"));
  EXPECT_THAT(*share_number("0.1", three), ElementsAre("0.0333334", "0.0333333", "0.0333333"));
  EXPECT_THAT(*share_number("1.5", two), ElementsAre("0.75", "0.75"));
  EXPECT_THAT(*share_number("2E+2", two), ElementsAre("100", "100"));
  EXPECT_THAT(*share_number("0.000000028", Weights{3, 1}), ElementsAre("0.000000021", "0.000000007"));
  EXPECT_THAT(*share_number("8e-7", Weights{5}), ElementsAre("8e-7"));
  for (const char* number : {"-1", "-0", "1e99", "1e-99", "1234567890123456789012", "0.1234567890123456789",
                             "", ".5", "1.", "x", "1e", "1e400000000000"}) {
    EXPECT_FALSE(share_number(number, two)) << number;
  }
}

TEST(ShareOut, PartsAlwaysSumUp) {
  std::mt19937_64 random(7);
  for (int round = 0; round < 500; ++round) {
    Weights weights(1 + random() % 70);
    for (std::uint64_t& weight : weights) weight = random() % 3 == 0 ? random() % 5 : random() >> (random() % 64);
    const std::uint64_t total = random() >> (random() % 64);
    for (const auto& parts : {share_out(total, weights), share_to_each(total, weights)}) {
      EXPECT_EQ(std::accumulate(parts.begin(), parts.end(), std::uint64_t{0}), total);
    }
    const auto each = share_to_each(total, weights);
    if (total >= weights.size()) {
      EXPECT_EQ(std::count(each.begin(), each.end(), 0u), 0);
    }
    // A detail, shared by the parts of its whole, is never more than the part.
    const std::uint64_t detail = total == 0 ? 0 : random() % (total + (total != ~0ull));
    const auto details = share_out(detail, each);
    for (std::size_t i = 0; i < each.size() && total != 0; ++i) EXPECT_LE(details[i], each[i]);

    const std::string cost = "0.0000" + std::to_string(random() % 100'000'000);
    const auto costs = share_number(cost, weights);
    ASSERT_TRUE(costs) << cost;
    std::uint64_t digits = 0;
    for (const std::string& part : *costs) {
      // To 18 digits behind the point.
      const std::string padded = part.find('.') == std::string::npos ? part + "." : part;
      std::string behind = padded.substr(padded.find('.') + 1);
      ASSERT_LE(behind.size(), 18u);
      behind.resize(18, '0');
      digits += std::stoull(behind);
    }
    std::string behind = cost.substr(2);
    behind.resize(18, '0');
    EXPECT_EQ(digits, std::stoull(behind)) << cost;
  }
}

}  // namespace
}  // namespace farebox
