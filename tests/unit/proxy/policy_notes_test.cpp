// Header lines about limits and budgets.
#include "proxy/policy_notes.hpp"

#include <gtest/gtest.h>

namespace farebox {
namespace {

using namespace std::chrono_literals;

const WallTime kNow = std::chrono::sys_days(std::chrono::year(2026) / 11 / 21) + 12h + 300ms;

TEST(PolicyNotes, DurationsAreWrittenAsOpenAiDoes) {
  const std::pair<std::chrono::nanoseconds, const char*> rows[] = {
      {0ns, "0ms"},     {1ns, "1ms"},        {12ms, "12ms"},          {999ms, "999ms"},
      {1s, "1s"},       {1s + 1ns, "2s"},    {59s, "59s"},            {59s + 1ms, "1m0s"},
      {60s, "1m0s"},    {6min, "6m0s"},      {6min + 1s, "6m1s"},     {59min + 59s, "59m59s"},
      {1h, "1h0m0s"},   {24h, "24h0m0s"},    {25h + 61s, "25h1m1s"},
  };
  for (const auto& [time, text] : rows) EXPECT_EQ(short_duration(time), text) << time.count();
}

LimitDecision decision() {
  LimitDecision made;
  made.requests = RateStanding{60, 59, 1s};
  made.tokens = RateStanding{1'000, 0, 6min};
  return made;
}

TEST(PolicyNotes, LimitsOfOpenAiAndItsKin) {
  const std::string expected =
      "x-ratelimit-limit-requests: 60\r\nx-ratelimit-remaining-requests: 59\r\n"
      "x-ratelimit-reset-requests: 1s\r\n"
      "x-ratelimit-limit-tokens: 1000\r\nx-ratelimit-remaining-tokens: 0\r\n"
      "x-ratelimit-reset-tokens: 6m0s\r\n";
  for (const DialectName dialect : {DialectName::openai, DialectName::gemini}) {
    std::string out;
    append_limits(out, dialect, decision(), kNow);
    EXPECT_EQ(out, expected);
  }
}

TEST(PolicyNotes, LimitsOfAnthropicSayWhen) {
  std::string out;
  append_limits(out, DialectName::anthropic, decision(), kNow);
  EXPECT_EQ(out,
            "anthropic-ratelimit-requests-limit: 60\r\nanthropic-ratelimit-requests-remaining: 59\r\n"
            "anthropic-ratelimit-requests-reset: 2026-11-21T12:00:02.000Z\r\n"
            "anthropic-ratelimit-tokens-limit: 1000\r\nanthropic-ratelimit-tokens-remaining: 0\r\n"
            "anthropic-ratelimit-tokens-reset: 2026-11-21T12:06:01.000Z\r\n");
  LimitDecision endless = decision();
  endless.requests->reset = std::chrono::nanoseconds::max();
  out.clear();
  append_limits(out, DialectName::anthropic, endless, kNow);
  EXPECT_NE(out.find("2026-11-22T12:00:01"), std::string::npos) << "a day at most: " << out;
}

TEST(PolicyNotes, WhatIsNotLimitedIsNotSaid) {
  for (const DialectName dialect : {DialectName::openai, DialectName::anthropic}) {
    std::string out = "kept: 1\r\n";
    append_limits(out, dialect, LimitDecision(), kNow);
    EXPECT_EQ(out, "kept: 1\r\n");
    LimitDecision half = decision();
    half.requests.reset();
    append_limits(out, dialect, half, kNow);
    EXPECT_EQ(out.find("requests"), std::string::npos);
    EXPECT_NE(out.find("tokens"), std::string::npos);
  }
}

TEST(PolicyNotes, WhatIsLeftIsNeverBelowZero) {
  std::string out;
  append_remaining(out, *Money::parse("0.000000000001"));
  append_remaining(out, Money::dollars(-5));
  EXPECT_EQ(out, "x-farebox-budget-remaining-usd: 0.000000000001\r\n"
                 "x-farebox-budget-remaining-usd: 0\r\n");
}

TEST(PolicyNotes, WarningsBeginAtTheThreshold) {
  BudgetDecision made;
  made.worst = "search";
  std::string out;
  append_warning(out, made);
  EXPECT_EQ(out, "");
  made.status = BudgetStatus::warning;
  append_warning(out, made);
  made.status = BudgetStatus::critical;
  append_warning(out, made);
  EXPECT_EQ(out, "x-farebox-budget-warning: search warning\r\n"
                 "x-farebox-budget-warning: search critical\r\n");
}

TEST(PolicyNotes, OnlyFieldsThatWouldContradictAreReplaced) {
  const std::string openai = "x-ratelimit-limit-requests: 60\r\n";
  const std::string anthropic = "anthropic-ratelimit-requests-limit: 60\r\n";
  EXPECT_TRUE(is_replaced_by(openai, "x-ratelimit-remaining-tokens"));
  EXPECT_TRUE(is_replaced_by(openai, "X-RateLimit-Limit-Requests"));
  EXPECT_TRUE(is_replaced_by(anthropic, "Anthropic-RateLimit-Tokens-Reset"));
  EXPECT_FALSE(is_replaced_by(openai, "anthropic-ratelimit-tokens-reset"));
  EXPECT_FALSE(is_replaced_by(anthropic, "x-ratelimit-limit-requests"));
  EXPECT_FALSE(is_replaced_by("", "x-ratelimit-limit-requests"));
  EXPECT_FALSE(is_replaced_by("x-farebox-budget-warning: x warning\r\n", "x-ratelimit-limit-requests"));
  for (const char* field : {"x-ratelimit-", "x-ratelimit", "content-type", "", "retry-after"}) {
    EXPECT_FALSE(is_replaced_by(openai + anthropic, field)) << field;
  }
}

}  // namespace
}  // namespace farebox
