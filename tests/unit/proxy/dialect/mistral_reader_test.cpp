#include <gtest/gtest.h>

#include "tests/unit/proxy/dialect/replies.hpp"

namespace farebox {
namespace {

using testing::read_all_cuts;

// What a tool put into the prompt is in the total and in nothing else.
TEST(MistralReader, AConversation) {
  EXPECT_EQ(
      read_all_cuts(Endpoint::conversations,
                    R"({"object":"conversation.response","outputs":[{"type":"tool.execution",)"
                    R"("name":"web_search"},{"type":"message.output","model":"m","content":)"
                    R"([{"type":"text","text":"hi"}]},{"type":"function.call","name":"f",)"
                    R"("tool_call_id":"a","arguments":"{}"}],"usage":{"prompt_tokens":188,)"
                    R"("completion_tokens":55,"total_tokens":7355,"connector_tokens":7112,)"
                    R"("connectors":{"web_search":1}}})"),
      "in 7300, out 55, +web_search[count 1, ] calls 1, m finished");
}

TEST(MistralReader, AConversationInEvents) {
  const std::string events =
      "event: conversation.response.started\ndata: {\"type\":\"conversation.response.started\","
      "\"conversation_id\":\"c\"}\n\n"
      "event: message.output.delta\ndata: {\"type\":\"message.output.delta\",\"model\":\"m\","
      "\"content\":\"hi\"}\n\n"
      "event: function.call.delta\ndata: {\"type\":\"function.call.delta\",\"tool_call_id\":\"a\","
      "\"arguments\":\"{\"}\n\n"
      "event: function.call.delta\ndata: {\"type\":\"function.call.delta\",\"tool_call_id\":\"a\","
      "\"arguments\":\"}\"}\n\n";
  EXPECT_EQ(read_all_cuts(Endpoint::conversations,
                          events + "data: {\"type\":\"conversation.response.done\",\"usage\":"
                                   "{\"prompt_tokens\":3,\"completion_tokens\":4,"
                                   "\"total_tokens\":7}}\n\n"),
            "in 3, out 4, calls 1, m stream finished");
  EXPECT_EQ(read_all_cuts(Endpoint::conversations,
                          events + "data: {\"type\":\"conversation.response.error\",\"message\":"
                                   "\"x\",\"code\":\"3000\"}\n\n"),
            "nothing calls 1, m error:3000 stream cut");
}

TEST(MistralReader, TranscribedAudioIsNotInThePrompt) {
  const auto usage = [](const std::string& counts) {
    return read_all_cuts(Endpoint::transcriptions, "{\"usage\":" + counts + "}");
  };
  EXPECT_EQ(usage(R"({"prompt_audio_seconds":3,"prompt_tokens":5,"total_tokens":391,)"
                  R"("completion_tokens":11,"prompt_tokens_details":{"audio_tokens":375}})"),
            "in 380, audio in 375, out 11, us 3000000, finished");
  EXPECT_EQ(usage(R"({"prompt_audio_seconds":316,"prompt_tokens":4,"total_tokens":5202,)"
                  R"("completion_tokens":1073})"),
            "in 4129, out 1073, us 316000000, finished");
  EXPECT_EQ(usage(R"({"prompt_audio_seconds":{},"prompt_tokens":4,"total_tokens":9,)"
                  R"("completion_tokens":5})"),
            "in 4, out 5, finished");
}

TEST(MistralReader, PagesAndErrors) {
  EXPECT_EQ(read_all_cuts(Endpoint::ocr, R"({"pages":[{"index":0}],"model":"o","usage_info":)"
                                         R"({"pages_processed":29,"doc_size_bytes":null}})"),
            "pages 29, o finished");
  EXPECT_EQ(read_all_cuts(Endpoint::ocr, R"({"model":"o","usage_info":{"pages_processed":-1}})"),
            "nothing o finished");
  for (const char* error : {R"({"detail":"Invalid API Key"})", R"({"detail":[{"loc":["body"]}]})"}) {
    EXPECT_EQ(read_all_cuts(Endpoint::chat_completions, error), "nothing error: finished");
  }
  EXPECT_EQ(read_all_cuts(Endpoint::chat_completions,
                          R"({"object":"error","message":"x","type":"invalid_model","code":"1500"})"),
            "nothing error:1500 finished");
}

}  // namespace
}  // namespace farebox
