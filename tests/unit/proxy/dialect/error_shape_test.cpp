#include "proxy/dialect/error_shape.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace farebox {
namespace {

Refusal refusal(int status) {
  Refusal what;
  what.status = status;
  what.code = ErrorCode::budget_exceeded;
  what.type = "insufficient_quota";
  what.message = "The budget \"search\" is spent.";
  what.request_id = "req-1";
  return what;
}

TEST(ErrorShape, OpenAi) {
  const ErrorShape shape = openai_error(refusal(429));
  EXPECT_EQ(shape.id_header, "x-request-id");
  EXPECT_EQ(shape.body,
            R"({"error":{"message":"The budget \"search\" is spent.","type":"insufficient_quota",)"
            R"("param":null,"code":"budget_exceeded",)"
            R"("farebox":{"source":"gateway","requestId":"req-1"}}})");
  EXPECT_EQ(openai_stream_error(refusal(429)), "data: " + shape.body + "\n\n");
}

TEST(ErrorShape, Anthropic) {
  const ErrorShape shape = anthropic_error(refusal(429));
  EXPECT_EQ(shape.id_header, "request-id");
  EXPECT_EQ(shape.body,
            R"({"type":"error","error":{"type":"rate_limit_error",)"
            R"("message":"The budget \"search\" is spent."},"request_id":"req-1"})");
  EXPECT_EQ(anthropic_stream_error(refusal(429)), "event: error\ndata: " + shape.body + "\n\n");
}

TEST(ErrorShape, Gemini) {
  const ErrorShape shape = gemini_error(refusal(429));
  EXPECT_EQ(shape.id_header, "x-request-id");
  EXPECT_EQ(shape.body,
            R"({"error":{"code":429,"message":"The budget \"search\" is spent.",)"
            R"("status":"RESOURCE_EXHAUSTED"}})");
  EXPECT_EQ(gemini_stream_error(refusal(429)), shape.body + "\n\n");
}

TEST(ErrorShape, EveryStatusHasItsWord) {
  const struct {
    int status;
    const char* anthropic;
    const char* gemini;
  } rows[] = {
      {400, "invalid_request_error", "INVALID_ARGUMENT"},
      {401, "authentication_error", "UNAUTHENTICATED"},
      {402, "billing_error", "RESOURCE_EXHAUSTED"},
      {403, "permission_error", "PERMISSION_DENIED"},
      {404, "not_found_error", "NOT_FOUND"},
      {408, "invalid_request_error", "INVALID_ARGUMENT"},
      {413, "request_too_large", "INVALID_ARGUMENT"},
      {429, "rate_limit_error", "RESOURCE_EXHAUSTED"},
      {431, "invalid_request_error", "INVALID_ARGUMENT"},
      {500, "api_error", "INTERNAL"},
      {502, "api_error", "INTERNAL"},
      {503, "overloaded_error", "UNAVAILABLE"},
      {504, "timeout_error", "DEADLINE_EXCEEDED"},
      {508, "api_error", "INTERNAL"},
  };
  for (const auto& row : rows) {
    const auto anthropic = nlohmann::json::parse(anthropic_error(refusal(row.status)).body);
    const auto gemini = nlohmann::json::parse(gemini_error(refusal(row.status)).body);
    EXPECT_EQ(anthropic["error"]["type"], row.anthropic) << row.status;
    EXPECT_EQ(gemini["error"]["status"], row.gemini) << row.status;
    EXPECT_EQ(gemini["error"]["code"], row.status);
  }
}


}  // namespace
}  // namespace farebox
