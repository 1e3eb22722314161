// What sets a price beside plain tokens: sizes, places, pieces, tools, the provider's own
// figure and the operator's factor.
#include <gtest/gtest.h>

#include <functional>
#include <random>

#include "policy/price_factor.hpp"
#include "policy/pricing.hpp"

namespace farebox {
namespace {

const PriceTable& prices() {
  static const PriceTable table = [] {
    Result<PriceTable> parsed = PriceTable::parse(R"({"schema":1,"version":"t","models":[
      {"provider":"p","model":"text","input":"2","output":"10"},
      {"provider":"p","model":"cites","input":"2","output":"8","citation":"3",
       "web_search_per_query":true,
       "units":{"web_search_low":"0.005","web_search_medium":"0.005","web_search_high":"0.005"}},
      {"provider":"p","model":"sonar","input":"1","output":"1",
       "units":{"request_low":"0.005","request_medium":"0.008","request_high":"0.012"}},
      {"provider":"p","model":"searches","input":"1","output":"1",
       "units":{"web_search_low":"0.03","web_search_medium":"0.035","web_search_high":"0.05"}},
      {"provider":"p","model":"grounds","input":"1","output":"1","web_search_per_prompt":true,
       "units":{"web_search_low":"0.035","web_search_medium":"0.035","web_search_high":"0.035"}},
      {"provider":"p","model":"grounds-each","input":"1","output":"1","web_search_per_query":true,
       "units":{"web_search_low":"0.014","web_search_medium":"0.014","web_search_high":"0.014"}},
      {"provider":"p","model":"tools","input":"1","output":"1",
       "units":{"code_interpreter_session":"0.03","file_search_1k_calls":"2.5","web_fetch":"0"}},
      {"provider":"p","model":"painter","mode":"image","units":{"image_input":"0.04"}},
      {"provider":"p","model":"painter","variant":"hd/1024-x-1792","mode":"image",
       "units":{"image_output":"0.12"}},
      {"provider":"p","model":"painter","variant":"standard/512-x-512","mode":"image",
       "units":{"image_output":"0.02"}},
      {"provider":"p","model":"pixels","mode":"image",
       "units":{"pixel_input":"0.00000002","pixel_output":"0"}},
      {"provider":"p","model":"sizes-only","variant":"256-x-256","mode":"image",
       "units":{"image_output":"0.016"}},
      {"provider":"p","model":"sizes-only","mode":"image","input":"5","image_output":"40"},
      {"provider":"p","model":"hears","mode":"transcription",
       "units":{"second_input":"0.0001","second_output":"0.0001"}},
      {"provider":"p","model":"films","mode":"video",
       "units":{"video_second_output":"0.3","second_input":"7"}},
      {"provider":"p","model":"speaks","mode":"speech",
       "units":{"character_input":"0.000015","second_output":"0.00025"}},
      {"provider":"p","model":"reads","mode":"ocr","units":{"page_ocr":"0.002","page_annotation":"0.003"}},
      {"provider":"p","model":"reads-only","mode":"ocr","units":{"page_ocr":"0.002"}},
      {"provider":"p","model":"ranks","mode":"rerank","units":{"query":"0.002"}},
      {"provider":"p","model":"abroad","input":"1","output":"1",
       "factors":{"data_residency=eu":"1.1"}},
      {"provider":"p","model":"regional","input":"1","output":"1",
       "factors":{"data_residency=*":"1.1","inference_geo=us":"1.1"}},
      {"provider":"p","model":"zoned","input":"1","output":"1"},
      {"provider":"p","model":"zoned","region":"eu","input":"3","output":"3"},
      {"provider":"p","model":"guess","estimated":true,"input":"1","output":"1"},
      {"provider":"p","model":"long","rates":[{"tier":"standard","input":"2","output":"10"},
        {"tier":"standard","above_input_tokens":500,"input":"4","output":"15"},
        {"tier":"priority","input":"3","output":"20"},
        {"tier":"flex","input":"1","output":"5"},
        {"tier":"flex","above_input_tokens":500,"input":"2","output":"7"}]}
    ]})", "dimensions");
    EXPECT_TRUE(parsed) << parsed.error().context;
    return parsed ? *parsed : PriceTable();
  }();
  return table;
}

PriceContext context(std::string_view place = {}, std::uint32_t factor = kNoPriceFactor) {
  return {.table = prices(), .provider = "p", .dialect = DialectName::openai, .place = place,
          .when = {}, .factor = factor};
}

enum class Is { exact, estimated, unpriced, reported };

struct Row {
  const char* model;
  std::function<void(Usage&)> change;  // of 1000 in, 100 out
  const char* usd;
  Is is = Is::exact;
  const char* place = "";
  std::uint32_t factor = kNoPriceFactor;
};

void expect_costs(std::initializer_list<Row> rows, Tokens input = 1000, Tokens output = 100) {
  int line = 0;
  for (const Row& row : rows) {
    Usage usage;
    usage.source = UsageSource::reported;
    usage.input = input;
    usage.output = output;
    row.change(usage);
    const PriceContext here = context(row.place, row.factor);
    const Bill bill = price(here.match(row.model), usage, here);
    const std::string said = std::string(row.model) + " row " + std::to_string(line++);
    EXPECT_EQ(bill.cost.decimal(), row.usd) << said;
    EXPECT_EQ(bill.priced, row.is != Is::unpriced) << said;
    EXPECT_EQ(bill.reported, row.is == Is::reported) << said;
    if (row.is != Is::unpriced) {
      EXPECT_EQ(bill.estimated, row.is == Is::estimated) << said;
    }
    EXPECT_EQ(bill.estimated, !bill.estimated_by.empty()) << said;
  }
}

void nothing(Usage&) {}

auto tool(const char* type, std::uint64_t count) {
  return [=](Usage& u) { u.extras.push_back({.type = type, .model = "", .count = count}); };
}

TEST(PriceDimensions, CitationsCostOnlyWhereTheyArePriced) {
  expect_costs({
      {"cites", [](Usage& u) { u.citation = 1000; }, "0.0058"},
      {"text", [](Usage& u) { u.citation = 1000; }, "0.003"},
      {"cites", [](Usage& u) { u.queries = 3; }, "0.0178"},
  });
}

TEST(PriceDimensions, TheSizeOfASearchPicksItsPrice) {
  const auto size = [](const char* said) { return [=](Usage& u) { u.search_context = said; }; };
  expect_costs({
      {"sonar", size("low"), "0.0061"},
      {"sonar", size("medium"), "0.0091"},
      {"sonar", size("high"), "0.0131"},
      {"sonar", nothing, "0.0061", Is::estimated},
      {"sonar", size("gigantic"), "0.0061", Is::estimated},
      {"searches", [](Usage& u) { u.search_context = "high"; tool("web_search", 2)(u); }, "0.1011"},
      {"searches", tool("web_search", 2), "0.0711", Is::estimated},
      {"grounds", tool("web_search", 5), "0.0361"},
      {"grounds-each", tool("web_search", 5), "0.0711"},
      {"grounds", tool("google_search", 0), "0.0011"},
  });
}

TEST(PriceDimensions, ToolsHaveTheirFees) {
  expect_costs({
      {"tools", tool("code_interpreter", 2), "0.0611", Is::estimated},
      {"tools", tool("file_search", 3), "0.0086"},
      {"tools", tool("web_fetch", 9), "0.0011"},
      {"tools", tool("x_search", 1), "0.0011", Is::unpriced},
      {"text", tool("code_interpreter", 1), "0.003", Is::unpriced},
      {"painter", [](Usage& u) { u.input = u.output = 0; tool("image_generation", 2)(u); }, "0.08",
       Is::estimated},
      {"text", [](Usage& u) { u.extras.push_back({.type = "image_generation", .model = "text",
                                                  .input = 1000, .output = 100, .count = 1}); },
       "0.006"},
  });
}

TEST(PriceDimensions, ImagesCostWhatTheirSizeDoes) {
  const auto image = [](const char* variant, std::uint64_t count = 1) {
    return [=](Usage& u) { u.images = count; u.variant = variant; };
  };
  expect_costs({
      {"painter", image("hd/1024-x-1792", 3), "0.36"},
      {"painter", image("standard/512-x-512"), "0.02"},
      {"painter", image("512-x-512"), "0.02"},
      {"painter", image(""), "0.04", Is::estimated},
      {"painter", image("hd/9-x-9"), "0.04", Is::estimated},
      {"sizes-only", image("256-x-256"), "0.016"},
      {"sizes-only", image("standard/256-x-256"), "0.016"},
      {"sizes-only", image("1024-x-1024"), "0", Is::unpriced},
      {"sizes-only", image(""), "0", Is::unpriced},
      {"pixels", image("1000-x-1000", 2), "0.04"},
      {"pixels", image("hd/500x500"), "0.005"},
      {"pixels", image(""), "0", Is::unpriced},
      {"pixels", image("huge"), "0", Is::unpriced},
      {"pixels", image("99999999999999999999x1"), "0", Is::unpriced},
  }, 0, 0);
}

TEST(PriceDimensions, TimeCharactersPagesAndQueries) {
  expect_costs({
      {"hears", [](Usage& u) { u.microseconds = 2'500'000; }, "0.00025"},
      {"films", [](Usage& u) { u.microseconds = 8'000'000; }, "2.4"},
      {"speaks", [](Usage& u) { u.microseconds = 2'000'000; }, "0.0005"},
      {"speaks", [](Usage& u) { u.characters = 1000; }, "0.015"},
      {"reads", [](Usage& u) { u.pages = 10; }, "0.02"},
      {"reads", [](Usage& u) { u.pages = 10; u.annotated_pages = 4; }, "0.024"},
      {"reads", [](Usage& u) { u.pages = 2; u.annotated_pages = 9; }, "0.006"},
      {"reads-only", [](Usage& u) { u.pages = 10; u.annotated_pages = 4; }, "0.012", Is::unpriced},
      {"text", [](Usage& u) { u.pages = 1; }, "0", Is::unpriced},
      {"ranks", [](Usage& u) { u.queries = 3; }, "0.006"},
  }, 0, 0);
}

TEST(PriceDimensions, PlacesMultiplyOrPickACard) {
  expect_costs({
      {"abroad", nothing, "0.0011"},
      {"abroad", nothing, "0.00121", Is::exact, "eu"},
      {"abroad", nothing, "0.0011", Is::exact, "us"},
      {"regional", nothing, "0.00121", Is::exact, "us-east5"},
      {"regional", nothing, "0.0011", Is::exact, "global"},
      {"regional", [](Usage& u) { u.inference_geo = "us"; }, "0.001331", Is::exact, "us-east5"},
      {"zoned", nothing, "0.0011"},
      {"zoned", nothing, "0.0033", Is::exact, "eu"},
      {"guess", nothing, "0.0011", Is::estimated},
  });
}

// Nobody publishes what a long input costs in a tier without rates for it.
TEST(PriceDimensions, LongInputsInATierWithoutRatesForThem) {
  const auto tier = [](const char* name) { return [=](Usage& u) { u.service_tier = name; }; };
  expect_costs({
      {"long", tier("standard"), "0.0055"},
      {"long", tier("flex"), "0.0027"},
      {"long", tier("priority"), "0.005", Is::estimated},
      {"long", tier("PROVISIONED_THROUGHPUT"), "0.0055", Is::estimated},
      {"long", tier("scale"), "0.0055", Is::estimated},
      {"long", tier("batch"), "0.0055", Is::estimated},
      {"long", [](Usage& u) { u.input = 500; u.service_tier = "priority"; }, "0.0035"},
  });
}

TEST(PriceDimensions, TheProvidersFigureIsTheSecondChoice) {
  const auto states = [](std::int64_t picodollars) {
    return [=](Usage& u) { u.reported_cost = Money::picodollars(picodollars); };
  };
  expect_costs({
      {"text", states(123), "0.003"},
      {"nobody", states(123), "0.000000000123", Is::reported},
      {"nobody", states(0), "0", Is::reported},
      {"nobody", states(-5), "0", Is::unpriced},
      {"nobody", nothing, "0", Is::unpriced},
      {"text", [&](Usage& u) { tool("x_search", 1)(u); states(7)(u); }, "0.000000000007",
       Is::reported},
      {"nobody", states(1'000'000), "0.00000085", Is::reported, "", 850'000},
  });
}

// A gateway that passes list prices on knows better than the list what it charged.
TEST(PriceDimensions, TheProvidersFigureGoesBeforeAGuessOfItsRoute) {
  const Result<PriceTable> table = PriceTable::bundled();
  const PriceContext here{.table = *table, .provider = "openrouter"};
  Usage usage;
  usage.source = UsageSource::reported;
  usage.input = 1000;
  const Bill guess = price(here.match("openai/gpt-5.6-sol"), usage, here);
  EXPECT_TRUE(guess.priced && guess.estimated && !guess.reported);
  usage.reported_cost = Money::picodollars(42);
  const Bill stated = price(here.match("openai/gpt-5.6-sol"), usage, here);
  EXPECT_TRUE(stated.priced && !stated.estimated && stated.reported);
  EXPECT_EQ(stated.cost, Money::picodollars(42));
  EXPECT_EQ(stated.table_cost, guess.cost) << "ours is kept beside it";
  EXPECT_FALSE(guess.table_cost) << "it is the cost";
  EXPECT_FALSE(price(here.match("no/such-model"), usage, here).table_cost);
  usage.reported_cost = Money();
  EXPECT_FALSE(price(here.match("openai/gpt-5.6-sol"), usage, here).reported)
      << "paid with the caller's own key";
}

TEST(PriceDimensions, TheOperatorsFactorComesBeforeTheOneRounding) {
  expect_costs({
      {"text", nothing, "0.00255", Is::exact, "", 850'000},
      {"text", nothing, "0.0036", Is::exact, "", 1'200'000},
      {"text", nothing, "0.000000003", Is::exact, "", 1},
      {"text", nothing, "3", Is::exact, "", 1'000'000'000},
  });
}

TEST(PriceFactor, MultipliesAllThatMatch) {
  const std::vector<PriceAdjustment> adjust = {
      {"openai", "", 850'000}, {"", "search-app", 1'200'000}, {"*", "*", 1'000'001},
      {"azure", "search-app", 500'000}};
  const struct {
    const char* provider;
    const char* key;
    std::uint32_t factor;
  } rows[] = {
      {"openai", "", 850'001},
      {"openai", "search-app", 1'020'001},
      {"azure", "search-app", 600'001},
      {"azure", "", 1'000'001},
      {"anthropic", "search-app", 1'200'001},
  };
  for (const auto& row : rows) {
    EXPECT_EQ(price_factor(adjust, row.provider, row.key), row.factor) << row.provider << row.key;
  }
  EXPECT_EQ(price_factor({}, "openai", ""), kNoPriceFactor);
  const std::vector<PriceAdjustment> tiny(20, {"", "", 1}), huge(20, {"", "", 1'000'000'000});
  EXPECT_EQ(price_factor(tiny, "a", ""), 1u);
  EXPECT_EQ(price_factor(huge, "a", ""), UINT32_MAX);
}

// The shown costs of extras are rounded one by one, the bill as a whole.
TEST(PriceDimensions, ExtrasAreShownWithTheirCost) {
  Usage usage;
  usage.source = UsageSource::reported;
  usage.input = 1000;
  usage.extras.push_back({.type = "compaction", .model = "", .input = 500, .output = 10});
  usage.extras.push_back({.type = "x_search", .model = "", .count = 1});
  usage.extras.push_back({.type = "advisor_message", .model = "nobody", .input = 1});
  const PriceContext here = context({}, 500'000);
  const PriceMatch match = here.match("text");
  const ExtraCost compaction = price_extra(match, usage.extras[0], usage, here);
  EXPECT_TRUE(compaction.priced);
  EXPECT_EQ(compaction.cost.decimal(), "0.00055");
  EXPECT_FALSE(price_extra(match, usage.extras[1], usage, here).priced);
  EXPECT_FALSE(price_extra(match, usage.extras[2], usage, here).priced);
}

TEST(MatchAnswer, TakesTheNameThatSaysMore) {
  const Result<PriceTable> table = PriceTable::bundled();
  const auto id = [&](const char* provider, DialectName dialect, const char* replied,
                      const char* requested) {
    const PriceContext here{.table = *table, .provider = provider, .dialect = dialect};
    const PriceMatch match = match_answer(here, replied, requested);
    return match.card == nullptr ? std::string() : match.card->id;
  };
  EXPECT_EQ(id("azure", DialectName::azure, "gpt-4o-mini-2024-07-18", "my-deployment"),
            "azure/gpt-4o-mini");
  EXPECT_EQ(id("bedrock", DialectName::bedrock, "claude-haiku-4-5-20251001",
               "us.anthropic.claude-haiku-4-5-20251001-v1:0"),
            "bedrock/us.anthropic.claude-haiku-4-5-20251001-v1:0");
  EXPECT_EQ(id("openrouter", DialectName::openai, "deepseek/deepseek-r1",
               "deepseek/deepseek-r1:free"),
            "openrouter/*:free");
  EXPECT_EQ(id("openrouter", DialectName::openai, "anthropic/claude-9.5-haiku-20991001",
               "anthropic/claude-haiku-4.5"),
            "openrouter/anthropic/claude-haiku-4.5");
  EXPECT_EQ(id("openai", DialectName::openai, "", "gpt-4o"), "openai/gpt-4o");
}

// Whatever is claimed: a cost that is exact, or a bill that says it isn't whole.
TEST(PriceDimensions, AbsurdCountsAreNeverCheap) {
  std::mt19937_64 random(11);
  const auto count = [&random] { return random() >> (random() % 64); };
  const char* const models[] = {"text", "cites", "sonar", "grounds", "tools", "painter", "pixels",
                                "hears", "films", "speaks", "reads", "ranks", "regional", "long"};
  for (int round = 0; round < 20'000; ++round) {
    Usage usage;
    usage.source = UsageSource::reported;
    usage.input = count();
    usage.output = count();
    usage.cached_input = count();
    usage.citation = count();
    usage.images = count();
    usage.microseconds = count();
    usage.characters = count();
    usage.queries = count();
    usage.pages = count();
    usage.annotated_pages = count();
    usage.variant = round % 2 == 0 ? "1024-x-1024" : "";
    usage.extras.push_back({.type = "file_search", .model = "", .input = count(), .count = count()});
    const PriceContext here = context("eu", static_cast<std::uint32_t>(1 + random() % 2'000'000'000));
    for (const char* model : models) {
      const Bill bill = price(here.match(model), usage, here);
      EXPECT_GE(bill.cost, Money());
      if (bill.priced && usage.input > 1'000'000 && usage.input < (1ull << 48)) {
        EXPECT_GT(bill.cost, Money()) << model;
      }
    }
  }
}

}  // namespace
}  // namespace farebox
