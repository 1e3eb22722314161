#include "config/price_reader.hpp"

#include <gtest/gtest.h>

#include <string>

#include "config/price_check.hpp"

namespace farebox {
namespace {

Result<PriceFile> read(const std::string& json) {
  return read_price_file(json, json.size(), "test.json");
}

Result<PriceFile> read_one(const std::string& card) {
  return read(R"({"schema":1,"version":"v","models":[)" + card + "]}");
}

TEST(PriceReader, ReadsEveryPartOfACard) {
  const Result<PriceFile> file = read_one(R"({
    "id":"a/m#x","provider":"a","model":"m","variant":"x","aliases":["n","o"],"mode":"chat",
    "context_window":1000,"max_output_tokens":100,"embedding_dimensions":3,"cache_min_tokens":4,
    "tokenizer":"o200k_base","tokenizer_public":true,"web_search_per_query":true,
    "rates":[{"tier":"priority","input":"2"},
             {"tier":"standard","above_input_tokens":200,"input":4e0},
             {"tier":"standard","input":"1.5","output":6}],
    "units":{"request":"0.005"},"factors":{"speed=fast":"6","inference_geo=us":1.1},
    "source":"s","date":"2026-01-01","comment":"c","price_page":"p","deprecation_date":"d"})");
  ASSERT_TRUE(file) << file.error().context;
  ASSERT_EQ(file->cards.size(), 1u);
  const PriceCard& card = file->cards[0];
  EXPECT_EQ(card.id, "a/m#x");
  EXPECT_EQ(card.aliases, (std::vector<std::string>{"n", "o"}));
  EXPECT_EQ(card.context_window, 1000u);
  EXPECT_TRUE(card.tokenizer_public);
  EXPECT_TRUE(card.web_search_per_query);
  ASSERT_EQ(card.rates.size(), 3u);
  EXPECT_EQ(card.rates[0].of(TokenClass::input), 1'500'000'000'000);
  EXPECT_EQ(card.rates[0].of(TokenClass::output), 6'000'000'000'000);
  EXPECT_EQ(card.rates[1].above_input_tokens, 200u);
  EXPECT_EQ(card.rates[2].tier, PriceTier::priority);
  ASSERT_NE(card.unit(PriceUnit::request), nullptr);
  EXPECT_TRUE(card.unit(PriceUnit::request)->attodollars == Int128(5'000'000'000'000'000));
  EXPECT_EQ(card.factor(PriceCondition::inference_geo, "us"), 1'100u);
  EXPECT_EQ(card.factor(PriceCondition::speed, "fast"), 6'000u);
  EXPECT_EQ(card.factor(PriceCondition::speed, "slow"), 0u);
}

TEST(PriceReader, TakesPricesPerTokenExactly) {
  const Result<PriceFile> file = read(
      R"({"schema":1,"token_unit":1,"models":[{"provider":"a","model":"m","input":5.46875e-07}]})");
  ASSERT_TRUE(file) << file.error().context;
  EXPECT_EQ(file->cards[0].rates[0].of(TokenClass::input), 546'875'000'000);
}

// The message names the file, the card and the key.
TEST(PriceReader, RefusesWithTheReason) {
  struct Row {
    const char* card;
    const char* says;
  };
  const Row rows[] = {
      {R"({"provider":"a","model":"m","input":"-1"})", "'m': 'input'"},
      {R"({"provider":"a","model":"m","input":-1})", "'input'"},
      {R"({"provider":"a","model":"m","input":"cheap"})", "'cheap'"},
      {R"({"provider":"a","model":"m","input":true})", "must be a decimal"},
      {R"({"provider":"a","model":"m","input":null})", "must be a decimal"},
      {R"({"provider":"a","model":"m","input":"2.9999900000000002"})", "too many decimals"},
      {R"({"provider":"a","model":"m","input":"1000000.1"})", "too large"},
      {R"({"provider":"a","model":"m","input":"1","input":"2"})", "'input' is there twice"},
      {R"({"provider":"a","model":"m","inptu":"1"})", "'inptu' is not known"},
      {R"({"provider":"a","model":"m"})", "no price at all"},
      {R"({"provider":"a","model":"m","rates":[]})", "no price at all"},
      {R"({"provider":"a","model":"m","rates":[{"tier":"standard"}]})", "without any price"},
      {R"({"provider":"a","model":"m","rates":[{"tier":"gold","input":"1"}]})", "'gold'"},
      {R"({"provider":"a","model":"m","rates":[{"input":"1"},{"input":"2"}]})", "two rates"},
      {R"({"provider":"a","model":"m","input":"1","rates":[{"output":"2"}]})", "two rates"},
      {R"({"provider":"a","model":"m","rates":[{"above_input_tokens":0,"input":"1"}]})", "above 0"},
      {R"({"provider":"a","model":"m","units":{"smile":"1"}})", "'smile' is no unit"},
      {R"({"provider":"a","model":"m","units":{"request":"10000000"}})", "too large"},
      {R"({"provider":"a","model":"m","input":"1","factors":{"speed":"2"}})", "has no value"},
      {R"({"provider":"a","model":"m","input":"1","factors":{"speed=x":"0"}})", "is zero"},
      {R"({"provider":"a","model":"m","input":"1","factors":{"speed=x":"1.0001"}})", "decimals"},
      {R"({"provider":"a","model":"m","input":"1","factors":{"mood=x":"1"}})", "'mood=x'"},
      {R"({"provider":"","model":"m","input":"1"})", "must not be empty"},
      {R"({"model":"m","input":"1"})", "must not be empty"},
      {R"({"provider":"a","input":"1"})", "must not be empty"},
      {R"({"provider":"a","model":"m","input":"1","aliases":[""]})", "empty alias"},
      {R"({"provider":"a","model":"m","input":"1","context_window":-5})", "whole number"},
      {R"({"provider":"a","model":"m","input":"1"},{"provider":"a","model":"m","input":"1"})",
       "'a/m' is there twice"},
      {R"([1])", "number 1 is no"},
      {R"({"provider":"a","model":"m","input":"1)", "JSON"},
  };
  for (const Row& row : rows) {
    const Result<PriceFile> file = read_one(row.card);
    ASSERT_FALSE(file) << row.card;
    EXPECT_EQ(file.error().code, ErrorCode::invalid_config);
    EXPECT_TRUE(file.error().context.starts_with("test.json: ")) << file.error().context;
    EXPECT_NE(file.error().context.find(row.says), std::string::npos)
        << row.card << " says " << file.error().context;
  }
}

TEST(PriceReader, RefusesDocumentsThatAreNoPriceFile) {
  const char* rows[] = {
      "",
      " ",
      "[]",
      "1",
      "{",
      "{}",
      R"({"schema":1})",
      R"({"models":[]})",
      R"({"schema":2,"models":[]})",
      R"({"schema":"1","models":[]})",
      R"({"schema":1,"schema":1,"models":[]})",
      R"({"schema":1,"models":{}})",
      R"({"schema":1,"models":[]} {})",
      R"({"schema":1,"models":[]}{"schema":1,"models":[]})",
      R"({"schema":1,"models":[],"surprise":1})",
      R"({"schema":1,"currency":"EUR","models":[]})",
      R"({"schema":1,"token_unit":7,"models":[]})",
      R"({"schema":1,"models":[],"token_unit":1})",
      "{\"schema\":1,\"models\":[],\"comment\":\"\xff\"}",
  };
  for (const char* text : rows) EXPECT_FALSE(read(text)) << text;
  EXPECT_TRUE(read(R"({"schema":1,"models":[]})"));
}

TEST(PriceReader, ReadsAnOverride) {
  const auto cards = read_price_override("gpt-4o", R"({"input":"1.5","output":6})");
  ASSERT_TRUE(cards) << cards.error().context;
  ASSERT_EQ(cards->size(), 1u);
  EXPECT_EQ(cards->front().id, "*/gpt-4o");
  EXPECT_EQ(cards->front().rates[0].of(TokenClass::cache_read), 1'500'000'000'000);

  const auto per_token =
      read_price_override("m", R"({"token_unit":1,"provider":"groq","input":1.5e-6})");
  ASSERT_TRUE(per_token) << per_token.error().context;
  EXPECT_EQ(per_token->front().id, "groq/m");
  EXPECT_EQ(per_token->front().rates[0].of(TokenClass::input), 1'500'000'000'000);

  for (const char* text : {"", "1", "{}", R"({"input":"x"})", R"({"model":"m","input":"1"})",
                           R"({"input":"1","token_unit":1})", R"({"input":"1"} x)"}) {
    const auto refused = read_price_override("gpt-4o", text);
    ASSERT_FALSE(refused) << text;
    EXPECT_NE(refused.error().context.find("gpt-4o"), std::string::npos) << text;
  }
}

// A tier or a size that leaves out a class: the documented fallback, but never below
// what the standard rates say of a class that is dearer than its fallback.
TEST(PriceReader, CompletesRates) {
  const Result<PriceFile> file = read_one(R"({"provider":"a","model":"m","rates":[
    {"tier":"standard","input":"2","cache_read":"0.2","cache_write_5m":"2.5","output":"10",
     "reasoning":"10","image_output":"100"},
    {"tier":"batch","input":"1","output":"5"},
    {"tier":"flex","input":"1"}]})");
  ASSERT_TRUE(file) << file.error().context;
  const PriceCard& card = file->cards[0];
  const auto is = [&](PriceTier tier, TokenClass name, Attodollars price, bool estimate) {
    const TokenRates* rates = card.rates_for(tier, 1);
    EXPECT_EQ(rates->of(name), price * 1'000'000'000'000) << name_of(name);
    EXPECT_EQ(rates->is_estimate(name), estimate) << name_of(name);
  };
  is(PriceTier::standard, TokenClass::audio_input, 2, false);
  is(PriceTier::standard, TokenClass::audio_output, 10, false);
  is(PriceTier::batch, TokenClass::cache_read, 1, false);
  is(PriceTier::batch, TokenClass::reasoning, 5, false);
  is(PriceTier::batch, TokenClass::image_output, 100, true);
  is(PriceTier::flex, TokenClass::output, 10, true);
  EXPECT_EQ(card.rates_for(PriceTier::standard, 1)->of(TokenClass::cache_write_1h),
            2'500'000'000'000);
  EXPECT_EQ(card.rates_for(PriceTier::standard, 1)->of(TokenClass::citation), kUnpublished);
  EXPECT_EQ(card.rates_for(PriceTier::priority, 1), nullptr);
}

// A fuzzer found that "1e400", which is JSON and no double, ended `prices check`.
TEST(PriceCheck, FindsEveryMistakeWithItsLine) {
  const PriceCheck check = check_price_file(R"({"schema":1,"models":[
    {"provider":"a","model":"x","input":1e400},
    {"provider":"a","model":"y","input":"1"},
    {"provider":"a","model":"z","inptu":"1"}]})");
  ASSERT_EQ(check.findings.size(), 2u);
  EXPECT_EQ(check.findings[0].line, 2);
  EXPECT_EQ(check.findings[1].line, 4);
  EXPECT_FALSE(check.ok());
  EXPECT_EQ(check.cards, 1u);
  EXPECT_FALSE(check_price_file("").ok());
  EXPECT_FALSE(check_price_file("{").ok());
  EXPECT_TRUE(check_price_file(R"({"schema":1,"models":[]})").ok());
}

}  // namespace
}  // namespace farebox
