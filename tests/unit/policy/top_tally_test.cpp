#include "policy/top_tally.hpp"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <string>

namespace farebox {
namespace {

Digest key_of(int number) { return sha256(std::to_string(number)); }
Money cents(int amount) { return Money::picodollars(Int128(amount) * 10'000'000'000); }

TEST(TopTally, FewAreCountedExactly) {
  TopTally tally(TopTally::By::hits, 4);
  for (int i = 0; i < 5; ++i) tally.count(key_of(1), "one", cents(1));
  for (int i = 0; i < 3; ++i) tally.count(key_of(2), "two", cents(9));
  tally.count(key_of(3), "three", Money());
  const auto top = tally.top(2);
  ASSERT_EQ(top.size(), 2u);
  EXPECT_EQ(top[0].key, key_of(1));
  EXPECT_EQ(top[0].name_view(), "one");
  EXPECT_EQ(top[0].hits, 5u);
  EXPECT_EQ(top[0].saved, cents(5));
  EXPECT_EQ(top[1].saved, cents(27));
  EXPECT_EQ(tally.top(100).size(), 3u);
}

TEST(TopTally, MoneyIsAnotherOrder) {
  TopTally tally(TopTally::By::saved, 4);
  for (int i = 0; i < 5; ++i) tally.count(key_of(1), "one", cents(1));
  tally.count(key_of(2), "two", cents(9));
  tally.count(key_of(3), "not priced", Money());
  const auto top = tally.top(10);
  ASSERT_EQ(top.size(), 2u);
  EXPECT_EQ(top[0].key, key_of(2));
  EXPECT_EQ(top[1].hits, 5u);
}

TEST(TopTally, ALongNameIsCut) {
  TopTally tally(TopTally::By::hits, 1);
  tally.count(key_of(1), std::string(1'000, 'x'), Money());
  EXPECT_EQ(tally.top(1)[0].name_view(), std::string(TopTally::kMostName, 'x'));
}

TEST(TopTally, TheHeavyOnesAreFoundAmongVeryMany) {
  for (const auto by : {TopTally::By::hits, TopTally::By::saved}) {
    TopTally tally(by, 200);
    std::map<int, std::uint64_t> truth;
    std::mt19937_64 random(5);
    for (int i = 0; i < 200'000; ++i) {
      // Ten heavy ones with a third of all; the others are seen a few times each.
      const int number = random() % 3 == 0 ? static_cast<int>(random() % 10)
                                           : 10 + static_cast<int>(random() % 50'000);
      ++truth[number];
      tally.count(key_of(number), "n", cents(1));
    }
    const auto top = tally.top(10);
    ASSERT_EQ(top.size(), 10u);
    for (const auto& row : top) {
      int number = 0;
      while (number < 10 && key_of(number) != row.key) ++number;
      ASSERT_LT(number, 10);
      EXPECT_LE(row.hits, truth[number]);
      EXPECT_GE(row.hits, truth[number] * 95 / 100);
      EXPECT_EQ(row.saved, cents(static_cast<int>(row.hits)));
    }
  }
}

}  // namespace
}  // namespace farebox
