#include "policy/itemise.hpp"

#include <gtest/gtest.h>

#include <random>

namespace farebox {
namespace {

const PriceTable& prices() {
  static const PriceTable table = *PriceTable::bundled();
  return table;
}

PriceContext context(const char* provider, DialectName dialect, std::uint32_t factor) {
  return {.table = prices(), .provider = provider, .dialect = dialect, .place = {}, .when = {},
          .factor = factor};
}

TEST(Itemise, TellsEveryLineOfTheBill) {
  Usage usage;
  usage.source = UsageSource::reported;
  usage.input = 1'000;
  usage.cached_input = 200;
  usage.cache_write = 100;
  usage.cache_write_1h = 40;
  usage.output = 50;
  usage.inference_geo = "us";
  usage.extras.push_back({.type = "web_search", .model = "", .count = 2});
  usage.extras.push_back({.type = "palm_reading", .model = "", .count = 1});
  const PriceContext here = context("anthropic", DialectName::anthropic, 900'000);
  const ItemisedBill bill = itemise(here.match("claude-opus-4-6"), usage, here);
  const struct {
    const char* what;
    std::uint64_t count;
    bool priced;
    const char* unit;
    const char* amount;
  } rows[] = {
      {"input", 700, true, "0.000005", "0.00385"},
      {"cache_read", 200, true, "0.0000005", "0.00011"},
      {"cache_write_5m", 60, true, "0.00000625", "0.0004125"},
      {"cache_write_1h", 40, true, "0.00001", "0.00044"},
      {"output", 50, true, "0.000025", "0.001375"},
      {"web_search_medium", 2, true, "0.01", "0.02"},
      {"palm_reading", 1, false, "0", "0"},
  };
  ASSERT_EQ(bill.lines.size(), std::size(rows));
  for (std::size_t i = 0; i < bill.lines.size(); ++i) {
    const BillLine& line = bill.lines[i];
    EXPECT_EQ(line.what, rows[i].what);
    EXPECT_EQ(line.card, "anthropic/claude-opus-4-6");
    EXPECT_EQ(line.count, rows[i].count) << line.what;
    EXPECT_EQ(line.priced, rows[i].priced) << line.what;
    EXPECT_EQ(line.unit_usd(), rows[i].unit) << line.what;
    EXPECT_EQ(line.amount_usd(), rows[i].amount) << line.what;
  }
  EXPECT_FALSE(bill.bill.priced);
  EXPECT_EQ(bill.bill.cost.decimal(), "0.02356875");  // 0.0261875 * 0.9
}

// The lines are the bill: for any usage their sum, rounded once, is its cost.
TEST(Itemise, SumsUpToThePrice) {
  std::mt19937_64 random(5);
  struct Model {
    const char* provider;
    DialectName dialect;
    const char* model;
  };
  const Model models[] = {
      {"openai", DialectName::openai, "gpt-4o"}, {"openai", DialectName::openai, "gpt-realtime"},
      {"openai", DialectName::openai, "gpt-5.6-luna"}, {"openai", DialectName::openai, "dall-e-3"},
      {"anthropic", DialectName::anthropic, "claude-opus-4-6"},
      {"gemini", DialectName::gemini, "gemini-2.5-pro"},
      {"perplexity", DialectName::openai, "sonar-deep-research"},
      {"mistral", DialectName::mistral, "mistral-ocr-latest"},
      {"openai", DialectName::openai, "nobody"}};
  const char* const tiers[] = {"", "batch", "flex", "priority", "odd"};
  for (int round = 0; round < 4'000; ++round) {
    Usage usage;
    usage.source = UsageSource::reported;
    usage.input = random() % 400'000;
    usage.output = random() % 1'000;
    usage.cached_input = random() % 300'000;
    usage.cache_write = random() % 1'000;
    usage.audio_input = random() % 1'000;
    usage.reasoning = random() % 500;
    usage.citation = random() % 100;
    usage.images = random() % 3;
    usage.pages = random() % 9;
    usage.annotated_pages = random() % 9;
    usage.service_tier = tiers[random() % 5];
    usage.variant = random() % 2 == 0 ? "hd/1024-x-1792" : "";
    usage.extras.push_back({.type = "web_search", .model = "", .count = random() % 3});
    usage.extras.push_back({.type = "compaction", .model = "", .input = random() % 100});
    const Model& model = models[random() % std::size(models)];
    const PriceContext here =
        context(model.provider, model.dialect, static_cast<std::uint32_t>(1 + random() % 3'000'000));
    const ItemisedBill bill = itemise(here.match(model.model), usage, here);
    ExactSum sum;
    bool priced = true;
    for (const BillLine& line : bill.lines) {
      priced = priced && line.priced;
      EXPECT_TRUE(sum.add(line.yoctodollars));
    }
    EXPECT_EQ(sum.rounded(here.factor), bill.bill.cost) << model.model;
    EXPECT_EQ(priced, bill.bill.priced) << model.model;
    EXPECT_EQ(bill.bill.cost, price(here.match(model.model), usage, here).cost);
  }
}

TEST(Itemise, SaysNothingOfWhatNobodyCounted) {
  const PriceContext here = context("openai", DialectName::openai, kNoPriceFactor);
  EXPECT_TRUE(itemise(here.match("gpt-4o"), Usage(), here).lines.empty());
}

TEST(ExactSum, RoundsOnceHalfUpWithAnyFactor) {
  const struct {
    Int128 amount;  // 1e-24 USD
    std::uint32_t factor;
    std::int64_t rounded, up;
  } rows[] = {
      {0, 1'000'000, 0, 0},
      {1, 1'000'000, 0, 1},
      {499'999'999'999, 1'000'000, 0, 1},
      {500'000'000'000, 1'000'000, 1, 1},
      {1'000'000'000'000, 1'000'000, 1, 1},
      {1'000'000'000'000, 500'000, 1, 1},
      {1'000'000'000'000, 499'999, 0, 1},
      {3'000'000'000'000, 500'000, 2, 2},
      {Int128(1'000'000'000'000) * 1'000'000, 1, 1, 1},
      {1'500'000'000'000, 1'000'000'000, 1'500, 1'500},
  };
  for (const auto& row : rows) {
    ExactSum sum;
    ASSERT_TRUE(sum.add(row.amount));
    EXPECT_EQ(sum.rounded(row.factor), Money::picodollars(row.rounded));
    EXPECT_EQ(sum.rounded_up(row.factor), Money::picodollars(row.up));
  }
  // Without a factor it is divided by hand: the same as a division of 128 bits.
  std::mt19937_64 random(7);
  for (int i = 0; i < 200'000; ++i) {
    const UInt128 any = (UInt128(random()) << 64 | random()) >> (1 + random() % 127);
    const Int128 near = Int128(any) / ExactSum::kPicodollar * ExactSum::kPicodollar;
    for (const Int128 amount : {Int128(any), near, near + 1, near + ExactSum::kPicodollar / 2 - 1}) {
      if (amount > ~(Int128(1) << 127) - ExactSum::kPicodollar) continue;
      ExactSum sum;
      ASSERT_TRUE(sum.add(amount));
      ASSERT_EQ(sum.rounded().picodollars(), (amount + ExactSum::kPicodollar / 2) / ExactSum::kPicodollar);
      ASSERT_EQ(sum.rounded_up().picodollars(), (amount + ExactSum::kPicodollar - 1) / ExactSum::kPicodollar);
    }
  }
  ExactSum full;
  const Int128 most = ~(Int128(1) << 127);
  ASSERT_TRUE(full.add(most));
  EXPECT_FALSE(full.add(1));
  EXPECT_GT(full.rounded(4'000'000'000u), full.rounded(1'000'000));
}

}  // namespace
}  // namespace farebox
