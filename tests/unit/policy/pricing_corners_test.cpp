// The corners of the arithmetic: the largest counts times the largest prices are exact, or
// marked as unpriced; nothing overflows, and nothing wraps around to a small cost.
#include <gtest/gtest.h>

#include <vector>

#include "policy/pricing.hpp"

namespace farebox {
namespace {

// Every kind of token costs the most there is, a dollar; so do all units, times 10,000.
PriceTable dearest() {
  std::string card = R"({"provider":"p","model":"m","mode":"chat")";
  for (int i = 0; i < static_cast<int>(kTokenClasses); ++i) {
    card += ",\"" + std::string(name_of(static_cast<TokenClass>(i))) + "\":\"1000000\"";
  }
  card += R"(,"factors":{"speed=fast":"1000","inference_geo=us":"1000"},"units":{)";
  for (int i = 0; i < static_cast<int>(kPriceUnits); ++i) {
    const auto unit = static_cast<PriceUnit>(i);
    // Fees are charged beside anything else: none here, so that sums stay plain.
    const bool fee = unit >= PriceUnit::request && unit <= PriceUnit::request_high;
    card += (i == 0 ? "\"" : ",\"") + std::string(name_of(unit)) + "\":\"" + (fee ? "0" : "10000") + "\"";
  }
  card += "}}";
  auto table = PriceTable::parse(R"({"schema":1,"version":"t","models":[)" + card + "]}", "corners");
  EXPECT_TRUE(table) << table.error().context;
  return *table;
}

const std::vector<std::uint64_t> kCounts = {
    0, 1, 2, 999'999, (1ull << 31) - 1, 1ull << 32, (1ull << 48) - 1, 1ull << 48, (1ull << 48) + 1,
    1ull << 53, (1ull << 53) + 1, 1ull << 62, 1ull << 63, ~0ull - 1, ~0ull};

constexpr Int128 kDollar = Money::kPicodollarsPerDollar;

const PriceTable& table() {
  static const PriceTable prices = dearest();
  return prices;
}

Bill bill_of(const Usage& usage) {
  const PriceCard* card = table().find("p", DialectName::openai, "m");
  return price(card, usage, table(), "p", DialectName::openai);
}

Usage reported() {
  Usage usage;
  usage.source = UsageSource::reported;
  return usage;
}

TEST(PricingCorners, TokensAreExactOrMarked) {
  for (const std::uint64_t input : kCounts) {
    for (const std::uint64_t output : kCounts) {
      for (const std::uint64_t part : {std::uint64_t(0), std::uint64_t(1) << 47, ~std::uint64_t(0)}) {
        Usage usage = reported();
        usage.input = input;
        usage.output = output;
        usage.cached_input = usage.cache_write = usage.cache_write_1h = part;
        usage.audio_input = usage.image_input = usage.reasoning = part;
        usage.audio_output = usage.image_output = part;
        const Bill bill = bill_of(usage);
        if (!bill.priced) {
          EXPECT_TRUE(input > 1'000'000'000 || output > 1'000'000'000) << input << " " << output;
          continue;
        }
        // Whatever class a token is in, it costs a dollar.
        EXPECT_TRUE(bill.cost == Money::picodollars((Int128(input) + Int128(output)) * kDollar))
            << input << " " << output << " " << part << ": " << bill.cost.decimal();
      }
    }
  }
}

TEST(PricingCorners, FactorsAreExactOrMarked) {
  for (const std::uint64_t count : kCounts) {
    Usage usage = reported();
    usage.input = count;
    usage.speed = "fast";
    usage.inference_geo = "us";
    const Bill bill = bill_of(usage);
    if (!bill.priced) {
      EXPECT_GT(count, 1'000'000'000u);
      continue;
    }
    EXPECT_TRUE(bill.cost == Money::picodollars(Int128(count) * kDollar * 1'000'000)) << count;
  }
}

TEST(PricingCorners, PiecesAreExactOrMarked) {
  using Field = std::uint64_t Usage::*;
  for (const Field field : {&Usage::images, &Usage::microseconds, &Usage::characters, &Usage::queries,
                            &Usage::pages}) {
    for (const std::uint64_t count : kCounts) {
      Usage usage = reported();
      usage.*field = count;
      const Bill bill = bill_of(usage);
      if (!bill.priced) {
        EXPECT_TRUE(count > 1'000'000'000 || field == &Usage::pages) << count;
        continue;
      }
      const Int128 one = field == &Usage::microseconds ? kDollar / 100 : kDollar * 10'000;
      const bool unseen = field == &Usage::pages && bill.cost == Money();
      EXPECT_TRUE(unseen || bill.cost == Money::picodollars(Int128(count) * one)) << count;
    }
  }
}

TEST(PricingCorners, ExtrasAreExactOrMarked) {
  for (const std::uint64_t count : kCounts) {
    for (const std::size_t rows : {std::size_t(1), std::size_t(3), std::size_t(40)}) {
      Usage tools = reported(), inner = reported();
      for (std::size_t i = 0; i < rows; ++i) {
        tools.extras.push_back({.type = "web_search", .model = "", .count = count});
        inner.extras.push_back({.type = "compaction", .model = "", .input = count, .output = count});
      }
      const Bill of_tools = bill_of(tools), of_inner = bill_of(inner);
      const Int128 times = Int128(count) * Int128(rows);
      EXPECT_TRUE(!of_tools.priced || of_tools.cost == Money::picodollars(times * kDollar * 10'000));
      EXPECT_TRUE(!of_inner.priced || of_inner.cost == Money::picodollars(times * kDollar * 2));
      EXPECT_TRUE((of_tools.priced && of_inner.priced) || count > 1'000'000'000) << count;
    }
  }
}

}  // namespace
}  // namespace farebox
