#include <gtest/gtest.h>

#include "tests/unit/proxy/dialect/replies.hpp"

namespace farebox {
namespace {

std::string read(const std::string& reply) {
  return testing::read_all_cuts(Endpoint::messages, reply);
}

std::string event(const std::string& type, const std::string& members) {
  return "event: " + type + "\ndata: {\"type\":\"" + type + "\"" +
         (members.empty() ? "" : "," + members) + "   }\n\n";
}

const std::string kStart = event(
    "message_start",
    R"("message":{"type":"message","model":"claude","content":[],"stop_reason":null,"usage":)"
    R"({"input_tokens":10,"cache_creation_input_tokens":20,"cache_read_input_tokens":30,)"
    R"("cache_creation":{"ephemeral_5m_input_tokens":15,"ephemeral_1h_input_tokens":5},)"
    R"("output_tokens":1,"service_tier":"standard"}})");
const std::string kText =
    event("content_block_start", R"("content_block":{"type":"text","text":""})") +
    event("ping", "") +
    event("content_block_delta", R"("delta":{"type":"text_delta","text":"Hello"})") +
    event("content_block_stop", "");
const std::string kStop = event("message_stop", "");

TEST(AnthropicReader, AWholeReply) {
  EXPECT_EQ(read(R"({"type":"message","model":"claude","content":[{"type":"text","text":"x"},)"
                 R"({"type":"tool_use","input":{"type":"tool_use"}},{"type":"server_tool_use"}],)"
                 R"("stop_reason":"tool_use","usage":{"input_tokens":1,"output_tokens":2,)"
                 R"("output_tokens_details":{"thinking_tokens":1},"inference_geo":"us",)"
                 R"("speed":"fast","service_tier":"priority",)"
                 R"("server_tool_use":{"web_search_requests":3,"web_fetch_requests":4}}})"),
            "in 1, out 2, thought 1, +web_search[count 3, ] +web_fetch[count 4, ] calls 1, priority us fast "
            "claude tool_use finished");
}

TEST(AnthropicReader, AStreamIsMergedFieldByField) {
  const std::string end = event("message_delta",
                                R"("delta":{"stop_reason":"end_turn"},"usage":{"input_tokens":100,)"
                                R"("cache_creation_input_tokens":null,"output_tokens":50})");
  EXPECT_EQ(read(kStart + kText + end + kStop),
            "in 150, cached 30, write 20, write 1h 5, out 50, standard claude end_turn "
            "stream finished");
  // A cut leaves what the start told.
  EXPECT_EQ(read(kStart + kText),
            "in 60, cached 30, write 20, write 1h 5, out 1, standard claude stream cut");
  EXPECT_EQ(testing::read_reply(Endpoint::messages, kStart + kText, {}).output_bytes, 5u);
}

TEST(AnthropicReader, UnknownIsNeverZero) {
  const auto whole = [](const std::string& usage) {
    return read("{\"type\":\"message\",\"usage\":" + usage + "}");
  };
  for (const char* usage :
       {"null", "{}", R"({"input_tokens":5})", R"({"output_tokens":5})",
        R"({"input_tokens":-5,"output_tokens":5})", R"({"input_tokens":5,"output_tokens":0.5})",
        R"({"input_tokens":5,"output_tokens":5,"cache_read_input_tokens":-1})",
        R"({"input_tokens":5,"output_tokens":5,"cache_creation_input_tokens":1e99})"}) {
    EXPECT_EQ(whole(usage), "nothing finished") << usage;
  }
  EXPECT_EQ(whole(R"({"input_tokens":5,"output_tokens":0,"cache_read_input_tokens":null,)"
                  R"("cache_creation":null,"server_tool_use":null})"),
            "in 5, finished");
  // Garbage does not undo what was said before.
  EXPECT_EQ(read(kStart + event("message_delta",
                                R"("usage":{"input_tokens":-1,"cache_read_input_tokens":-1,)"
                                R"("output_tokens":7})")),
            "in 60, cached 30, write 20, write 1h 5, out 7, standard claude stream cut");
}

// The last event of a cut stream is read as far as it came, but never half a number.
TEST(AnthropicReader, AStreamCutInsideItsUsageKeepsTheStart) {
  const std::string end = "data: {\"type\":\"message_delta\",\"usage\":{\"input_tokens\":100,"
                          "\"output_tokens\":5000}";
  for (std::size_t size = 0; size < end.size(); ++size) {
    EXPECT_EQ(read(kStart + end.substr(0, size)),
              "in 60, cached 30, write 20, write 1h 5, out 1, standard claude stream cut");
  }
}

TEST(AnthropicReader, IterationsOnTopAreExtras) {
  EXPECT_EQ(read(R"({"type":"message","model":"claude","usage":{"input_tokens":220,)"
                 R"("output_tokens":9,"iterations":[{"type":"message","input_tokens":220,)"
                 R"("output_tokens":9},{"type":"compaction","input_tokens":55196,)"
                 R"("cache_read_input_tokens":4,"output_tokens":300},{"type":"advisor_message",)"
                 R"("model":"adviser","input_tokens":7,"cache_creation_input_tokens":3,)"
                 R"("output_tokens":8}]}})"),
            "in 220, out 9, +compaction[in 55200, cached 4, out 300, ] "
            "+advisor_message(adviser)[in 10, write 3, out 8, ] claude finished");
}

// Writes of an hour are dearer, on top too; what can't be counted makes the whole unknown.
TEST(AnthropicReader, IterationsTellTheLifetimeOfTheirCacheWrites) {
  const auto reply = [](const std::string& iteration) {
    return read(R"({"usage":{"input_tokens":1,"output_tokens":2,"iterations":[)" + iteration +
                "]}}");
  };
  EXPECT_EQ(reply(R"({"type":"compaction","input_tokens":5,"cache_creation_input_tokens":9,)"
                  R"("cache_creation":{"ephemeral_5m_input_tokens":2,)"
                  R"("ephemeral_1h_input_tokens":7},"output_tokens":3})"),
            "in 1, out 2, +compaction[in 14, write 9, write 1h 7, out 3, ] finished");
  EXPECT_EQ(reply(R"({"type":"compaction","input_tokens":5,"cache_creation":)"
                  R"({"ephemeral_5m_input_tokens":2,"ephemeral_1h_input_tokens":7},)"
                  R"("output_tokens":3})"),
            "in 1, out 2, +compaction[in 14, write 9, write 1h 7, out 3, ] finished");
  EXPECT_EQ(reply(R"({"type":"compaction","input_tokens":-5,"output_tokens":3})"),
            "nothing +compaction[out 3, ] finished");
}

TEST(AnthropicReader, AFallbackServesUnderItsOwnName) {
  const std::string end = event(
      "message_delta",
      R"("usage":{"output_tokens":5,"iterations":[{"type":"message","input_tokens":1},)"
      R"({"model":"served","type":"fallback_message","input_tokens":1}]})");
  EXPECT_EQ(read(kStart + end + kStop),
            "in 60, cached 30, write 20, write 1h 5, out 5, standard served stream finished");
}

TEST(AnthropicReader, Errors) {
  const std::string error =
      R"("error":{"type":"overloaded_error","message":"Overloaded"},"request_id":"r")";
  EXPECT_EQ(read("{\"type\":\"error\"," + error + "}"),
            "nothing error:overloaded_error finished");
  EXPECT_EQ(read(kStart + event("error", error)),
            "in 60, cached 30, write 20, write 1h 5, out 1, standard claude "
            "error:overloaded_error stream cut");
}

TEST(AnthropicReader, ToolInputIsOutput) {
  const std::string stream =
      kStart + event("content_block_start", R"("content_block":{"type":"tool_use","input":{}})") +
      event("content_block_delta",
            R"("delta":{"type":"input_json_delta","partial_json":"{\"a\""})") +
      event("content_block_delta", R"("delta":{"type":"thinking_delta","thinking":"hm"})");
  const Reading reading = testing::read_reply(Endpoint::messages, stream, {});
  EXPECT_EQ(reading.tool_calls, 1u);
  EXPECT_EQ(reading.output_bytes, 6u);
}

TEST(AnthropicReader, TheLegacyApiHasNoUsage) {
  EXPECT_EQ(testing::read_all_cuts(
                Endpoint::complete,
                "event: completion\r\ndata: {\"type\":\"completion\",\"completion\":\" a\","
                "\"stop_reason\":null,\"model\":\"claude-2\"}\r\n\r\n"
                "event: completion\r\ndata: {\"type\":\"completion\",\"completion\":\"\","
                "\"stop_reason\":\"max_tokens\",\"model\":\"claude-2\"}\r\n\r\n"),
            "nothing claude-2 max_tokens stream finished");
}

}  // namespace
}  // namespace farebox
