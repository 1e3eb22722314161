#include "config/price_decimal.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>

namespace farebox {
namespace {

constexpr Int128 kMost = Int128(1'000'000'000'000'000'000) * 1'000'000;

struct Row {
  const char* text;
  int places;
  std::int64_t value;
};

TEST(PriceDecimal, IsReadExactly) {
  const Row rows[] = {
      {"0", 12, 0},
      {"0.000", 12, 0},
      {"000", 12, 0},
      {"0e9", 12, 0},
      {"1", 12, 1'000'000'000'000},
      {"0.075", 12, 75'000'000'000},
      {"2.50", 12, 2'500'000'000'000},
      {"0.000000000001", 12, 1},
      {"0.0000000000010", 12, 1},
      {"5.46875e-07", 18, 546'875'000'000},
      {"5.46875E-07", 18, 546'875'000'000},
      {"1e-18", 18, 1},
      {"10e-19", 18, 1},
      {"1e+3", 0, 1000},
      {"1200", -2, 12},
      {"0.0000000381469", 18, 38'146'900'000},
      {"00012.5", 1, 125},
  };
  for (const Row& row : rows) {
    const Result<Int128> read = read_decimal(row.text, row.places, kMost);
    ASSERT_TRUE(read) << row.text << ": " << read.error().context;
    EXPECT_TRUE(*read == row.value) << row.text;
  }
}

TEST(PriceDecimal, IsRefusedWhereItCannotBeExact) {
  const char* rows[] = {
      "",       "-1",    "+1",     ".5",       "5.",       "1,5",     "1.5 ",  " 1",
      "abc",    "1e",    "1e-",    "1e9999",   "0x10",     "1.2.3",   "NaN",   "Infinity",
      "1e400",  "1e-13", "0.0000000000001",    "2.9999900000000002",  "1e40",  "--1",
      "99999999999999999999999999999999999999999999", "1e999",        "\0001", "1_000",
  };
  for (const char* text : rows) {
    const Result<Int128> read = read_decimal(text, 12, kMost);
    EXPECT_FALSE(read) << text;
    if (!read) {
      EXPECT_FALSE(read.error().context.empty()) << text;
    }
  }
}

TEST(PriceDecimal, RefusesWhatIsAboveTheMost) {
  EXPECT_TRUE(read_decimal("7", 0, 7));
  EXPECT_FALSE(read_decimal("7.0001", 0, 8));
  EXPECT_FALSE(read_decimal("8", 0, 7));
}

TEST(PriceDecimal, KeepsLongRunsOfDigitsCheap) {
  EXPECT_TRUE(read_decimal("1." + std::string(60, '0'), 0, kMost));
  EXPECT_FALSE(read_decimal("1." + std::string(1'000'000, '0'), 0, kMost));
  EXPECT_FALSE(read_decimal(std::string(1'000'000, '9'), 0, kMost));
}

// All prices per token of the public tables: exact, or refused because they are remains
// of floating-point conversions (31 of them, see the facts' README).
TEST(PriceDecimal, ReadsEveryPublishedPriceOrRefusesIt) {
  const char* configured = std::getenv("FAREBOX_FACTS_DIR");
  const std::string facts = configured != nullptr ? configured : FAREBOX_SOURCE_DIR "/../shared";
  std::ifstream stream(facts + "/prices/prices-all.jsonl");
  if (!stream) GTEST_SKIP() << "no price facts in " << facts << "; set FAREBOX_FACTS_DIR";
  int exact = 0;
  int refused = 0;
  for (std::string line; std::getline(stream, line);) {
    const nlohmann::json card = nlohmann::json::parse(line);
    for (const nlohmann::json& rates : card["per_million_tokens"]) {
      for (const auto& [name, price] : rates.items()) {
        if (name == "tier" || name == "above_input_tokens") continue;
        const std::string text = price;
        const Result<Int128> read = read_decimal(text, 12, kMost);
        if (!read) {
          EXPECT_GT(text.size(), 14u) << text;
          ++refused;
          continue;
        }
        // Money of the same decimals writes it back as it was.
        EXPECT_EQ(Money::picodollars(*read).decimal(), text);
        ++exact;
      }
    }
  }
  EXPECT_EQ(refused, 31);
  EXPECT_GT(exact, 7'000);
}

}  // namespace
}  // namespace farebox
