#include "policy/worst_case.hpp"

#include <gtest/gtest.h>

#include <array>
#include <fstream>
#include <nlohmann/json.hpp>
#include <random>
#include <set>

namespace farebox {
namespace {

constexpr auto kDialect = DialectName::openai;

// Prices are per million tokens and one digit apart, so that a cost tells which of
// them were used.
PriceTable make_table() {
  Result<PriceTable> table = PriceTable::parse(R"({"schema":1,"version":"t","models":[
    {"provider":"p","model":"plain","mode":"chat","context_window":50000,
     "max_output_tokens":1000,"input":"3","output":"15"},
    {"provider":"p","model":"small","mode":"chat","input":"3","output":"15"},
    {"provider":"p","model":"override","input":"3","output":"15"},
    {"provider":"p","model":"cacher","mode":"chat","input":"2","cache_read":"0.2",
     "cache_write_5m":"2.5","cache_write_1h":"4","output":"10"},
    {"provider":"p","model":"thinker","mode":"chat","input":"1","output":"8","reasoning":"9"},
    {"provider":"p","model":"media","mode":"chat","context_window":1000,"input":"1",
     "audio_input":"100","image_input":"10","output":"2","audio_output":"200"},
    {"provider":"p","model":"tiers","mode":"chat","context_window":2000,"rates":[
      {"tier":"standard","input":"4","output":"20"},
      {"tier":"standard","above_input_tokens":1000,"input":"8","output":"40"},
      {"tier":"batch","input":"2","output":"10"},
      {"tier":"priority","input":"7","output":"35"}]},
    {"provider":"p","model":"batch-only","mode":"chat","rates":[
      {"tier":"batch","input":"2","output":"10"}]},
    {"provider":"p","model":"factors","mode":"chat","input":"1","output":"1",
     "factors":{"inference_geo=us":"1.1","speed=fast":"6","speed=slow":"0.5",
                "data_residency=eu":"3"}},
    {"provider":"p","model":"sonar","mode":"chat","input":"1","output":"1",
     "units":{"request_low":"0.005","request_medium":"0.008","request_high":"0.012"}},
    {"provider":"p","model":"input-only","mode":"chat","input":"3"},
    {"provider":"p","model":"free","mode":"chat","input":"0","output":"0"},
    {"provider":"p","model":"tiny","mode":"chat","input":"0.000001","output":"0"},
    {"provider":"p","model":"embedder","mode":"embedding","context_window":8000,"input":"0.1"},
    {"provider":"p","model":"hearer","mode":"transcription","context_window":16000,
     "max_output_tokens":2000,"input":"1","audio_input":"2","output":"5"},
    {"provider":"p","model":"whisper","mode":"transcription","units":{"second_input":"0.0001"}},
    {"provider":"p","model":"speaker","mode":"speech","units":{"character_input":"0.000015"}},
    {"provider":"p","model":"ranker","mode":"rerank","units":{"query":"0.002"}},
    {"provider":"p","model":"painter","mode":"image","units":{"image_output":"0.04"}},
    {"provider":"p","model":"drawer","mode":"image","input":"5","output":"10"},
    {"provider":"p","model":"dall-e-3","mode":"image","units":{"image_input":"0.04"}},
    {"provider":"p","model":"dall-e-3","variant":"hd","mode":"image","units":{"pixel_input":"1"}}
  ]})", "worst_case_test");
  EXPECT_TRUE(table) << table.error().context;
  return table ? *table : PriceTable();
}

const PriceTable& prices() {
  static const PriceTable table = make_table();
  return table;
}

WorstCase worst_of(const char* model, const CallSize& size) {
  return worst_case(prices().find("p", kDialect, model), size, prices(), "p", kDialect);
}

CallSize whole(Tokens octets, Tokens said = 0, Tokens choices = 1) {
  CallSize size;
  size.input_octets = octets;
  size.input_is_whole = true;
  size.max_output_tokens = said;
  size.choices = choices;
  size.default_max_output_tokens = 4096;
  return size;
}

CallSize referring(Tokens octets, Tokens said = 0) {
  CallSize size = whole(octets, said);
  size.input_is_whole = false;
  return size;
}

struct Row {
  const char* model;
  CallSize size;
  Tokens input;
  Tokens output;
  const char* usd;  // null: no price; then the cost isn't looked at
};

void expect_rows(std::initializer_list<Row> rows) {
  int line = 0;
  for (const Row& row : rows) {
    const WorstCase worst = worst_of(row.model, row.size);
    EXPECT_EQ(worst.usage.input, row.input) << row.model << " row " << line;
    EXPECT_EQ(worst.usage.output, row.output) << row.model << " row " << line;
    EXPECT_EQ(worst.usage.source, UsageSource::estimated);
    EXPECT_TRUE(worst.bill.estimated);
    EXPECT_EQ(worst.bill.priced, row.usd != nullptr) << row.model << " row " << line;
    if (row.usd != nullptr) {
      EXPECT_EQ(worst.bill.cost.decimal(), row.usd) << row.model << " row " << line;
    }
    ++line;
  }
}

TEST(WorstCase, OutputIsWhatWasSaidElseTheCardsElseTheDefault) {
  expect_rows({
      {"plain", whole(1000, 100), 1000, 100, "0.0045"},
      {"plain", whole(1000, 5000), 1000, 5000, "0.078"},
      {"plain", whole(1000), 1000, 1000, "0.018"},
      {"small", whole(1000), 1000, 4096, "0.06444"},
      {"override", whole(1000), 1000, 4096, "0.06444"},
      {"small", {1000, true, 0, 1, 0}, 1000, 0, nullptr},
      {"plain", whole(1000, 100, 4), 1000, 400, "0.009"},
      {"plain", whole(1000, 100, 0), 1000, 100, "0.0045"},
  });
}

TEST(WorstCase, InputThatIsNotInTheBodyFillsTheWindow) {
  expect_rows({
      {"plain", whole(90'000, 1), 90'000, 1, "0.270015"},
      {"plain", referring(100, 1), 50'000, 1, "0.150015"},
      {"small", referring(100, 1), 100, 1, nullptr},
      {"embedder", referring(100), 100, 0, nullptr},
  });
}

TEST(WorstCase, TakesTheDearestKindOfTokens) {
  expect_rows({
      {"cacher", whole(1000, 100), 1000, 100, "0.005"},
      {"thinker", whole(1000, 100), 1000, 100, "0.0019"},
      {"media", whole(1000, 100), 1000, 100, "0.021"},
      {"media", referring(10, 100), 1000, 100, "0.12"},
  });
}

TEST(WorstCase, TakesTheDearestTierAndThresholdWithinReach) {
  expect_rows({
      {"tiers", whole(1000, 100), 1000, 100, "0.0105"},
      {"tiers", whole(1001, 100), 1001, 100, "0.012008"},
      {"tiers", referring(10, 100), 2000, 100, "0.02"},
      {"batch-only", whole(10, 10), 10, 10, nullptr},
  });
}

TEST(WorstCase, TakesTheDearestFactorsAndFees) {
  expect_rows({
      {"factors", whole(1000, 100), 1000, 100, "0.00726"},
      {"sonar", whole(1000, 100), 1000, 100, "0.0131"},
  });
}

TEST(WorstCase, KnowsWhatHasNoAnswerInText) {
  expect_rows({
      {"embedder", whole(1000, 7), 1000, 0, "0.0001"},
      {"hearer", whole(500), 16'000, 2000, "0.042"},
      {"whisper", whole(500), 0, 0, nullptr},
      {"speaker", whole(1000), 0, 0, "0.015"},
      {"ranker", whole(250), 0, 0, "0.006"},
      {"ranker", referring(250), 0, 0, nullptr},
      {"painter", whole(1000, 0, 3), 0, 0, "0.12"},
      {"drawer", whole(1000), 1000, 4096, nullptr},
      {"dall-e-3", whole(1000), 0, 0, nullptr},
  });
}

TEST(WorstCase, UnknownIsNeverZeroAndFreeIs) {
  expect_rows({
      {"no-such-model", whole(1000), 1000, 4096, nullptr},
      {"input-only", whole(1000), 1000, 4096, nullptr},
      {"input-only", {1000, true, 0, 1, 0}, 1000, 0, nullptr},
      {"free", whole(1000), 1000, 4096, "0"},
  });
}

TEST(WorstCase, RoundsUp) {
  expect_rows({
      {"tiny", whole(1, 1), 1, 1, "0.000000000001"},
      {"tiny", whole(1'000'001, 1), 1'000'001, 1, "0.000001000001"},
  });
}

TEST(WorstCase, SizesNobodyEverUsedHaveNoPrice) {
  const Tokens most = Tokens(1) << 48;
  expect_rows({
      {"plain", whole(most, most), most, most, "5066549580.791808"},
      {"plain", whole(1, most + 1), 1, most, nullptr},
      {"plain", whole(1, ~Tokens(0), ~Tokens(0)), 1, most, nullptr},
      {"plain", whole(most + 1, 1), most + 1, 1, nullptr},
      {"no-such-model", whole(1, ~Tokens(0)), 1, most, nullptr},
  });
}

// The property that a budget stands on, over everything we ship: no reply within the
// bound costs more, whatever it says of tiers, regions, speed, caching and thinking.
class Replies {
 public:
  Usage within(const WorstCase& worst, const CallSize& size) {
    Usage usage;
    usage.source = UsageSource::reported;
    usage.input = part_of(worst.usage.input);
    usage.output = part_of(worst.usage.output);
    usage.cached_input = part_of(usage.input);
    usage.cache_write = part_of(usage.input);
    usage.cache_write_1h = part_of(usage.cache_write);
    usage.tool_use_input = part_of(usage.input);
    if (!size.input_is_whole) {
      usage.audio_input = part_of(usage.input);
      usage.image_input = part_of(usage.input);
    }
    usage.reasoning = part_of(usage.output);
    usage.audio_output = part_of(usage.output);
    usage.image_output = part_of(usage.output);
    usage.images = part_of(worst.usage.images);
    usage.characters = part_of(worst.usage.characters);
    usage.queries = part_of(worst.usage.queries);
    usage.service_tier = one_of<8>({"", "default", "priority", "fast", "flex", "batch",
                                    "on_demand_priority", "unheard-of"});
    usage.inference_geo = one_of<4>({"", "us", "global", "mars"});
    usage.speed = one_of<3>({"", "standard", "fast"});
    if (random_() % 2 == 0) usage.clamp_parts();
    return usage;
  }

  CallSize size() {
    const Tokens octets = random_() % (random_() % 4 == 0 ? 1'500'000 : 20'000);
    const Tokens said = random_() % 3 == 0 ? 0 : random_() % 50'000;
    return {octets, random_() % 2 == 0, said, 1 + random_() % 3, 4096};
  }

 private:
  // Often all or nothing: bounds break at their ends.
  Tokens part_of(Tokens most) {
    const auto kind = random_() % 4;
    return kind == 0 ? most : kind == 1 ? 0 : random_() % (most + 1);
  }
  template <std::size_t N>
  const char* one_of(const std::array<const char*, N>& words) {
    return words[random_() % N];
  }

  std::mt19937_64 random_{11};
};

TEST(WorstCase, NoReplyWithinTheBoundCostsMore) {
  const PriceTable table = PriceTable::bundled().value();
  std::ifstream file(FAREBOX_SOURCE_DIR "/config/prices.json");
  const nlohmann::json models = nlohmann::json::parse(file).at("models");
  Replies replies;
  std::size_t cards = 0;
  std::size_t bounded = 0;
  std::set<std::string> without;  // modes of cards that never have a bound
  for (const nlohmann::json& model : models) {
    if (model.contains("variant")) continue;
    const std::string provider = model.at("provider");
    const std::string name = model.at("model");
    const PriceCard* card = table.find(provider, kDialect, name);
    ASSERT_NE(card, nullptr) << provider << "/" << name;
    ++cards;
    bool has_bound = false;
    for (int round = 0; round < 200; ++round) {
      const CallSize size = replies.size();
      const WorstCase worst = worst_case(card, size, table, provider, kDialect);
      if (!worst.bill.priced) continue;
      has_bound = true;
      const Usage usage = replies.within(worst, size);
      const Bill bill = price(card, usage, table, provider, kDialect);
      ASSERT_LE(bill.cost.picodollars(), worst.bill.cost.picodollars())
          << provider << "/" << name << " in " << usage.input << " of " << worst.usage.input
          << ", out " << usage.output << " of " << worst.usage.output;
    }
    if (has_bound) {
      ++bounded;
    } else {
      // One embedding model of the file passes for a chat model; it sells no output.
      const bool is_chat = !card->rates.empty() &&
                           card->rates.front().of(TokenClass::output) != kUnpublished;
      const bool cites = is_chat && card->rates.front().of(TokenClass::citation) > 0;
      // Pegasus takes video by the second, which a CallSize doesn't tell.
      const bool no_input = is_chat && card->rates.front().of(TokenClass::input) == kUnpublished;
      without.insert(cites                              ? "sells citations"
                     : no_input                         ? "sells no input"
                     : is_chat || card->mode != "chat" ? card->mode
                                                       : "sells no output");
    }
  }
  EXPECT_GT(cards, 450u);
  // Whatever answers in text has a bound.
  EXPECT_EQ(without, (std::set<std::string>{"image", "ocr", "sells citations",
                                             "sells no input", "sells no output", "transcription", "video"}));
  EXPECT_GT(bounded, cards * 9 / 10);
}

// And it is no looser than it has to be: the dearest reply costs exactly that.
TEST(WorstCase, TheDearestReplyReachesIt) {
  Usage usage;
  usage.source = UsageSource::reported;
  usage.input = 1001;
  usage.cache_write = 1001;
  usage.cache_write_1h = 1001;
  usage.output = 100;
  usage.reasoning = 100;
  for (const char* model : {"plain", "cacher", "thinker", "tiers"}) {
    const Bill bill = price(prices().find("p", kDialect, model), usage, prices(), "p", kDialect);
    EXPECT_EQ(bill.cost.decimal(), worst_of(model, whole(1001, 100)).bill.cost.decimal()) << model;
  }
}

}  // namespace
}  // namespace farebox
