// Budgets as JSON: what is stored comes back, and what a request may say.
#include "proxy/budget_document.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <nlohmann/json.hpp>

#include "config/base/json_writer.hpp"

namespace farebox {
namespace {

using Owner = ShelvedBudget::Owner;
using Json = nlohmann::json;

Settings settings() {
  Settings made;
  made.providers.emplace_back().name = "openai";
  return made;
}

Result<BudgetRequest> read(std::string_view json) { return read_budget_request(json, settings()); }

std::string why_not(std::string_view json) {
  const auto request = read(json);
  EXPECT_FALSE(request) << json;
  if (request) return "";
  EXPECT_EQ(request.error().code, ErrorCode::bad_request) << json;
  return request.error().context;
}

ShelvedBudget everything() {
  ShelvedBudget budget;
  budget.id = "bgt-1";
  budget.owner = Owner::api;
  BudgetSettings& said = budget.order.said;
  said.name = "a \"quoted\" name: {}, # \xc3\xa9";
  said.scope = {{"project", "search"}, {"user", "*"}, {"provider", "openai"}, {"tag.team", "a: b"}};
  said.period = BudgetPeriod::weekly;
  said.limit = *Money::parse("123456789.000000000001");
  said.limit_tokens = 999'999'999'999'999;
  said.warning_threshold_millionths = 1;
  said.critical_threshold_millionths = 955'555;
  said.time_zone = "UTC";
  said.week_starts = 0;
  said.year_starts = 12;
  said.rollover = true;
  said.on_exceeded = OnExceeded::downgrade;
  said.downgrade_to = "gpt-4.1-nano";
  budget.alerts_enabled = false;
  budget.reason = "because \n \x01";
  budget.order.limit_override = BudgetRule::Override{Money::dollars(800), WallTime(std::chrono::hours(500'000))};
  budget.order.top_up = BudgetRule::Override{*Money::parse("0.5"), WallTime::max()};
  return budget;
}

void expect_same(const std::optional<BudgetRule::Override>& a,
                 const std::optional<BudgetRule::Override>& b) {
  ASSERT_EQ(a.has_value(), b.has_value());
  if (!a) return;
  EXPECT_EQ(a->limit, b->limit);
  EXPECT_EQ(a->until, b->until);
}

ShelvedBudget again(const ShelvedBudget& budget) {
  ShelvedBudget read;
  read.id = budget.id;
  read.owner = budget.owner;
  const auto done = read_budget(write_budget(budget), read);
  EXPECT_TRUE(done) << done.error().context << "\n" << write_budget(budget);
  return read;
}

TEST(BudgetDocument, IsReadAsItWasWritten) {
  ShelvedBudget budget = everything();
  const ShelvedBudget read = again(budget);
  EXPECT_EQ(read.order.said, budget.order.said);
  EXPECT_EQ(read.alerts_enabled, budget.alerts_enabled);
  EXPECT_EQ(read.reason, budget.reason);
  expect_same(read.order.limit_override, budget.order.limit_override);
  expect_same(read.order.top_up, budget.order.top_up);

  budget.order.said.on_exceeded = OnExceeded::throttle;
  budget.order.said.downgrade_to.clear();
  budget.order.said.throttle_requests_per_minute = 77;
  budget.order.said.limit_tokens = 0;
  budget.order.said.scope.clear();
  budget.order.top_up.reset();
  EXPECT_EQ(again(budget).order.said, budget.order.said);
  EXPECT_FALSE(again(budget).order.top_up);
}

TEST(BudgetDocument, EveryPeriodAndActionHasItsName) {
  for (const BudgetPeriod period : {BudgetPeriod::daily, BudgetPeriod::weekly, BudgetPeriod::monthly,
                                    BudgetPeriod::yearly, BudgetPeriod::total}) {
    for (const OnExceeded action : {OnExceeded::block, OnExceeded::audit, OnExceeded::throttle}) {
      ShelvedBudget budget = everything();
      budget.order.said.period = period;
      budget.order.said.on_exceeded = action;
      budget.order.said.downgrade_to.clear();
      EXPECT_EQ(again(budget).order.said, budget.order.said) << name_of(period) << ' ' << name_of(action);
    }
  }
  for (std::uint32_t day = 0; day < 7; ++day) {
    ShelvedBudget budget = everything();
    budget.order.said.week_starts = day;
    budget.order.said.year_starts = day + 3;
    EXPECT_EQ(again(budget).order.said, budget.order.said) << day;
  }
}

TEST(BudgetDocument, OfTheConfigurationOnlyTheChangesAreKept) {
  ShelvedBudget budget = everything();
  budget.owner = Owner::config;
  EXPECT_EQ(write_budget(budget).find("limitTokens"), std::string::npos);
  const ShelvedBudget read = again(budget);
  EXPECT_EQ(read.order.said, BudgetSettings());
  EXPECT_EQ(read.reason, budget.reason);
  expect_same(read.order.limit_override, budget.order.limit_override);
  expect_same(read.order.top_up, budget.order.top_up);
}

TEST(BudgetDocument, AProviderThatIsGoneStillReads) {
  ShelvedBudget budget = everything();
  budget.order.said.scope = {{"provider", "gone"}};
  EXPECT_EQ(again(budget).order.said.scope, budget.order.said.scope);
}

TEST(BudgetDocument, WhatNobodyWroteIsDamage) {
  for (const char* json : {"", "x", "[]", "1", "null", "{\"limitUsd\":", "{}", "{\"limitUsd\":\"x\"}",
                           "{\"limitUsd\":\"1\",\"colour\":\"red\"}", "\xff"}) {
    ShelvedBudget budget;
    budget.id = "bgt-9";
    budget.owner = Owner::api;
    const auto read = read_budget(json, budget);
    ASSERT_FALSE(read) << json;
    EXPECT_EQ(read.error().code, ErrorCode::ledger_damaged) << json;
    EXPECT_NE(read.error().context.find("bgt-9"), std::string::npos) << json;
  }
}

TEST(BudgetRequest, SaysWhatTheContractShows) {
  const auto request = read(R"({"projectId": "search", "budgetType": "daily", "limitUsd": "12.50",
      "warningThreshold": 0.7, "criticalThreshold": "0.9", "alertsEnabled": false})");
  ASSERT_TRUE(request) << request.error().context;
  EXPECT_EQ(request->said.scope, (ScopeSettings{{"project", "search"}}));
  EXPECT_EQ(request->said.period, BudgetPeriod::daily);
  EXPECT_EQ(request->said.limit, *Money::parse("12.5"));
  EXPECT_EQ(request->said.warning_threshold_millionths, 700'000u);
  EXPECT_EQ(request->said.critical_threshold_millionths, 900'000u);
  EXPECT_FALSE(request->alerts_enabled);
  EXPECT_EQ(request->said.name, "") << "the shelf gives one";
  EXPECT_EQ(request->id, "");
}

TEST(BudgetRequest, TakesNumbersAndTheirText) {
  for (const char* limit : {"500", "\"500\"", "500.0", "\"500.000000000000\""}) {
    const auto request = read(std::string("{\"scope\":{},\"limitUsd\":") + limit + "}");
    ASSERT_TRUE(request) << limit << ' ' << request.error().context;
    EXPECT_EQ(request->said.limit, Money::dollars(500)) << limit;
    EXPECT_TRUE(request->said.scope.empty());
    EXPECT_EQ(request->said.period, BudgetPeriod::monthly);
  }
  const auto tokens = read(R"({"limitUsd": 1, "limitTokens": "5000", "scope": {"projectId": "p", "user": "*"},
                               "budgetId": "bgt-1", "rollover": true, "downgradeTo": null})");
  ASSERT_TRUE(tokens) << tokens.error().context;
  EXPECT_EQ(tokens->said.limit_tokens, 5'000u);
  EXPECT_EQ(tokens->said.scope, (ScopeSettings{{"project", "p"}, {"user", "*"}}));
  EXPECT_EQ(tokens->id, "bgt-1");
  EXPECT_TRUE(tokens->said.rollover);
}

// Once, a number went through a float: 0.000001 came back as 1e-06, which nobody could read,
// and large amounts came back as others.
TEST(BudgetRequest, NumbersAreTakenAsTheyAreWritten) {
  const std::pair<const char*, const char*> rows[] = {
      {"0.000001", "0.000001"}, {"0.000000000001", "0.000000000001"},
      {"123456789012345.000000000001", "123456789012345.000000000001"}, {"0.1", "0.1"}};
  for (const auto& [written, meant] : rows) {
    const auto request = read(std::string("{\"warningThreshold\":0.000001,\"limitUsd\":") + written + "}");
    ASSERT_TRUE(request) << written << ' ' << request.error().context;
    EXPECT_EQ(request->said.limit, *Money::parse(meant)) << written;
    EXPECT_EQ(request->said.warning_threshold_millionths, 1u);
  }
}

TEST(BudgetRequest, WhatCannotBeMeantIsSaidByName) {
  const std::pair<const char*, const char*> rows[] = {
      {R"({})", "limitUsd"},
      {R"({"limitUsd": -1})", "limitUsd"},
      {R"({"limitUsd": "-1"})", "limitUsd"},
      {R"({"limitUsd": "1e3"})", "limitUsd"},
      {R"({"limitUsd": 1e300})", "limitUsd"},
      {R"({"limitUsd": "0.0000000000001"})", "limitUsd"},
      {R"({"limitUsd": "99999999999999999999999999999999999999999"})", "limitUsd"},
      {R"({"limitUsd": true})", "limitUsd"},
      {R"({"limitUsd": []})", "limitUsd"},
      {R"({"limitUsd": {"a": 1}})", "limitUsd"},
      {R"({"limitUsd": ""})", "limitUsd"},
      {R"({"limitUsd": "$5"})", "limitUsd"},
      {R"({"limitUsd": 1, "limitTokens": 0})", "limitTokens"},
      {R"({"limitUsd": 1, "limitTokens": -5})", "limitTokens"},
      {R"({"limitUsd": 1, "limitTokens": 1.5})", "limitTokens"},
      {R"({"limitUsd": 1, "limitTokens": 18446744073709551616})", "limitTokens"},
      {R"({"limitUsd": 1, "budgetType": "hourly"})", "period"},
      {R"({"limitUsd": 1, "budgetType": 7})", "period"},
      {R"({"limitUsd": 1, "budgetType": ["daily"]})", "period"},
      {R"({"limitUsd": 1, "warningThreshold": 2})", "warningThreshold"},
      {R"({"limitUsd": 1, "warningThreshold": 0.99, "criticalThreshold": 0.5})", "warningThreshold"},
      {R"({"limitUsd": 1, "timeZone": "Nowhere/Land"})", "timeZone"},
      {R"({"limitUsd": 1, "timeZone": "../../etc/passwd"})", "timeZone"},
      {R"({"limitUsd": 1, "onExceeded": "explode"})", "onExceeded"},
      {R"({"limitUsd": 1, "onExceeded": "downgrade"})", "downgradeTo"},
      {R"({"limitUsd": 1, "downgradeTo": "m"})", "downgradeTo"},
      {R"({"limitUsd": 1, "throttleRequestsPerMinute": 5})", "throttleRequestsPerMinute"},
      {R"({"limitUsd": 1, "rollover": "perhaps"})", "rollover"},
      {R"({"limitUsd": 1, "alertsEnabled": "yes"})", "alertsEnabled"},
      {R"({"limitUsd": 1, "id": 5})", "id"},
      {R"({"limitUsd": 1, "scope": "search"})", "scope"},
      {R"({"limitUsd": 1, "scope": []})", "scope"},
      {R"({"limitUsd": 1, "scope": {"colour": "red"}})", "colour"},
      {R"({"limitUsd": 1, "scope": {"project": ["a"]}})", "project"},
      {R"({"limitUsd": 1, "scope": {"project": ""}})", "project"},
      {R"({"limitUsd": 1, "scope": {"provider": "nobody"}})", "nobody"},
      {R"({"limitUsd": 1, "colour": "red"})", "colour"},
      {R"({"limitUsd": 1, "limit_usd": 2})", "limit_usd"},
      {R"({"limitUsd": 1, "name": ""})", "name"},
      {R"({"limitUsd": 1, "name": ["a"]})", "name"},
      {R"({"limitUsd": 1, "name": "a\u0000b"})", "name"},
      {R"({"limitUsd": 1, "name": "a\nb"})", "name"},
  };
  for (const auto& [json, word] : rows) {
    EXPECT_NE(why_not(json).find(word), std::string::npos) << json << "\n" << why_not(json);
  }
}

TEST(BudgetRequest, WhatIsNoObjectIsRefused) {
  for (const std::string& body :
       {std::string(), std::string("x"), std::string("[]"), std::string("1"), std::string("null"),
        std::string("\xff"), std::string("{\"limitUsd\": 1"), std::string(100'000, '['),
        std::string("{\"limitUsd\": 1} trailing"), std::string("limit_usd: 1\nscope: {}\n")}) {
    EXPECT_NE(why_not(body).find("JSON object"), std::string::npos) << body.substr(0, 50);
  }
}

// A request isn't the operator's file: it must not read the environment, or what else YAML can.
TEST(BudgetRequest, NothingOfTheEnvironmentGetsIn) {
  ::setenv("FAREBOX_TEST_CANARY", "canary-value", 1);
  for (const char* json : {R"({"limitUsd": 1, "name": "${FAREBOX_TEST_CANARY}"})",
                           R"({"limitUsd": 1, "name": "${HOME}"})",
                           R"({"limitUsd": 1, "scope": {"project": "${FAREBOX_TEST_CANARY}"}})",
                           R"({"limitUsd": "${FAREBOX_TEST_CANARY}"})"}) {
    const auto request = read(json);
    const std::string said = request ? request->said.name + text_of(request->said.scope)
                                     : request.error().context;
    EXPECT_EQ(said.find("canary-value"), std::string::npos) << json;
    const char* const home = std::getenv("HOME");
    const bool there = home != nullptr && std::string_view(home).size() > 1;
    EXPECT_TRUE(!there || said.find(home) == std::string::npos) << json;
  }
  ::unsetenv("FAREBOX_TEST_CANARY");
}

TEST(BudgetRequest, TextStaysTextWhateverItLooksLike) {
  for (const std::string name : {"null", "true", "~", "1e5", "0x10", "*anchor", "&a", "!!int 5", "- a",
                                 "a: b", "{a}", "[a]", "'a'", "a #b", "@a", "%a", "a, b"}) {
    Json json;
    json["limitUsd"] = "1";
    json["name"] = name;
    // A scope takes no star among other octets.
    const std::string project = name.starts_with('*') ? name.substr(1) : name;
    json["scope"]["project"] = project;
    const auto request = read(json.dump());
    ASSERT_TRUE(request) << name << ' ' << request.error().context;
    EXPECT_EQ(request->said.name, name);
    EXPECT_EQ(request->said.scope.at("project"), project);
  }
}

TEST(BudgetTerms, AreWhatTheContractShows) {
  std::string out;
  JsonWriter json(out);
  json.begin_object();
  append_budget_terms(json, everything());
  json.end_object();
  const Json terms = Json::parse(out);
  EXPECT_EQ(terms["budgetType"], "weekly");
  EXPECT_EQ(terms["limitTokens"], 999'999'999'999'999u);
  EXPECT_EQ(out.find("0.9555550"), std::string::npos);
  EXPECT_NE(out.find("\"criticalThreshold\":0.955555"), std::string::npos) << out;
  EXPECT_EQ(terms["source"], "api");
  EXPECT_EQ(terms["shadowed"], false);
  EXPECT_EQ(terms["override"]["limitUsd"], "800");
  EXPECT_EQ(terms["topUp"]["amountUsd"], "0.5");
  EXPECT_TRUE(terms["topUp"]["until"].is_null());
}

}  // namespace
}  // namespace farebox
