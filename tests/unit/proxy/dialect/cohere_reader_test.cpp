#include <gtest/gtest.h>

#include "tests/unit/proxy/dialect/replies.hpp"

namespace farebox {
namespace {

std::string read(const std::string& reply, Endpoint endpoint = Endpoint::chat) {
  Route route;
  route.endpoint = endpoint;
  return testing::read_all_cuts(route, DialectName::cohere, reply);
}

TEST(CohereReader, AWholeReplyOfV2) {
  EXPECT_EQ(read(R"({"id":"i","message":{"role":"assistant","tool_calls":[{"id":"a"},{"id":"b"}]},)"
                 R"("finish_reason":"TOOL_CALL","usage":{"billed_units":{"input_tokens":57.0,)"
                 R"("output_tokens":20},"tokens":{"input_tokens":1490,"output_tokens":94,)"
                 R"("reasoning_tokens":9},"cached_tokens":112}})"),
            "in 57, cached 57, out 20, thought 9, calls 2, TOOL_CALL finished");
}

TEST(CohereReader, AStreamOfV2) {
  const std::string stream =
      "event: message-start\ndata: {\"type\":\"message-start\",\"delta\":{\"message\":"
      "{\"content\":[],\"tool_plan\":\"\",\"tool_calls\":[]}}}\n\n"
      "event: content-delta\ndata: {\"type\":\"content-delta\",\"index\":0,\"delta\":{\"message\":"
      "{\"content\":{\"text\":\"H\\u00e9\"}}}}\n\n"
      "event: tool-call-start\ndata: {\"type\":\"tool-call-start\",\"delta\":{\"message\":"
      "{\"tool_calls\":{\"id\":\"a\",\"function\":{\"name\":\"f\",\"arguments\":\"\"}}}}}\n\n"
      "event: tool-call-delta\ndata: {\"type\":\"tool-call-delta\",\"delta\":{\"message\":"
      "{\"tool_calls\":{\"function\":{\"arguments\":\"{}\"}}}}}\n\n";
  const std::string end =
      "event: message-end\ndata: {\"type\":\"message-end\",\"delta\":{\"finish_reason\":"
      "\"COMPLETE\",\"usage\":{\"billed_units\":{\"input_tokens\":12,\"output_tokens\":64}}}}\n\n";
  EXPECT_EQ(read(stream + end + "data: [DONE]\n\n"),
            "in 12, out 64, calls 1, COMPLETE stream finished");
  EXPECT_EQ(read(stream + end), "in 12, out 64, calls 1, COMPLETE stream finished");
  EXPECT_EQ(read(stream), "nothing calls 1, stream cut");
}

TEST(CohereReader, AStreamOfV1IsWholeWithItsLastLine) {
  const std::string lines =
      "{\"is_finished\":false,\"event_type\":\"stream-start\",\"generation_id\":\"g\"}\n"
      "{\"is_finished\":false,\"event_type\":\"text-generation\",\"text\":\"Ar\"}\n";
  const std::string last =
      "{\"is_finished\":true,\"event_type\":\"stream-end\",\"response\":{\"text\":\"Ar\",\"meta\":"
      "{\"billed_units\":{\"input_tokens\":7,\"output_tokens\":115},\"tokens\":{\"input_tokens\":"
      "69,\"output_tokens\":116}}},\"finish_reason\":\"COMPLETE\"}\n";
  EXPECT_EQ(read(lines + last), "in 7, out 115, COMPLETE stream finished");
  EXPECT_EQ(read(lines), "nothing stream cut");
  EXPECT_EQ(read(lines.substr(0, lines.find('\n') + 1)), "nothing stream cut");
  // A close-delimited answer that ends early doesn't look whole.
  Route route;
  route.endpoint = Endpoint::chat;
  const auto reader = reader_for(route, DialectName::cohere);
  reader->feed(lines);
  EXPECT_FALSE(reader->whole());
  reader->feed(last);
  EXPECT_TRUE(reader->whole());
}

TEST(CohereReader, EverythingElseHasItsUsageInMeta) {
  EXPECT_EQ(read(R"({"meta":{"billed_units":{"input_tokens":3,"image_tokens":4}}})",
                 Endpoint::embed),
            "in 7, image in 4, finished");
  EXPECT_EQ(read(R"({"results":[],"meta":{"billed_units":{"search_units":2}}})", Endpoint::rerank),
            "queries 2, finished");
  EXPECT_EQ(read(R"({"meta":{"billed_units":{"classifications":5}}})", Endpoint::classify),
            "queries 5, finished");
  EXPECT_EQ(read(R"({"meta":{"billed_units":{"images":1}}})", Endpoint::embed),
            "images 1, finished");
}

TEST(CohereReader, UnknownIsNeverZero) {
  for (const char* meta : {"null", "{}", R"({"billed_units":{}})", R"({"billed_units":null})",
                           R"({"billed_units":{"input_tokens":-1,"output_tokens":2}})",
                           R"({"billed_units":{"input_tokens":1.5,"output_tokens":2}})",
                           R"({"billed_units":{"input_tokens":1e300,"output_tokens":2}})"}) {
    EXPECT_EQ(read("{\"meta\":" + std::string(meta) + "}"), "nothing finished") << meta;
  }
}

TEST(CohereReader, Errors) {
  EXPECT_EQ(read(R"({"id":"i","message":"too long","error_type":"TOO_MANY_TOKENS"})"),
            "nothing error:TOO_MANY_TOKENS finished");
  EXPECT_EQ(read(R"({"message":{},"finish_reason":"ERROR","usage":{"billed_units":)"
                 R"({"input_tokens":1,"output_tokens":2}}})"),
            "in 1, out 2, ERROR error:ERROR finished");
}

}  // namespace
}  // namespace farebox
