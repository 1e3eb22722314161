#include "proxy/dialect/error_hint.hpp"

#include <gtest/gtest.h>

namespace farebox {
namespace {

using namespace std::chrono_literals;

constexpr std::string_view kNoMoney =
    R"({"error":{"message":"You exceeded your current quota","type":"insufficient_quota",)"
    R"("param":null,"code":"insufficient_quota"}})";
constexpr std::string_view kGemini =
    R"({"error":{"code":429,"message":"Quota exceeded","status":"RESOURCE_EXHAUSTED","details":[)"
    R"({"@type":"type.googleapis.com/google.rpc.QuotaFailure","violations":[{"quotaValue":"15"}]},)"
    R"({"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"37s"}]}})";

TEST(ErrorHint, SaysThatNoMoneyIsLeft) {
  EXPECT_TRUE(read_error_hint(kNoMoney).quota_spent);
  EXPECT_TRUE(read_error_hint(R"({"error":{"code":"insufficient_quota"}})").quota_spent);
  EXPECT_TRUE(read_error_hint(R"({"error":{"type":"insufficient_quota"}})").quota_spent);
  // In words it means nothing: a message can hold anything.
  EXPECT_FALSE(read_error_hint(R"({"error":{"message":"insufficient_quota"}})").quota_spent);
  EXPECT_FALSE(read_error_hint(R"({"error":{"code":"rate_limit_exceeded"}})").quota_spent);
}

TEST(ErrorHint, SaysHowLongToWait) {
  struct Row {
    const char* delay;
    std::optional<std::chrono::nanoseconds> expected;
  };
  const Row rows[] = {{"\"37s\"", 37s}, {"\"0.5s\"", 500ms}, {"\"soon\"", std::nullopt},
                      {"37", std::nullopt}, {"\"9999999s\"", 24h}};
  for (const Row& row : rows) {
    const std::string body = std::string(R"({"error":{"details":[{"@type":)") +
                             R"("type.googleapis.com/google.rpc.RetryInfo","retryDelay":)" +
                             row.delay + "}]}}";
    EXPECT_EQ(read_error_hint(body).retry_after, row.expected) << row.delay;
  }
  EXPECT_EQ(read_error_hint(kGemini).retry_after, 37s);
  EXPECT_EQ(read_error_hint("[" + std::string(kGemini) + "]").retry_after, 37s);
  EXPECT_EQ(read_error_hint(R"({"error":{"details":[{"retryDelay":"37s"}]}})").retry_after,
            std::nullopt);
}

TEST(ErrorHint, WhatIsCutOrOddSaysNothing) {
  for (std::size_t size = 0; size < kNoMoney.size(); ++size) {
    const ErrorHint hint = read_error_hint(kNoMoney.substr(0, size));
    EXPECT_FALSE(hint.quota_spent || hint.retry_after) << size;
  }
  for (const char* odd : {"", "null", "[]", "[[]]", "<html>", "{\"error\":\"insufficient_quota\"}",
                          "{\"error\":[{\"code\":\"insufficient_quota\"}]}"}) {
    EXPECT_FALSE(read_error_hint(odd).quota_spent) << odd;
  }
}

}  // namespace
}  // namespace farebox
