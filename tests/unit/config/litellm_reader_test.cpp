#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>

#include "config/price_decimal.hpp"
#include "config/price_reader.hpp"
#include "config/price_table.hpp"

namespace farebox {
namespace {

using nlohmann::json;

PriceFile read(const std::string& text) {
  const Result<PriceFile> file = read_price_file(text, text.size(), "litellm.json");
  EXPECT_TRUE(file) << file.error().context;
  return file ? *file : PriceFile();
}

const PriceCard& card_of(const PriceFile& file, const std::string& id) {
  for (const PriceCard& card : file.cards) {
    if (card.id == id) return card;
  }
  ADD_FAILURE() << "no card " << id;
  static const PriceCard none;
  return none;
}

// Attodollars of a class in the row of that tier and size.
Attodollars rate(const PriceCard& card, PriceTier tier, std::uint64_t above, TokenClass name) {
  for (const TokenRates& rates : card.rates) {
    if (rates.tier == tier && rates.above_input_tokens == above) return rates.of(name);
  }
  return kUnpublished;
}

constexpr const char* kFile = R"({
  "sample_spec": {"litellm_provider": "one of ...", "input_cost_per_token": 0.1, "mode": "chat"},
  "gpt-x": {"litellm_provider": "openai", "mode": "chat", "max_input_tokens": 128000,
    "max_output_tokens": "16384", "input_cost_per_token": 1.25e-06,
    "input_cost_per_token_batches": 6.25e-07, "input_cost_per_token_flex": 7.5e-07,
    "input_cost_per_token_priority": 2.5e-06, "output_cost_per_token": 0.00001,
    "output_cost_per_token_batches": 5e-06, "cache_read_input_token_cost": 1.25e-07,
    "input_cost_per_token_above_272k_tokens": 2.5e-06,
    "output_cost_per_token_above_272k_tokens": 1.5e-05,
    "input_cost_per_token_above_272k_tokens_priority": 5e-06,
    "supports_vision": true, "supported_endpoints": ["/v1/chat/completions"],
    "search_context_cost_per_query": {"search_context_size_low": 0.03,
      "search_context_size_medium": 0.035, "search_context_size_high": 0.05},
    "deprecation_date": "2027-01-01", "source": "https://example.com/prices"},
  "claude-x": {"litellm_provider": "anthropic", "mode": "chat", "input_cost_per_token": 3e-06,
    "output_cost_per_token": 1.5e-05, "cache_creation_input_token_cost": 3.75e-06,
    "cache_creation_input_token_cost_above_1hr": 6e-06,
    "cache_creation_input_token_cost_above_1hr_above_200k_tokens": 1.2e-05,
    "input_cost_per_token_above_200k_tokens": 6e-06,
    "provider_specific_entry": {"us": 1.1, "fast": 6.0}},
  "azure/eu/gpt-y": {"litellm_provider": "azure", "mode": "chat", "input_cost_per_token": 1e-06},
  "azure_ai/grok-y": {"litellm_provider": "azure_ai", "mode": "chat", "input_cost_per_token": 2e-06},
  "bedrock/us-west-2/a.b-v1:0": {"litellm_provider": "bedrock", "mode": "chat",
    "input_cost_per_token": 1e-06},
  "us.anthropic.c-v1:0": {"litellm_provider": "bedrock_converse", "mode": "chat",
    "input_cost_per_token": 1e-06},
  "vertex_ai/claude-z@20250101": {"litellm_provider": "vertex_ai-anthropic_models",
    "mode": "chat", "input_cost_per_token": 1e-06},
  "hd/1024-x-1792/dall-e-9": {"litellm_provider": "openai", "mode": "image_generation",
    "input_cost_per_pixel": 6.539e-08, "output_cost_per_pixel": 0.0},
  "dall-e-9": {"litellm_provider": "openai", "mode": "image_generation",
    "input_cost_per_image": 0.04},
  "whisper-9": {"litellm_provider": "openai", "mode": "audio_transcription",
    "input_cost_per_second": 0.0001, "output_cost_per_second": 0.0001},
  "gemini/gemini-x": {"litellm_provider": "gemini", "mode": "chat", "input_cost_per_token": 3e-07,
    "input_cost_per_audio_token": 1e-06, "output_cost_per_reasoning_token": 2.5e-06,
    "search_context_cost_per_query": {"search_context_size_medium": 0.035}},
  "perplexity/sonar-x": {"litellm_provider": "perplexity", "mode": "chat",
    "input_cost_per_token": 1e-06,
    "search_context_cost_per_query": {"search_context_size_medium": 0.008}},
  "dashscope/qwen-x": {"litellm_provider": "dashscope", "mode": "chat", "tiered_pricing": [
    {"range": [0, 32000.0], "input_cost_per_token": 1e-06, "output_cost_per_token": 2e-06},
    {"range": [32000.0, 128000.0], "input_cost_per_token": 3e-06, "output_cost_per_token": 4e-06}]},
  "databricks/long": {"litellm_provider": "databricks", "mode": "chat",
    "input_cost_per_token": 2.9999900000000002e-06, "input_dbu_cost_per_token": 4e-05},
  "nothing": {"litellm_provider": "openai", "mode": "chat"},
  "no-seller": {"mode": "chat", "input_cost_per_token": 1e-06},
  "odd": {"litellm_provider": "openai", "input_cost_per_token": "a lot", "output_cost_per_token": null,
    "input_cost_per_request": 0.01}
})";

TEST(LitellmReader, ReadsPricesByTheirDigits) {
  const PriceFile file = read(kFile);
  const PriceCard& card = card_of(file, "openai/gpt-x");
  using enum TokenClass;
  EXPECT_EQ(rate(card, PriceTier::standard, 0, input), 1'250'000'000'000);
  EXPECT_EQ(rate(card, PriceTier::standard, 0, output), 10'000'000'000'000);
  EXPECT_EQ(rate(card, PriceTier::standard, 0, cache_read), 125'000'000'000);
  EXPECT_EQ(rate(card, PriceTier::batch, 0, input), 625'000'000'000);
  EXPECT_EQ(rate(card, PriceTier::flex, 0, input), 750'000'000'000);
  EXPECT_EQ(rate(card, PriceTier::priority, 0, input), 2'500'000'000'000);
  EXPECT_EQ(rate(card, PriceTier::standard, 272'000, output), 15'000'000'000'000);
  EXPECT_EQ(rate(card, PriceTier::priority, 272'000, input), 5'000'000'000'000);
  EXPECT_EQ(card.context_window, 128'000u);
  EXPECT_EQ(card.max_output_tokens, 16'384u);
  EXPECT_EQ(card.mode, "chat");
  EXPECT_EQ(card.notes.deprecation_date, "2027-01-01");
  ASSERT_NE(card.unit(PriceUnit::web_search_high), nullptr);
  EXPECT_EQ(write_decimal(card.unit(PriceUnit::web_search_high)->attodollars, 18), "0.05");
  // 22 decimals: rounded to the attodollar.
  EXPECT_EQ(rate(card_of(file, "databricks/long"), PriceTier::standard, 0, input), 2'999'990'000'000);
}

TEST(LitellmReader, KnowsCacheLifetimesFactorsAndSteps) {
  const PriceFile file = read(kFile);
  const PriceCard& claude = card_of(file, "anthropic/claude-x");
  using enum TokenClass;
  EXPECT_EQ(rate(claude, PriceTier::standard, 0, cache_write_5m), 3'750'000'000'000);
  EXPECT_EQ(rate(claude, PriceTier::standard, 0, cache_write_1h), 6'000'000'000'000);
  EXPECT_EQ(rate(claude, PriceTier::standard, 200'000, cache_write_1h), 12'000'000'000'000);
  EXPECT_EQ(claude.factor(PriceCondition::inference_geo, "us"), 1'100u);
  EXPECT_EQ(claude.factor(PriceCondition::speed, "fast"), 6'000u);
  const PriceCard& qwen = card_of(file, "alibaba/qwen-x");
  EXPECT_EQ(rate(qwen, PriceTier::standard, 0, input), 1'000'000'000'000);
  EXPECT_EQ(rate(qwen, PriceTier::standard, 32'000, output), 4'000'000'000'000);
  EXPECT_TRUE(card_of(file, "gemini/gemini-x").web_search_per_prompt);
  EXPECT_NE(card_of(file, "perplexity/sonar-x").unit(PriceUnit::request_medium), nullptr);
}

TEST(LitellmReader, TakesKeysApart) {
  const PriceFile file = read(kFile);
  for (const char* id :
       {"azure/gpt-y@eu", "azure/grok-y", "bedrock/a.b-v1:0@us-west-2", "bedrock/us.anthropic.c-v1:0",
        "vertex/claude-z@20250101", "openai/dall-e-9#hd/1024-x-1792", "openai/dall-e-9",
        "openai/whisper-9"}) {
    card_of(file, id);
  }
  EXPECT_TRUE(card_of(file, "openai/dall-e-9").has_variants);
  EXPECT_EQ(card_of(file, "openai/dall-e-9").mode, "image");
  for (const PriceCard& card : file.cards) {
    EXPECT_NE(card.model, "nothing");
    EXPECT_NE(card.model, "no-seller");
    EXPECT_NE(card.model, "sample_spec");
  }
}

TEST(LitellmReader, TellsWhatItLeavesOut) {
  const PriceFile file = read(kFile);
  std::string all;
  for (const std::string& warning : file.warnings) all += warning + "\n";
  EXPECT_NE(all.find("'input_dbu_cost_per_token' is not used"), std::string::npos) << all;
  EXPECT_NE(all.find("input_cost_per_token (not a price)"), std::string::npos) << all;
  EXPECT_EQ(all.find("supports_vision"), std::string::npos);
}

TEST(LitellmReader, RefusesWhatHasNoPriceAtAll) {
  for (const char* text : {R"({"a":{}})", R"({"a":{"b":1}})", R"({"sample_spec":{}})",
                           R"({"a":{"litellm_provider":"openai"}} x)"}) {
    EXPECT_FALSE(read_price_file(text, std::string_view(text).size(), "x")) << text;
  }
}

TEST(LitellmReader, FilesExtendTheBundledTableAsTheyAre) {
  const Result<PriceTable> table = PriceTable::bundled()->extended(kFile, "litellm.json");
  ASSERT_TRUE(table) << table.error().context;
  EXPECT_NE(table->find("openai", DialectName::openai, "gpt-x"), nullptr);
  EXPECT_NE(table->find("openai", DialectName::openai, "gpt-4o"), nullptr);
}

// Every fact of the public table, written as LiteLLM writes it and read again.
const std::map<std::string, std::string>& field_of_class() {
  static const std::map<std::string, std::string> fields = {
      {"input", "input_cost_per_token"}, {"output", "output_cost_per_token"},
      {"cache_read", "cache_read_input_token_cost"},
      {"cache_write_5m", "cache_creation_input_token_cost"},
      {"cache_write_1h", "cache_creation_input_token_cost_above_1hr"},
      {"reasoning", "output_cost_per_reasoning_token"},
      {"audio_input", "input_cost_per_audio_token"}, {"audio_output", "output_cost_per_audio_token"},
      {"image_input", "input_cost_per_image_token"}, {"image_output", "output_cost_per_image_token"}};
  return fields;
}

TEST(LitellmReader, AgreesWithTheFactsOfItsTable) {
  const char* dir = std::getenv("FAREBOX_FACTS_DIR");
  std::ifstream facts(std::string(dir != nullptr ? dir : FAREBOX_SOURCE_DIR "/../shared") +
                      "/prices/prices-all.jsonl");
  if (!facts) GTEST_SKIP() << "no price facts; set FAREBOX_FACTS_DIR";
  std::string text = "{";
  std::map<std::string, json> by_key;
  for (std::string line; std::getline(facts, line);) {
    const json fact = json::parse(line);
    const std::string key = fact["source_key"];
    std::string fields = R"("litellm_provider":")" + fact["provider"].get<std::string>() + "\"";
    bool any = false;
    for (const json& row : fact["per_million_tokens"]) {
      const std::string tier = row["tier"];
      std::string suffix;
      if (row.contains("above_input_tokens")) {
        suffix = "_above_" + std::to_string(row["above_input_tokens"].get<int>() / 1000) + "k_tokens";
      }
      if (tier != "standard") suffix += tier == "batch" ? "_batches" : "_" + tier;
      for (const auto& [name, field] : field_of_class()) {
        if (!row.contains(name)) continue;
        fields += ",\"" + field + suffix + "\":" + row[name].get<std::string>() + "e-06";
        any = true;
      }
    }
    if (!any) continue;
    text += (text.size() > 1 ? "," : "") + json(key).dump() + ":{" + fields + "}";
    by_key[key] = fact;
  }
  const PriceFile file = read(text + "}");
  std::map<std::string, const PriceCard*> cards;
  for (const PriceCard& card : file.cards) cards[card.id] = &card;
  int compared = 0, other_id = 0;
  for (const auto& [key, fact] : by_key) {
    std::string id = fact["id"];
    if (id.starts_with("azure-ai/")) id = "azure/" + id.substr(9);
    const auto found = cards.find(id);
    if (found == cards.end()) {
      ++other_id;
      continue;
    }
    for (const json& row : fact["per_million_tokens"]) {
      const auto tier = row["tier"] == "batch" ? PriceTier::batch : row["tier"] == "flex" ? PriceTier::flex
                        : row["tier"] == "priority" ? PriceTier::priority : PriceTier::standard;
      if (!row.contains("input")) continue;
      const Int128 said = *read_decimal(row["input"].get<std::string>(), 12, Int128(1) << 100,
                                        TooFine::rounded);
      const Attodollars got = rate(*found->second, tier, row.value("above_input_tokens", 0u),
                                   TokenClass::input);
      if (got == said) ++compared;
    }
  }
  std::printf("litellm: %d prices agree, %d keys under another id\n", compared, other_id);
  EXPECT_GE(compared, 2'700);
  EXPECT_LE(other_id, 90);
}

}  // namespace
}  // namespace farebox
