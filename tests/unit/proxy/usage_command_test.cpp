// farebox usage: what it asks for, and how the answer looks on a terminal.
#include "proxy/usage_command.hpp"

#include <gtest/gtest.h>

#include "proxy/usage_table.hpp"

namespace farebox {
namespace {

TEST(UsageCommand, AsksForWhatTheOptionsSay) {
  EXPECT_EQ(usage_target({}), "/api/usage?groupBy=model&since=24h");
  UsageOptions options;
  options.by = "project,model";
  options.since = "2026-11-21T10:00:00+02:00";
  options.until = "1h ago";
  options.granularity = "day";
  options.project = "a&b=c#d\xc3\xa9%";
  options.model = "gpt-4.1";
  options.provider = "openai";
  options.user = "ada@x.test";
  options.key = "k/1";
  EXPECT_EQ(usage_target(options),
            "/api/usage?groupBy=project%2Cmodel&granularity=day&since=2026-11-21T10%3A00%3A00%2B02%3A00"
            "&until=1h%20ago&projectId=a%26b%3Dc%23d%C3%A9%25&model=gpt-4.1&provider=openai"
            "&user=ada%40x.test&key=k%2F1");
  options = {};
  options.by = "none";
  EXPECT_EQ(usage_target(options), "/api/usage?since=24h");
  EXPECT_EQ(records_target(options, 20, ""), "/api/usage/records?limit=20&since=24h");
  EXPECT_EQ(records_target(options, 20, "00ff"), "/api/usage/records?limit=20&cursor=00ff&since=24h");
}

TEST(UsageCommand, SaysWhichTimeItIsAbout) {
  const auto span = [](std::string since, std::string until) {
    UsageOptions options;
    options.since = std::move(since);
    options.until = std::move(until);
    return span_of(options);
  };
  EXPECT_EQ(span("24h", ""), "since 24h ago");
  EXPECT_EQ(span("24h ago", ""), "since 24h ago");
  EXPECT_EQ(span("2026-11-01", "12h"), "from 2026-11-01 until 12h ago");
  EXPECT_EQ(span("", "now"), "until now");
  EXPECT_EQ(span("", ""), "so far");
}

std::string table(std::string_view json) {
  const auto text = usage_table(json, "since 24h ago");
  EXPECT_TRUE(text);
  return text ? *text : std::string();
}

TEST(UsageTable, AlignsNumbersAndLeavesMoneyAsItIs) {
  EXPECT_EQ(table(R"({"rows":[
      {"model":"gpt-4.1-mini","project":"search","requests":1234,"inputTokens":9876543,"outputTokens":12,
       "cachedInputTokens":1000,"cacheWriteTokens":5,"reasoningTokens":0,"costUsd":"1234567.000000000001",
       "errors":2,"unpricedRequests":0},
      {"model":"o3","project":"","requests":1,"inputTokens":1,"outputTokens":1,"cachedInputTokens":0,
       "cacheWriteTokens":0,"reasoningTokens":18446744073709551615,"costUsd":"0","errors":0,
       "unpricedRequests":0}],
      "total":{"requests":1235,"inputTokens":9876544,"outputTokens":13,"cachedInputTokens":1000,
       "cacheWriteTokens":5,"reasoningTokens":0,"costUsd":"1234567.000000000001","errors":2,
       "unpricedRequests":0}})"),
            "requests since 24h ago\n"
            "\n"
            "model         project  requests      input  output  cached                   reasoning              cost USD  errors\n"
            "gpt-4.1-mini  search      1,234  9,876,543      12   1,000                           0  1234567.000000000001       2\n"
            "o3            -               1          1       1       0  18,446,744,073,709,551,615                     0       0\n"
            "total                     1,235  9,876,544      13   1,000                           0  1234567.000000000001       2\n");
}

TEST(UsageTable, SaysWhatHasNoPrice) {
  const std::string sums = R"("requests":3,"inputTokens":4,"outputTokens":5,"cachedInputTokens":0,
      "cacheWriteTokens":0,"reasoningTokens":0,"costUsd":"0.5","errors":0,"unpricedRequests":2)";
  EXPECT_EQ(table(R"({"rows":[{"time":"2026-11-21T08:00:00.000Z",)" + sums + R"(}],"total":{)" + sums + "}}"),
            "requests since 24h ago\n"
            "\n"
            "time               requests  input  output  cached  reasoning  cost USD  errors  unpriced\n"
            "2026-11-21T08:00Z         3      4       5       0          0       0.5       0         2\n"
            "total                     3      4       5       0          0       0.5       0         2\n"
            "\n"
            "2 of these requests have no price, so the cost is a lower bound\n");
}

TEST(UsageTable, WithoutGroupsIsOneLine) {
  const std::string sums = R"("requests":1,"inputTokens":4,"outputTokens":5,"cachedInputTokens":0,
      "cacheWriteTokens":0,"reasoningTokens":0,"costUsd":"0.5","errors":0,"unpricedRequests":0)";
  EXPECT_EQ(table(R"({"rows":[{)" + sums + R"(}],"total":{)" + sums + "}}"),
            "requests since 24h ago\n"
            "\n"
            "       requests  input  output  cached  reasoning  cost USD  errors\n"
            "total         1      4       5       0          0       0.5       0\n");
}

TEST(UsageTable, NothingIsSaidInWords) {
  EXPECT_EQ(table(R"({"rows":[],"total":{"requests":0,"costUsd":"0"}})"), "no requests since 24h ago\n");
}

// A model's name comes from whoever sends requests; a terminal must not obey it.
TEST(UsageTable, ControlCharactersAreShownNotObeyed) {
  const std::string text = table(
      R"({"rows":[{"model":"a\u001b[2Jb\n\u0085\u009bc\u007f\u00e9","requests":1}],"total":{"requests":1}})");
  EXPECT_NE(text.find("a?[2Jb???c?\xc3\xa9"), std::string::npos) << text;
  EXPECT_EQ(text.find('\x1b'), std::string::npos);
}

TEST(UsageTable, WhatIsNoAnswerOfOursIsAnError) {
  for (const char* json : {"", "x", "[]", "{}", R"({"rows":1,"total":{}})", R"({"rows":[1],"total":{}})",
                           R"({"rows":[]})", R"({"records":1})", "\xff"}) {
    EXPECT_FALSE(usage_table(json, "")) << json;
    EXPECT_FALSE(records_table(json, "")) << json;
  }
}

TEST(RecordsTable, ShowsUnknownAsADash) {
  const auto text = records_table(R"({"records":[{"id":"0000000000000001","time":"2026-11-21T08:00:00.123Z",
      "requestId":"r1","provider":"openai","model":"gpt","project":null,"status":200,"outcome":"ok",
      "inputTokens":1000,"outputTokens":null,"costUsd":null,"latencyMs":12}],"nextCursor":null})",
                                  "since 24h ago");
  ASSERT_TRUE(text);
  EXPECT_EQ(*text,
            "time                      request  provider  model  project  status  outcome  input  output  cost USD  ms\n"
            "2026-11-21T08:00:00.123Z  r1       openai    gpt    -           200  ok       1,000       -         -  12\n");
  EXPECT_EQ(*records_table(R"({"records":[],"nextCursor":null})", "since 24h ago"),
            "no requests since 24h ago\n");
}

}  // namespace
}  // namespace farebox
