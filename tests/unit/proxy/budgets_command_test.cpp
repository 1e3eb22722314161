// farebox budgets: what it asks the admin port, and how the answer looks on a terminal.
#include "proxy/budgets_command.hpp"

#include <gtest/gtest.h>

#include "proxy/budgets_table.hpp"

namespace farebox {
namespace {

using Act = BudgetsOptions::Act;

const WallTime kNow = std::chrono::sys_days(std::chrono::year(2026) / 11 / 21) + std::chrono::hours(12);

std::string asked(const BudgetsOptions& options) {
  const auto call = budgets_call(options);
  EXPECT_TRUE(call) << call.error().why;
  if (!call) return "";
  return std::string(call->method) + ' ' + call->target + (call->body.empty() ? "" : " " + call->body);
}

std::string refused(const BudgetsOptions& options) {
  const auto call = budgets_call(options);
  EXPECT_FALSE(call);
  if (call) return "";
  EXPECT_EQ(call.error().exit_code, kExitUsage);
  return call.error().why;
}

TEST(BudgetsCommand, AsksForWhatTheOptionsSay) {
  BudgetsOptions options;
  EXPECT_EQ(asked(options), "GET /api/budgets");
  options.project = "a&b";
  EXPECT_EQ(asked(options), "GET /api/budgets?projectId=a%26b");
  options = {};
  options.id = "bgt-1";
  options.act = Act::remove;
  EXPECT_EQ(asked(options), "DELETE /api/budgets?budgetId=bgt-1");
  options.act = Act::top_up;
  options.usd = "20";
  EXPECT_EQ(asked(options), R"(POST /api/budgets/top-up {"budgetId":"bgt-1","amountUsd":"20"})");
  options.reason = "launch \"week\"";
  EXPECT_EQ(asked(options), R"(POST /api/budgets/top-up {"budgetId":"bgt-1","amountUsd":"20",)"
                            R"("reason":"launch \"week\""})");
  options = {};
  options.id = "bgt-1";
  options.act = Act::override_limit;
  options.limit_usd = "800";
  options.length = "2h";
  EXPECT_EQ(asked(options),
            R"(POST /api/budgets/override {"budgetId":"bgt-1","limitUsd":"800","for":"2h"})");
  options.limit_usd = options.length = "";
  options.end = true;
  EXPECT_EQ(asked(options), "DELETE /api/budgets/override?budgetId=bgt-1");
  options = {};
  options.act = Act::forecast;
  options.id = "search month";
  EXPECT_EQ(asked(options), "GET /api/budgets/forecast?budgetId=search%20month");
  options.id.clear();
  options.project = "search";
  options.period = "monthly";
  options.scope = {"user=ann", "key=k"};
  EXPECT_EQ(asked(options), "GET /api/budgets/forecast?projectId=search&budgetType=monthly&"
                            "scope=user%3Dann%2Ckey%3Dk");
}

TEST(BudgetsCommand, SetSaysOnlyWhatWasSaid) {
  BudgetsOptions options;
  options.act = Act::set;
  options.scope = {"project=search", "user=*"};
  options.limit_usd = "500";
  EXPECT_EQ(asked(options),
            R"(POST /api/budgets {"scope":{"project":"search","user":"*"},"limitUsd":"500"})");
  options.scope = {"all"};
  options.id = "bgt-1";
  options.name = "n";
  options.period = "weekly";
  options.limit_tokens = "9";
  options.warning = "0.7";
  options.critical = "0.9";
  options.time_zone = "Europe/Berlin";
  options.week_starts = "sunday";
  options.year_starts = "april";
  options.on_exceeded = "downgrade";
  options.downgrade_to = "m";
  options.throttle = "5";
  options.rollover = true;
  EXPECT_EQ(asked(options),
            R"(POST /api/budgets {"id":"bgt-1","scope":{},"name":"n","budgetType":"weekly",)"
            R"("limitUsd":"500","limitTokens":"9","warningThreshold":"0.7","criticalThreshold":"0.9",)"
            R"("timeZone":"Europe/Berlin","weekStarts":"sunday","yearStarts":"april",)"
            R"("onExceeded":"downgrade","downgradeTo":"m","throttleRequestsPerMinute":"5",)"
            R"("rollover":true})");
}

TEST(BudgetsCommand, WhatCannotBeMeantIsSaid) {
  BudgetsOptions options;
  options.act = Act::set;
  options.limit_usd = "1";
  EXPECT_NE(refused(options).find("--scope"), std::string::npos);
  for (const char* scope : {"search", "=search", "project=", "", "all=", "="}) {
    options.scope = {scope};
    EXPECT_NE(refused(options).find(scope), std::string::npos) << scope;
  }
  options.scope = {"project=a", "project=b"};
  EXPECT_NE(refused(options).find("twice"), std::string::npos);
  options.scope = {"all", "project=a"};
  EXPECT_NE(refused(options).find("all"), std::string::npos);

  options = {};
  options.act = Act::forecast;
  options.period = "monthly";
  EXPECT_NE(refused(options).find("--project"), std::string::npos);

  options = {};
  options.act = Act::override_limit;
  options.id = "b";
  EXPECT_NE(refused(options).find("--for"), std::string::npos);
  options.limit_usd = "5";
  EXPECT_NE(refused(options).find("--for"), std::string::npos);
  options.end = true;
  EXPECT_NE(refused(options).find("--end"), std::string::npos);
}

std::string table(std::string_view json) {
  const auto text = budgets_table(json, kNow);
  EXPECT_TRUE(text);
  return text ? *text : std::string();
}

TEST(BudgetsTable, ShowsEachCounterAndWhoOwnsIt) {
  EXPECT_EQ(table(R"({"budgets":[
      {"id":"file","scope":{"project":"search","user":"*"},"name":"file","budgetType":"monthly",
       "limitTokens":null,"source":"config","shadowed":false,"limitUsd":"500",
       "currentSpendUsd":"0.000000000001","heldUsd":"2","remainingUsd":"497.999999999999",
       "status":"ok","windowEnd":"2026-12-01T00:00:00.000Z"},
      {"id":"bgt-1","scope":{},"name":"mine","budgetType":"total","limitTokens":null,"source":"api",
       "shadowed":true,"limitUsd":"1","currentSpendUsd":"0","heldUsd":"0","remainingUsd":"1",
       "status":"ok","windowEnd":null}]})"),
            "NAME  SCOPE                  PERIOD   LIMIT USD           SPENT  HELD              LEFT  STATUS  WINDOW ENDS        SOURCE         ID\n"
            "file  project=search user=*  monthly        500  0.000000000001     2  497.999999999999  ok      2026-12-01T00:00Z  config         file\n"
            "mine  all                    total            1               0     0                 1  ok      -                  api, shadowed  bgt-1\n");
}

TEST(BudgetsTable, TokensHaveAColumnWhereTheyAreLimited) {
  const std::string text = table(R"({"budgets":[
      {"id":"a","scope":{},"name":"a","limitTokens":5000,"spentTokens":1234,"heldTokens":1},
      {"id":"b","scope":{},"name":"b","limitTokens":null,"spentTokens":7}]})");
  EXPECT_NE(text.find("TOKENS"), std::string::npos);
  EXPECT_NE(text.find("1,234 of 5,000"), std::string::npos);
  EXPECT_EQ(text.find('7'), std::string::npos);
}

TEST(BudgetsTable, WhatHoldsForAWhileIsSaidOnceAndWhileItDoes) {
  const std::string change = R"("override":{"limitUsd":"800","until":"2026-11-21T14:00:00.000Z"},
      "topUp":{"amountUsd":"20","until":null}})";
  const std::string row = R"({"id":"a","scope":{"user":"ann"},"name":"a",)" + change;
  const std::string text = table("{\"budgets\":[" + row + "," + row + "]}");
  EXPECT_TRUE(text.ends_with("\na: another limit, 800 USD until 2026-11-21T14:00Z\n"
                             "a: topped up by 20 USD\n")) << text;
  EXPECT_EQ(text.find("another limit"), text.rfind("another limit"));
  const auto later = budgets_table("{\"budgets\":[" + row + "]}", kNow + std::chrono::hours(2));
  ASSERT_TRUE(later);
  EXPECT_EQ(later->find("another limit"), std::string::npos);
}

TEST(BudgetsTable, ControlCharactersAreShownNotObeyed) {
  const std::string text = table(
      "{\"budgets\":[{\"id\":\"a\",\"scope\":{\"user\":\"x\\u001b[2J\"},\"name\":\"n\\u001b\","
      "\"topUp\":{\"amountUsd\":\"1\\u001b\",\"until\":\"9\\u001b\"}}]}");
  EXPECT_EQ(text.find('\x1b'), std::string::npos) << text;
  EXPECT_NE(text.find("user=x?[2J"), std::string::npos);
}

TEST(BudgetsTable, NothingIsSaidInWords) {
  EXPECT_EQ(table(R"({"budgets":[]})"), "No budgets yet; farebox budgets set makes one.\n");
}

TEST(BudgetsTable, WhatIsNoAnswerOfOursIsAnError) {
  for (const char* json : {"", "x", "[]", "{}", R"({"budgets":1})", R"({"budgets":[1]})", "\xff"}) {
    EXPECT_FALSE(budgets_table(json, kNow)) << json;
  }
  for (const char* json : {R"({"budgets":[{}]})", R"({"budgets":[{"scope":5,"name":7,"override":"x"}]})",
                           R"({"budgets":[{"scope":{"a":5},"topUp":{}}]})"}) {
    EXPECT_TRUE(budgets_table(json, kNow)) << json;
  }
}

}  // namespace
}  // namespace farebox
