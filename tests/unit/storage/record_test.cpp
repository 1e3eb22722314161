// The JSON of a record is a contract: its keys are those of design section 7, no more.
#include "storage/record.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace farebox {
namespace {

using nlohmann::json;

json json_of(const Record& record) {
  std::string text;
  append_json(text, record);
  EXPECT_EQ(text.find('\n'), std::string::npos);
  const json parsed = json::parse(text, nullptr, false);
  EXPECT_FALSE(parsed.is_discarded()) << text;
  return parsed;
}

// The keys in the order they are written.
std::vector<std::string> keys_of(const Record& record) {
  std::string text;
  append_json(text, record);
  std::vector<std::string> keys;
  const auto parsed = nlohmann::ordered_json::parse(text);
  for (const auto& [key, value] : parsed.items()) keys.push_back(key);
  return keys;
}

Record metered() {
  Record record;
  record.sequence = 0x2a;
  record.time = WallTime(std::chrono::sys_days(std::chrono::year(2026) / 11 / 21));
  record.metered = true;
  record.usage.source = UsageSource::reported;
  return record;
}

TEST(Record, HasExactlyTheKeysOfTheContract) {
  const std::vector<std::string> contract = {
      "id", "time", "requestId", "provider", "dialect", "endpoint", "model", "requestedModel",
      "keyName", "org", "project", "user", "tags", "stream", "status", "outcome", "inputTokens",
      "cachedInputTokens", "cacheWriteTokens", "outputTokens", "reasoningTokens",
      "audioInputTokens", "audioOutputTokens", "imageInputTokens", "imageOutputTokens",
      "toolCalls", "units", "extras", "costUsd", "priced", "priceVersion", "estimated",
      "overHold", "metered", "cache", "attempts", "ttfbMs", "latencyMs", "finishReason"};
  EXPECT_EQ(keys_of(Record()), contract);
  EXPECT_EQ(keys_of(metered()), contract);

  Record record = metered();
  record.extras.emplace_back();
  record.attempts.emplace_back();
  const json parsed = json_of(record);
  const auto names = [](const json& object) {
    std::vector<std::string> keys;
    for (const auto& [key, value] : object.items()) keys.push_back(key);  // sorted by nlohmann
    return keys;
  };
  using Names = std::vector<std::string>;
  EXPECT_EQ(names(parsed["units"]), (Names{"characters", "images", "queries", "seconds"}));
  EXPECT_EQ(names(parsed["extras"][0]), (Names{"costUsd", "inputTokens", "model", "outputTokens", "type"}));
  EXPECT_EQ(names(parsed["attempts"][0]),
            (Names{"costUsd", "latencyMs", "model", "outcome", "provider", "status"}));
}

TEST(Record, AFullOneSaysEverything) {
  Record record = metered();
  record.request_id = "req-1";
  record.provider = "openai";
  record.dialect = "openai";
  record.endpoint = "chat.completions";
  record.model = "gpt-4.1-2025-04-14";
  record.requested_model = "gpt-4.1";
  record.key_name = "app";
  record.org = "acme";
  record.project = "search";
  record.user = "u1";
  record.tags = {{"team", "s"}, {"env", "prod"}};
  record.stream = true;
  record.status = 200;
  record.usage.input = 100;
  record.usage.output = 50;
  record.usage.cached_input = 40;
  record.usage.cache_write = 10;
  record.usage.reasoning = 20;
  record.usage.audio_input = 1;
  record.usage.audio_output = 2;
  record.usage.image_input = 3;
  record.usage.image_output = 4;
  record.usage.microseconds = 1'500'000;
  record.usage.images = 5;
  record.usage.characters = 6;
  record.usage.queries = 7;
  record.tool_calls = 2;
  record.extras.push_back({"web_search", "m", 1, 2, Money::picodollars(10'000'000'000), true});
  record.cost = Money::picodollars(123'000'000);
  record.priced = true;
  record.price_version = "2026-11-01";
  record.estimated = true;
  record.over_hold = true;
  record.cache = "hit";
  record.attempts.push_back({"azure", "m", 503, Outcome::provider_error, Money(), true, 12});
  record.ttfb_ms = 80;
  record.latency_ms = 900;
  record.finish_reason = "stop";
  const json expected = json::parse(R"({
    "id": "000000000000002a", "time": "2026-11-21T00:00:00.000Z", "requestId": "req-1",
    "provider": "openai", "dialect": "openai", "endpoint": "chat.completions",
    "model": "gpt-4.1-2025-04-14", "requestedModel": "gpt-4.1", "keyName": "app", "org": "acme",
    "project": "search", "user": "u1", "tags": {"team": "s", "env": "prod"}, "stream": true,
    "status": 200, "outcome": "ok", "inputTokens": 100, "cachedInputTokens": 40,
    "cacheWriteTokens": 10, "outputTokens": 50, "reasoningTokens": 20, "audioInputTokens": 1,
    "audioOutputTokens": 2, "imageInputTokens": 3, "imageOutputTokens": 4, "toolCalls": 2,
    "units": {"seconds": 1.5, "images": 5, "characters": 6, "queries": 7},
    "extras": [{"type": "web_search", "model": "m", "inputTokens": 1, "outputTokens": 2, "costUsd": "0.01"}],
    "costUsd": "0.000123", "priced": true, "priceVersion": "2026-11-01", "estimated": true,
    "overHold": true, "metered": true, "cache": "hit",
    "attempts": [{"provider": "azure", "model": "m", "status": 503, "outcome": "provider_error",
                  "costUsd": "0", "latencyMs": 12}],
    "ttfbMs": 80, "latencyMs": 900, "finishReason": "stop"})");
  EXPECT_EQ(json_of(record), expected);
}

TEST(Record, WhatFewRecordsHaveIsShownWhereItSaysSomething) {
  Record record = metered();
  record.usage.service_tier = "flex";
  record.usage.variant = "hd/1024-x-1024";
  record.usage.search_context = "low";
  record.usage.cache_write_1h = 5;
  record.usage.citation = 6;
  record.usage.pages = 2;
  record.usage.reported_cost = Money::picodollars(24'885'000'000);
  record.table_cost = Money::picodollars(24'000'000'000);
  record.price_factor = 850'000;
  record.corrects = 41;
  record.estimated_by.add(Estimate::output_counted);
  record.estimated_by.add(Estimate::price_tier);
  const json parsed = json_of(record);
  EXPECT_EQ(parsed["serviceTier"], "flex");
  EXPECT_EQ(parsed["variant"], "hd/1024-x-1024");
  EXPECT_EQ(parsed["searchContext"], "low");
  EXPECT_EQ(parsed["cacheWrite1hTokens"], 5);
  EXPECT_EQ(parsed["citationTokens"], 6);
  EXPECT_EQ(parsed["units"]["pages"], 2);
  EXPECT_EQ(parsed["reportedCostUsd"], "0.024885");
  EXPECT_EQ(parsed["tableCostUsd"], "0.024");
  EXPECT_EQ(parsed["priceFactor"], "0.85");
  EXPECT_EQ(parsed["corrects"], "0000000000000029");
  EXPECT_EQ(parsed["estimatedBy"], json({"output_counted", "price_tier"}));
}

TEST(Record, AnUnknownCostIsNullAndAKnownZeroIsZero) {
  Record record = metered();
  record.cost = Money::dollars(5);  // a part of it may be known; it isn't the cost
  record.extras.push_back({"web_search", "", 0, 0, Money::dollars(1), false});
  record.attempts.emplace_back().cost = Money::dollars(5);
  const json unknown = json_of(record);
  EXPECT_TRUE(unknown["costUsd"].is_null());
  EXPECT_EQ(unknown["priced"], false);
  EXPECT_TRUE(unknown["extras"][0]["costUsd"].is_null());
  EXPECT_TRUE(unknown["attempts"][0]["costUsd"].is_null());
  record.priced = true;
  record.cost = Money();
  EXPECT_EQ(json_of(record)["costUsd"], "0");
}

TEST(Record, TokensOfWhatNobodyMeteredAreNull) {
  const json unmetered = json_of(Record());
  const json known = json_of(metered());
  for (const char* name :
       {"inputTokens", "cachedInputTokens", "cacheWriteTokens", "outputTokens", "reasoningTokens",
        "audioInputTokens", "audioOutputTokens", "imageInputTokens", "imageOutputTokens"}) {
    EXPECT_TRUE(unmetered[name].is_null()) << name;
    EXPECT_EQ(known[name], 0) << name;
  }
}

TEST(Record, WhatIsNotSaidIsNull) {
  const json parsed = json_of(metered());
  for (const char* name : {"keyName", "org", "project", "user", "cache", "finishReason"}) {
    EXPECT_TRUE(parsed[name].is_null()) << name;
  }
  EXPECT_EQ(parsed["tags"], json::object());
  EXPECT_EQ(parsed["extras"], json::array());
  EXPECT_EQ(parsed["attempts"], json::array());
}

TEST(Record, SecondsAreExact) {
  struct Row {
    std::uint64_t microseconds;
    const char* seconds;
  };
  const Row rows[] = {{0, "0"}, {1, "0.000001"}, {1'000'000, "1"}, {1'500'000, "1.5"},
                      {10'000'000, "10"}, {100'000, "0.1"}, {123'456'789, "123.456789"}};
  for (const Row& row : rows) {
    Record record = metered();
    record.usage.microseconds = row.microseconds;
    std::string text;
    append_json(text, record);
    EXPECT_NE(text.find("\"seconds\":" + std::string(row.seconds) + ","), std::string::npos) << text;
  }
}

TEST(Record, OutcomesHaveTheNamesOfTheContract) {
  const std::pair<Outcome, const char*> rows[] = {
      {Outcome::ok, "ok"}, {Outcome::provider_error, "provider_error"},
      {Outcome::client_closed, "client_closed"}, {Outcome::upstream_error, "upstream_error"},
      {Outcome::timeout, "timeout"}, {Outcome::budget_cut, "budget_cut"},
      {Outcome::drained, "drained"}, {Outcome::refused, "refused"}, {Outcome::crashed, "crashed"}};
  for (const auto& [outcome, name] : rows) EXPECT_EQ(name_of(outcome), name);
}

TEST(Record, NoTextBreaksItsJson) {
  const std::string hostile = "a\"\\\r\n\x1b\x7f\xff\xc3" + std::string(1, '\0');
  Record record = metered();
  for (std::string* text :
       {&record.request_id, &record.provider, &record.dialect, &record.endpoint, &record.model,
        &record.requested_model, &record.key_name, &record.org, &record.project, &record.user,
        &record.price_version, &record.cache, &record.finish_reason}) {
    *text = hostile;
  }
  record.tags = {{hostile, hostile}};
  record.extras.push_back({hostile, hostile, 0, 0, Money(), true});
  record.attempts.push_back({hostile, hostile, 0, Outcome::ok, Money(), true, 0});
  const json parsed = json_of(record);
  EXPECT_EQ(parsed["model"].get<std::string>().substr(0, 5), "a\"\\\r\n");
  EXPECT_EQ(parsed["tags"].size(), 1u);
}

}  // namespace
}  // namespace farebox
