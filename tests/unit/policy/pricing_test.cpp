#include "policy/pricing.hpp"

#include <gtest/gtest.h>

#include <functional>
#include <random>

namespace farebox {
namespace {

constexpr auto kDialect = DialectName::openai;

// Prices are one digit apart, so that a cost tells which of them were used.
PriceTable make_table() {
  Result<PriceTable> table = PriceTable::parse(R"({"schema":1,"version":"t","models":[
    {"provider":"p","model":"text","input":"2","cache_read":"0.2","cache_write_5m":"2.5",
     "cache_write_1h":"4","output":"10"},
    {"provider":"p","model":"plain","input":"3","output":"15"},
    {"provider":"p","model":"input-only","input":"3"},
    {"provider":"p","model":"free","input":"0","output":"0"},
    {"provider":"p","model":"tiny","input":"0.000001","output":"0.0000005"},
    {"provider":"p","model":"thinker","input":"1","output":"8","reasoning":"3"},
    {"provider":"p","model":"media","input":"1","cache_read":"0.5","audio_input":"100",
     "audio_cache_read":"50","image_input":"10","output":"2",
     "audio_output":"200","image_output":"20"},
    {"provider":"p","model":"tiers","rates":[
      {"tier":"standard","input":"4","cache_read":"0.4","output":"20"},
      {"tier":"standard","above_input_tokens":1000,"input":"8","cache_read":"0.8","output":"40"},
      {"tier":"batch","input":"2","output":"10"},
      {"tier":"priority","input":"7","cache_read":"0.7","output":"35"}]},
    {"provider":"p","model":"factors","input":"1","output":"1",
     "factors":{"inference_geo=us":"1.1","speed=fast":"6"},
     "units":{"web_search_low":"0.01","web_search_medium":"0.01","web_search_high":"0.01",
              "web_fetch":"0"}},
    {"provider":"p","model":"sized-search","input":"1","output":"1",
     "units":{"web_search_low":"0.03","web_search_medium":"0.035","web_search_high":"0.05",
              "file_search_1k_calls":"2.5"}},
    {"provider":"p","model":"painter","mode":"image","units":{"image_output":"0.04"}},
    {"provider":"p","model":"dall-e-3","mode":"image","units":{"image_input":"0.04"}},
    {"provider":"p","model":"dall-e-3","variant":"hd","mode":"image","units":{"pixel_input":"1"}},
    {"provider":"p","model":"whisper","units":{"second_input":"0.0001","second_output":"0.0001"}},
    {"provider":"p","model":"speaker","units":{"character_input":"0.000015"}},
    {"provider":"p","model":"ranker","units":{"query":"0.002"}},
    {"provider":"p","model":"searcher","input":"1","output":"1","units":{"request":"0.005"}},
    {"provider":"p","model":"sonar","input":"1","output":"1",
     "units":{"request_low":"0.005","request_medium":"0.008","request_high":"0.012"}}
  ]})", "pricing_test");
  EXPECT_TRUE(table) << table.error().context;
  return table ? *table : PriceTable();
}

const PriceTable& prices() {
  static const PriceTable table = make_table();
  return table;
}

Usage reported(Tokens input, Tokens output) {
  Usage usage;
  usage.source = UsageSource::reported;
  usage.input = input;
  usage.output = output;
  return usage;
}

Bill bill_of(const char* model, const Usage& usage) {
  return price(prices().find("p", kDialect, model), usage, prices(), "p", kDialect);
}

enum class Is { exact, estimated, unpriced };

struct Row {
  const char* model;
  std::function<void(Usage&)> change;  // of 1000 in, 100 out
  const char* usd;
  Is is = Is::exact;
};

void expect_costs(std::initializer_list<Row> rows, Tokens input = 1000, Tokens output = 100) {
  int line = 0;
  for (const Row& row : rows) {
    Usage usage = reported(input, output);
    row.change(usage);
    const Bill bill = bill_of(row.model, usage);
    EXPECT_EQ(bill.cost.decimal(), row.usd) << row.model << " row " << line;
    EXPECT_EQ(bill.priced, row.is != Is::unpriced) << row.model << " row " << line;
    if (row.is != Is::unpriced) {
      EXPECT_EQ(bill.estimated, row.is == Is::estimated) << row.model << " row " << line;
    }
    ++line;
  }
}

TEST(Pricing, AppliesEachClassOnce) {
  expect_costs({
      {"text", [](Usage&) {}, "0.003"},
      {"text", [](Usage& u) { u.cached_input = 400; }, "0.00228"},
      {"text", [](Usage& u) { u.cache_write = 400; }, "0.0032"},
      {"text", [](Usage& u) { u.cache_write = 400; u.cache_write_1h = 100; }, "0.00335"},
      {"text", [](Usage& u) { u.cached_input = 400; u.cache_write = 600; }, "0.00258"},
      {"text", [](Usage& u) { u.tool_use_input = 400; }, "0.003"},
      {"text", [](Usage& u) { u.reasoning = 60; }, "0.003"},
      {"thinker", [](Usage& u) { u.reasoning = 60; }, "0.0015"},
      {"media", [](Usage& u) { u.audio_input = 10; u.image_input = 20; }, "0.00237"},
      {"media", [](Usage& u) { u.audio_output = 10; u.image_output = 20; }, "0.00354"},
  });
}

TEST(Pricing, FallsBackWhereTheTableSaysSo) {
  expect_costs({
      {"plain", [](Usage& u) { u.cached_input = 400; }, "0.0045"},
      {"plain", [](Usage& u) { u.cache_write = 400; u.cache_write_1h = 100; }, "0.0045"},
      {"plain", [](Usage& u) { u.audio_input = 400; u.image_input = 600; }, "0.0045"},
      {"plain", [](Usage& u) { u.reasoning = 1; u.audio_output = 2; }, "0.0045"},
      {"plain", [](Usage& u) { u.image_output = 3; }, "0.0045"},
  });
}

// As little as possible of the audio is taken as cached: 700 of 1000 are cached, so 300
// of the 500 audio tokens are fresh and 200 must have been cached.
TEST(Pricing, TellsOverlappingPartsApart) {
  expect_costs({
      {"media", [](Usage& u) { u.cached_input = 700; u.audio_input = 300; }, "0.03055"},
      {"media", [](Usage& u) { u.cached_input = 700; u.audio_input = 500; }, "0.04045"},
      {"media", [](Usage& u) { u.cached_input = 1000; u.audio_input = 1000; }, "0.0502"},
      {"media", [](Usage& u) { u.cached_input = 1000; u.image_input = 1000; }, "0.0007"},
      {"media", [](Usage& u) { u.audio_input = 1000; u.image_input = 1000; }, "0.1002"},
  });
}

// Parts that nobody clamped can't make a negative or a double charge.
TEST(Pricing, SurvivesPartsAboveTheirWhole) {
  expect_costs({
      {"text", [](Usage& u) { u.cached_input = 5000; }, "0.0012"},
      {"text", [](Usage& u) { u.cache_write = 5000; }, "0.0035"},
      {"thinker", [](Usage& u) { u.reasoning = 5000; }, "0.0013"},
      {"media", [](Usage& u) { u.audio_output = 5000; }, "0.021"},
  });
}

TEST(Pricing, TierOfTheReplySetsThePrice) {
  const auto tier = [](const char* name) {
    return [name](Usage& u) { u.service_tier = name; u.cached_input = 500; };
  };
  expect_costs({
      {"tiers", tier(""), "0.0042"},
      {"tiers", tier("standard"), "0.0042"},
      {"tiers", tier("default"), "0.0042"},
      {"tiers", tier("on_demand"), "0.0042"},
      {"tiers", tier("ON_DEMAND"), "0.0042"},
      {"tiers", tier("priority"), "0.00735"},
      {"tiers", tier("fast"), "0.00735"},
      {"tiers", tier("ON_DEMAND_PRIORITY"), "0.00735"},
      {"tiers", tier("batch"), "0.003"},
      {"tiers", tier("flex"), "0.0042", Is::estimated},
      {"tiers", tier("scale"), "0.0042", Is::estimated},
      {"tiers", tier("auto"), "0.0042", Is::estimated},
  });
}

// Above means more than, counts all input and replaces the whole card.
TEST(Pricing, LongContextReplacesTheRates) {
  expect_costs({
      {"tiers", [](Usage& u) { u.input = 1000; }, "0.006"},
      {"tiers", [](Usage& u) { u.input = 1001; }, "0.012008"},
      {"tiers", [](Usage& u) { u.input = 1001; u.cached_input = 1001; }, "0.0048008"},
      // Priority has no rates for long inputs here: its own, but that is a guess.
      {"tiers", [](Usage& u) { u.input = 1001; u.service_tier = "priority"; }, "0.010507",
       Is::estimated},
  });
}

TEST(Pricing, FactorsMultiplyTokenPrices) {
  expect_costs({
      {"factors", [](Usage& u) { u.inference_geo = "us"; }, "0.00121"},
      {"factors", [](Usage& u) { u.speed = "fast"; }, "0.0066"},
      {"factors", [](Usage& u) { u.inference_geo = "us"; u.speed = "fast"; }, "0.00726"},
      {"factors", [](Usage& u) { u.inference_geo = "global"; u.speed = "standard"; }, "0.0011"},
      {"factors", [](Usage& u) { u.inference_geo = "not_available"; }, "0.0011"},
      {"factors", [](Usage& u) { u.inference_geo = "eu"; }, "0.0011", Is::estimated},
      {"factors", [](Usage& u) { u.speed = "ludicrous"; }, "0", Is::unpriced},
      {"plain", [](Usage& u) { u.speed = "fast"; }, "0", Is::unpriced},
  });
}

TEST(Pricing, ExtrasAreBilledOnTop) {
  const auto inference = [](const char* model, Tokens input, Tokens output, Tokens cached) {
    return [=](Usage& u) {
      u.extras.push_back({.type = "compaction",
                          .model = model,
                          .input = input,
                          .output = output,
                          .cached_input = cached});
    };
  };
  const auto tool = [](const char* type, std::uint64_t count) {
    return [=](Usage& u) { u.extras.push_back({.type = type, .model = "", .count = count}); };
  };
  expect_costs({
      {"text", inference("", 1000, 100, 0), "0.006"},
      {"text", inference("plain", 1000, 100, 0), "0.0075"},
      {"text", inference("", 1000, 0, 1000), "0.0032"},
      {"text", inference("nobody", 1, 0, 0), "0.003", Is::unpriced},
      {"factors", tool("web_search", 3), "0.0311"},
      {"factors", tool("web_fetch", 3), "0.0011"},
      {"factors", tool("palm_reading", 1), "0.0011", Is::unpriced},
      {"plain", tool("web_search", 1), "0.0045", Is::unpriced},
      {"plain", tool("web_search", 0), "0.0045"},
      {"sized-search", tool("web_search", 1), "0.0361", Is::estimated},
      {"sized-search", tool("file_search", 4), "0.0111"},
  });
}

TEST(Pricing, SellsByThePiece) {
  expect_costs({
      {"painter", [](Usage& u) { u.images = 3; }, "0.12"},
      {"dall-e-3", [](Usage& u) { u.images = 2; }, "0.08", Is::estimated},
      {"plain", [](Usage& u) { u.images = 1; }, "0", Is::unpriced},
      {"whisper", [](Usage& u) { u.microseconds = 1'500'000; }, "0.00015"},
      {"whisper", [](Usage& u) { u.microseconds = 1; }, "0.0000000001"},
      {"plain", [](Usage& u) { u.microseconds = 1; }, "0", Is::unpriced},
      {"speaker", [](Usage& u) { u.characters = 1000; }, "0.015"},
      {"plain", [](Usage& u) { u.characters = 1; }, "0", Is::unpriced},
      {"ranker", [](Usage& u) { u.queries = 2; }, "0.004"},
      {"plain", [](Usage& u) { u.queries = 1; }, "0", Is::unpriced},
  }, 0, 0);
  // Tokens that were reported for the same thing are its price.
  expect_costs({
      {"plain", [](Usage& u) { u.images = 1; }, "0.0045"},
      {"media", [](Usage& u) { u.microseconds = 9; u.audio_input = 10; }, "0.00219"},
      {"plain", [](Usage& u) { u.microseconds = 9; }, "0.0045", Is::unpriced},
      {"plain", [](Usage& u) { u.characters = 1; u.queries = 1; }, "0.0045"},
      {"searcher", [](Usage&) {}, "0.0061"},
      {"sonar", [](Usage&) {}, "0.0061", Is::estimated},
  });
}

TEST(Pricing, UnknownIsNeverZero) {
  const Usage usage = reported(10, 10);
  const Bill nobody = price(nullptr, usage, prices(), "p", kDialect);
  EXPECT_FALSE(nobody.priced);

  Usage uncounted = usage;
  uncounted.source = UsageSource::none;
  EXPECT_FALSE(bill_of("text", uncounted).priced);

  EXPECT_FALSE(bill_of("input-only", usage).priced);
  EXPECT_TRUE(bill_of("input-only", reported(10, 0)).priced);
  EXPECT_FALSE(bill_of("painter", usage).priced);

  const Bill free = bill_of("free", usage);
  EXPECT_TRUE(free.priced);
  EXPECT_EQ(free.cost.decimal(), "0");
}

TEST(Pricing, SaysWhenTheCountIsAnEstimate) {
  Usage usage = reported(10, 10);
  usage.source = UsageSource::estimated;
  const Bill bill = bill_of("text", usage);
  EXPECT_TRUE(bill.priced);
  EXPECT_TRUE(bill.estimated);
}

// 1e-12 dollars for an input token, half of it for an output token.
TEST(Pricing, RoundsTheSumOnceHalfUp) {
  expect_costs({
      {"tiny", [](Usage& u) { u.input = 0; u.output = 1; }, "0.000000000001"},
      {"tiny", [](Usage& u) { u.input = 0; u.output = 2; }, "0.000000000001"},
      {"tiny", [](Usage& u) { u.input = 0; u.output = 3; }, "0.000000000002"},
      {"tiny", [](Usage& u) { u.input = 1; u.output = 0; }, "0.000000000001"},
      {"tiny", [](Usage& u) {
         u.input = 0;
         u.output = 1;
         u.extras.push_back({.type = "compaction", .model = "", .output = 1});
       }, "0.000000000001"},
  });
}

TEST(Pricing, RefusesCountsBeyondReason) {
  for (const Tokens huge : {Tokens(1) << 49, ~Tokens(0)}) {
    EXPECT_FALSE(bill_of("text", reported(huge, 0)).priced);
    EXPECT_FALSE(bill_of("text", reported(0, huge)).priced);
    Usage pieces = reported(0, 0);
    pieces.images = huge;
    EXPECT_FALSE(bill_of("painter", pieces).priced);
  }
  const Bill large = bill_of("text", reported(Tokens(1) << 48, 0));
  EXPECT_TRUE(large.priced);
  EXPECT_EQ(large.cost.decimal(), "562949953.421312");
}

// More tokens never cost less, and two calls together cost what they cost apart, to
// within the rounding.
TEST(Pricing, IsMonotonicAndAdditive) {
  std::mt19937_64 random(7);
  for (int round = 0; round < 5'000; ++round) {
    Usage a = reported(random() % 900, random() % 500);
    a.cached_input = random() % 1000;
    a.cache_write = random() % 1000;
    a.cache_write_1h = random() % 1000;
    a.reasoning = random() % 600;
    a.clamp_parts();
    Usage b = a;
    b.output += random() % 100;
    b.input += random() % 100;
    for (const char* model : {"text", "plain", "thinker", "tiny"}) {
      const Money cost = bill_of(model, a).cost;
      EXPECT_TRUE(cost <= bill_of(model, b).cost);
      Usage both = a;
      both.extras.push_back({.type = "compaction", .model = "", .input = 10, .output = 10});
      const Money more = bill_of(model, reported(10, 10)).cost;
      const Int128 difference = (bill_of(model, both).cost - cost - more).picodollars();
      EXPECT_TRUE(difference >= -1 && difference <= 1);
    }
  }
}

}  // namespace
}  // namespace farebox
