#include "policy/tokens/ratio_table.hpp"

#include <gtest/gtest.h>

#include "config/tokenizer.hpp"

namespace farebox {
namespace {

constexpr std::string_view kClaude = "claude-sonnet-4-5";  // 1160 thousandths

void teach(RatioTable& table, std::string_view provider, std::string_view model,
           std::uint64_t reported, int times = 300) {
  for (int i = 0; i < times; ++i) table.learn({provider, model, Side::input, 1000, reported});
}

std::uint32_t ratio(const RatioTable& table, std::string_view provider, std::string_view model,
                    Side side = Side::input) {
  return table.find(provider, model, side)->ratio();
}

TEST(RatioTable, KnowsTheFamilyBeforeItLearns) {
  const RatioTable table;
  EXPECT_EQ(ratio(table, "anthropic", kClaude), 1160u);
  EXPECT_FALSE(table.find("openai", "gpt-4o", Side::input));
  EXPECT_FALSE(table.find("own", "own-model-7", Side::input));
}

TEST(RatioTable, LearnsByProviderModelAndSide) {
  RatioTable table;
  teach(table, "anthropic", kClaude, 1300);
  EXPECT_NEAR(ratio(table, "anthropic", kClaude), 1300, 15);
  EXPECT_EQ(ratio(table, "anthropic", kClaude, Side::output), 1160u);
  EXPECT_EQ(ratio(table, "bedrock", kClaude), 1160u);
  EXPECT_EQ(ratio(table, "anthropic", "claude-haiku-4-5"), 1160u);
  // Without a provider, of who taught most.
  teach(table, "reseller", kClaude, 2000, 20);
  EXPECT_NEAR(ratio(table, "", kClaude), 1300, 15);
}

TEST(RatioTable, SnapshotsAreTheModel) {
  RatioTable table;
  teach(table, "anthropic", "claude-sonnet-4-5-20250929", 1300);
  for (const char* name : {"claude-sonnet-4-5", "Claude-Sonnet-4-5", "claude-sonnet-4-5@20250929",
                           "claude-sonnet-4-5-latest"}) {
    EXPECT_NEAR(ratio(table, "anthropic", name), 1300, 15) << name;
  }
  EXPECT_EQ(table.size(), 1u);
}

TEST(RatioTable, LearnsNothingOfWhatItCantKeep) {
  RatioTable table;
  EXPECT_FALSE(table.learn({"openai", "gpt-4o", Side::input, 1000, 1000}));
  EXPECT_FALSE(table.learn({"own", "own-model-7", Side::input, 1000, 1000}));
  EXPECT_FALSE(table.learn({"", kClaude, Side::input, 1000, 1000}));
  EXPECT_FALSE(table.learn({"a", "claude-\t4", Side::input, 1000, 1000}));
  EXPECT_FALSE(table.learn({"a", "claude-\n4", Side::input, 1000, 1000}));
  EXPECT_FALSE(table.learn({"a", "claude-" + std::string(RatioTable::kLongestName, 'x'),
                            Side::input, 1000, 1000}));
  EXPECT_FALSE(table.learn({"a", kClaude, Side::input, 1, 1000}));
  EXPECT_EQ(table.size(), 0u);
}

TEST(RatioTable, AFloodOfNamesLeavesWhatWasLearntMost) {
  RatioTable table;
  teach(table, "anthropic", kClaude, 1300);
  for (int i = 0; i < 5'000; ++i) {
    table.learn({"hostile", "claude-" + std::to_string(i), Side::output, 1000, 9000});
  }
  EXPECT_EQ(table.size(), RatioTable::kMostModels);
  EXPECT_NEAR(ratio(table, "anthropic", kClaude), 1300, 15);
}

TEST(RatioTable, ComesBackAsItWasStored) {
  RatioTable table;
  teach(table, "anthropic", kClaude, 1300);
  teach(table, "google ai", "gemini-2.5-pro", 900);
  table.learn({"anthropic", kClaude, Side::output, 500, 700});
  const auto again = RatioTable::decode(table.encode());
  ASSERT_TRUE(again);
  EXPECT_EQ(again->encode(), table.encode());
  EXPECT_EQ(ratio(*again, "google ai", "gemini-2.5-pro"), ratio(table, "google ai", "gemini-2.5-pro"));
  EXPECT_EQ(again->find("anthropic", kClaude, Side::output)->lessons(), 1u);
  EXPECT_TRUE(RatioTable::decode(RatioTable().encode()));
}

TEST(RatioTable, AnyOctetsAreReadOrRefused) {
  RatioTable table;
  teach(table, "anthropic", kClaude, 1300, 5);
  teach(table, "b", "mistral-large", 1300, 5);
  const std::string whole = table.encode();
  for (std::size_t cut = 0; cut < whole.size(); ++cut) {
    // A whole first line, or whole lines behind it, are a table.
    if (cut != 0 && whole[cut - 1] == '\n') continue;
    EXPECT_FALSE(RatioTable::decode(whole.substr(0, cut))) << cut;
  }
  for (std::size_t at = 0; at < whole.size(); ++at) {
    for (const char octet : {'\0', '\t', '\n', ' ', '9', '-', '\xff'}) {
      std::string changed = whole;
      changed[at] = octet;
      const auto read = RatioTable::decode(changed);
      if (!read) continue;
      const std::uint32_t now = ratio(*read, "anthropic", kClaude);
      EXPECT_GE(now, 1160u / 3 - 1) << at;
      EXPECT_LE(now, 1160u * 3) << at;
    }
  }
}

}  // namespace
}  // namespace farebox
