#include "config/base/money.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>

namespace farebox {
namespace {

constexpr Int128 kMost = static_cast<Int128>(~UInt128(0) >> 1);
constexpr Int128 kLeast = -kMost - 1;

Int128 any_amount(std::mt19937_64& random, int bits) {
  const Int128 wide = static_cast<Int128>((UInt128(random()) << 64) | random());
  return wide >> (127 - bits);
}

TEST(Money, ParsesDecimals) {
  struct Row {
    const char* text;
    std::int64_t picodollars;
  };
  const Row rows[] = {
      {"0", 0},
      {"-0", 0},
      {"500", 500'000'000'000'000},
      {"0.013", 13'000'000'000},
      {"-1.5", -1'500'000'000'000},
      {"0.000000000001", 1},
      {"-0.000000000001", -1},
      {"00012.50", 12'500'000'000'000},
  };
  for (const Row& row : rows) {
    const Result<Money> money = Money::parse(row.text);
    ASSERT_TRUE(money) << row.text;
    EXPECT_TRUE(*money == Money::picodollars(row.picodollars)) << row.text;
  }
}

TEST(Money, RefusesWhatIsNoExactAmount) {
  for (const char* text :
       {"", "-", "+1", ".5", "5.", "1e3", "1,000", " 1", "1 ", "$1", "0.0000000000001", "--1",
        "1.2.3", "1234567890123456789", "NaN", "0x1"}) {
    EXPECT_FALSE(Money::parse(text)) << text;
  }
}

TEST(Money, WritesTheShortestDecimal) {
  EXPECT_EQ(Money().decimal(), "0");
  EXPECT_EQ(Money::dollars(-3).decimal(), "-3");
  EXPECT_EQ(Money::picodollars(12'500'000'000'000).decimal(), "12.5");
  EXPECT_EQ(Money::picodollars(123'000'000).decimal(), "0.000123");
  EXPECT_EQ(Money::picodollars(-1).decimal(), "-0.000000000001");
  EXPECT_EQ(Money::picodollars(kMost).decimal(), "170141183460469231731687303.715884105727");
  EXPECT_EQ(Money::picodollars(kLeast).decimal(), "-170141183460469231731687303.715884105728");
}

TEST(Money, RoundTripsThroughItsDecimal) {
  std::mt19937_64 random(1);
  for (int round = 0; round < 50'000; ++round) {
    // parse takes 18 digits before the point: up to 1e30 picodollars, 99 bits.
    const Money money = Money::picodollars(any_amount(random, 1 + round % 99));
    const std::string text = money.decimal();
    const Result<Money> back = Money::parse(text);
    ASSERT_TRUE(back) << text;
    EXPECT_TRUE(*back == money) << text;
    if (text.find('.') != std::string::npos) {
      EXPECT_NE(text.back(), '0') << text;
    }
  }
}

TEST(Money, AddsAndSubtractsExactly) {
  std::mt19937_64 random(2);
  for (int round = 0; round < 50'000; ++round) {
    const Int128 x = any_amount(random, 125);
    const Int128 y = any_amount(random, 125);
    const Money a = Money::picodollars(x);
    const Money b = Money::picodollars(y);
    EXPECT_TRUE((a + b).picodollars() == x + y);
    EXPECT_TRUE(a + b == b + a);
    EXPECT_TRUE(a + b - b == a);
    EXPECT_TRUE((a - b).picodollars() == x - y);
    EXPECT_EQ(a < b, x < y);
    Money sum = a;
    sum += b;
    sum -= a;
    EXPECT_TRUE(sum == b);
  }
}

// Above the 9.2 million dollars at which 64 bits end.
TEST(Money, SumsPastSixtyFourBits) {
  Money sum;
  for (int i = 0; i < 1'000; ++i) sum += Money::dollars(9'000'000);
  EXPECT_EQ(sum.decimal(), "9000000000");
  EXPECT_TRUE(Money::dollars(INT64_MAX) > Money::dollars(INT64_MAX - 1));
}

TEST(MoneyDeathTest, OverflowStopsTheProgram) {
  testing::FLAGS_gtest_death_test_style = "threadsafe";
  EXPECT_DEATH(Money::picodollars(kMost) + Money::picodollars(1), "CHECK failed");
  EXPECT_DEATH(Money::picodollars(kLeast) - Money::picodollars(1), "CHECK failed");
}

}  // namespace
}  // namespace farebox
