// Every recorded answer that has a price, priced twice: by the code, and here by plain
// arithmetic on the decimals of the published table. They must agree to the picodollar.
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <string>

#include "policy/pricing.hpp"

namespace farebox {
namespace {

using nlohmann::json;

std::string facts_dir() {
  const char* configured = std::getenv("FAREBOX_FACTS_DIR");
  return configured != nullptr ? configured : FAREBOX_SOURCE_DIR "/../shared";
}

// "0.075" -> 75,000,000,000: USD per million tokens in attodollars per token.
Int128 attodollars(const std::string& decimal) {
  const std::size_t point = decimal.find('.');
  std::string digits = decimal.substr(0, point);
  std::string fraction = point == std::string::npos ? "" : decimal.substr(point + 1);
  EXPECT_LE(fraction.size(), 12u) << decimal;
  fraction.resize(12, '0');
  Int128 value = 0;
  for (const char digit : digits + fraction) value = value * 10 + (digit - '0');
  return value;
}

std::uint64_t count(const json& expected, const char* key) {
  const auto found = expected.find(key);
  return found != expected.end() && found->is_number() ? found->get<std::uint64_t>() : 0;
}

std::string text(const json& expected, const char* key) {
  const auto found = expected.find(key);
  return found != expected.end() && found->is_string() ? found->get<std::string>() : "";
}

Usage usage_of(const json& expected) {
  Usage usage;
  usage.source = UsageSource::reported;
  usage.input = count(expected, "input_tokens");
  usage.output = count(expected, "output_tokens");
  usage.cached_input = count(expected, "cached_input_tokens");
  usage.cache_write = count(expected, "cache_creation_tokens");
  usage.cache_write_1h = count(expected, "cache_creation_1h_tokens");
  usage.tool_use_input = count(expected, "tool_use_input_tokens");
  usage.audio_input = count(expected, "audio_input_tokens");
  usage.image_input = count(expected, "image_input_tokens");
  usage.reasoning = count(expected, "reasoning_tokens");
  usage.audio_output = count(expected, "audio_output_tokens");
  usage.image_output = count(expected, "image_output_tokens");
  usage.microseconds = 1'000'000 * count(expected, "audio_seconds");
  usage.service_tier = text(expected, "service_tier");
  usage.inference_geo = text(expected, "inference_geo");
  usage.speed = text(expected, "speed");
  const auto tools = expected.find("server_tools");
  if (tools != expected.end() && tools->is_object()) {
    for (const char* tool : {"web_search", "web_fetch"}) {
      const std::uint64_t times = count(*tools, (std::string(tool) + "_requests").c_str());
      if (times > 0) usage.extras.push_back({.type = tool, .model = "", .count = times});
    }
  }
  usage.clamp_parts();
  return usage;
}

// The row of the published table that applies, with the rules of its README spelt out.
const json* row_for(const json& card, const std::string& tier, std::uint64_t input) {
  const json* best = nullptr;
  std::uint64_t best_above = 0;
  for (const json& row : card["per_million_tokens"]) {
    const std::uint64_t above = row.value("above_input_tokens", std::uint64_t(0));
    if (row["tier"] != tier || (above > 0 && input <= above)) continue;
    if (best == nullptr || above > best_above) {
      best = &row;
      best_above = above;
    }
  }
  return best;
}

// False where parts overlap or need a price that the row leaves to a fallback of ours.
bool plain_cost(const json& card, const Usage& usage, Int128& picodollars) {
  std::string tier = "standard";
  if (usage.service_tier == "flex" || usage.service_tier == "priority") tier = usage.service_tier;
  const json* row = row_for(card, tier, usage.input);
  if (row == nullptr) row = row_for(card, "standard", usage.input);
  if (row == nullptr) return false;
  const auto rate = [&](const char* name, const char* instead) -> Int128 {
    if (row->contains(name)) return attodollars((*row)[name]);
    return row->contains(instead) ? attodollars((*row)[instead]) : Int128(0);
  };
  const std::uint64_t parts_in =
      usage.cached_input + usage.cache_write + usage.audio_input + usage.image_input;
  const std::uint64_t parts_out = usage.reasoning + usage.audio_output + usage.image_output;
  if (parts_in > usage.input || parts_out > usage.output) return false;
  const std::uint64_t text_out = usage.output - parts_out;
  if (text_out > 0 && !row->contains("output")) return false;

  Int128 sum = rate("input", "input") * Int128(usage.input - parts_in);
  sum += rate("cache_read", "input") * Int128(usage.cached_input);
  sum += rate("cache_write_5m", "input") * Int128(usage.cache_write - usage.cache_write_1h);
  sum += 2 * rate("input", "input") * Int128(usage.cache_write_1h);  // Anthropic's rule
  sum += rate("audio_input", "input") * Int128(usage.audio_input);
  sum += rate("image_input", "input") * Int128(usage.image_input);
  sum += rate("output", "output") * Int128(text_out);
  sum += rate("reasoning", "output") * Int128(usage.reasoning);
  sum += rate("audio_output", "output") * Int128(usage.audio_output);
  sum += rate("image_output", "output") * Int128(usage.image_output);
  const json units = card.value("per_unit", json::object());
  if (usage.microseconds > 0 && usage.audio_input == 0) {
    if (!units.contains("second_input")) return false;
    sum += attodollars(units["second_input"]) * Int128(usage.microseconds);  // per 1e6 of them
  }
  for (const UsageExtra& extra : usage.extras) {
    if (extra.type == "web_fetch") continue;
    if (!units.contains("web_search_medium")) return false;
    sum += attodollars(units["web_search_medium"]) * 1'000'000 * Int128(extra.count);
  }
  picodollars = (sum + 500'000) / 1'000'000;
  return true;
}

struct Provider {
  const char* name;
  DialectName dialect;
  int at_least;  // recordings that must be compared, so that a look-up gone blind shows
};

class PricingRecordings : public testing::TestWithParam<Provider> {};

TEST_P(PricingRecordings, CostWhatTheTableSays) {
  std::ifstream table_file(facts_dir() + "/prices/prices-all.jsonl");
  std::ifstream curated_file(facts_dir() + "/prices/prices.json");
  std::ifstream recordings(facts_dir() + "/recordings/" + GetParam().name + ".jsonl");
  if (!table_file || !curated_file || !recordings) {
    GTEST_SKIP() << "no price facts or recordings in " << facts_dir()
                 << "; set FAREBOX_FACTS_DIR";
  }
  std::map<std::string, json> published;
  for (std::string line; std::getline(table_file, line);) {
    json card = json::parse(line);
    const std::string id = card["id"];
    published.emplace(id, std::move(card));
  }
  const json curated = json::parse(curated_file);
  for (const json& card : curated["models"]) published[card["id"]] = card;
  // Cards whose price our own table changes say so in a comment.
  std::ifstream own_file(FAREBOX_SOURCE_DIR "/config/prices.json");
  const json own = json::parse(own_file);
  std::map<std::string, std::string> changed;
  for (const json& card : own["models"]) {
    if (card.contains("comment")) changed[card["id"]] = card["comment"];
  }

  const Result<PriceTable> table = PriceTable::bundled();
  ASSERT_TRUE(table);
  int compared = 0, unknown = 0, unpriced = 0, left_out = 0;
  for (std::string line; std::getline(recordings, line);) {
    const json expected = json::parse(line)["expected"];
    if (!expected.value("usage_found", false)) continue;
    const auto find = [&](const char* key) {
      return table->find(GetParam().name, GetParam().dialect, text(expected, key));
    };
    const PriceCard* card = find("model");
    if (card == nullptr) card = find("request_model");
    const Usage usage = usage_of(expected);
    const Bill bill = price(card, usage, *table, GetParam().name, GetParam().dialect);
    if (card == nullptr) {
      EXPECT_FALSE(bill.priced);
      ++unknown;
      continue;
    }
    const auto why = changed.find(card->id);
    const bool followed = why != changed.end() && why->second.find("followed") != std::string::npos;
    Int128 plain = 0;
    if (followed || !published.contains(card->id) ||
        !plain_cost(published[card->id], usage, plain)) {
      ++left_out;
      unpriced += bill.priced ? 0 : 1;
      continue;
    }
    EXPECT_TRUE(bill.priced) << card->id << " " << line.substr(0, 40);
    EXPECT_EQ(bill.cost.decimal(), Money::picodollars(plain).decimal())
        << card->id << " " << line.substr(0, 40);
    ++compared;
  }
  EXPECT_GE(compared, GetParam().at_least);
  std::printf("%s: %d compared, %d of an unknown model, %d left out (%d of them unpriced)\n",
              GetParam().name, compared, unknown, left_out, unpriced);
}

INSTANTIATE_TEST_SUITE_P(Providers, PricingRecordings,
                         testing::Values(Provider{"openai", DialectName::openai, 1'000},
                                         Provider{"anthropic", DialectName::anthropic, 350},
                                         Provider{"gemini", DialectName::gemini, 290},
                                         Provider{"azure", DialectName::azure, 45},
                                         Provider{"vertex", DialectName::gemini, 40},
                                         Provider{"groq", DialectName::openai, 10},
                                         Provider{"mistral", DialectName::mistral, 10},
                                         Provider{"deepseek", DialectName::openai, 0},
                                         Provider{"xai", DialectName::openai, 20}),
                         [](const auto& test) { return std::string(test.param.name); });

}  // namespace
}  // namespace farebox
