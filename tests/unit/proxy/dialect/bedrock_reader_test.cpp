// Bedrock's replies where the recordings have no example of them.
#include <gtest/gtest.h>

#include "proxy/dialect/dialect.hpp"
#include "tests/unit/proxy/dialect/aws_frames.hpp"
#include "tests/unit/proxy/dialect/cuts.hpp"

namespace farebox {
namespace {

using testing::chunk_frame;
using testing::event_frame;

constexpr std::uint64_t kLargest = 1ull << 53;

struct Reply {
  std::string body;
  std::vector<http::Field> fields = {};
  int status = 200;
  Endpoint endpoint = Endpoint::invoke;
};

Reading read(const Reply& reply, std::size_t step = 0) {
  Route route;
  route.endpoint = reply.endpoint;
  const auto reader = dialect_for(DialectName::bedrock).reader(route, BodyFacts());
  http::ResponseHead head;
  head.status = reply.status;
  head.fields = reply.fields;
  reader->head(head);
  const auto cuts = step == 0 ? testing::Cuts() : testing::every(reply.body.size(), step);
  for (const std::string& piece : testing::pieces(reply.body, cuts)) reader->feed(piece);
  return reader->finish();
}

bool is_reported(const Reading& reading) {
  return reading.usage.source == UsageSource::reported;
}

struct Counts {
  bool reported;
  Tokens input = 0, output = 0, cached = 0, written = 0, written_1h = 0;
};

void expect_counts(const Reply& reply, const Counts& want, std::string_view what) {
  for (const std::size_t step : {0u, 1u, 7u}) {
    const Reading reading = read(reply, step);
    EXPECT_EQ(is_reported(reading), want.reported) << what;
    EXPECT_EQ(reading.usage.input, want.input) << what;
    EXPECT_EQ(reading.usage.output, want.output) << what;
    EXPECT_EQ(reading.usage.cached_input, want.cached) << what;
    EXPECT_EQ(reading.usage.cache_write, want.written) << what;
    EXPECT_EQ(reading.usage.cache_write_1h, want.written_1h) << what;
  }
}

TEST(BedrockReader, ConverseUsageIsExactOrUnsaid) {
  struct Row {
    std::string_view usage;
    Counts want;
  };
  const Row rows[] = {
      {R"({"inputTokens":433,"outputTokens":16,"totalTokens":3201,"cacheReadInputTokens":2752})",
       {true, 3185, 16, 2752}},
      {R"({"inputTokens":10,"outputTokens":4,"cacheWriteInputTokens":90,"cacheDetails":
          [{"ttl":"5m","inputTokens":20},{"ttl":"1h","inputTokens":70}]})",
       {true, 100, 4, 0, 90, 70}},
      // The twin spelling alone, and both.
      {R"({"inputTokens":1,"outputTokens":2,"cacheReadInputTokenCount":5})", {true, 6, 2, 5}},
      {R"({"inputTokens":1,"outputTokens":2,"cacheReadInputTokenCount":5,"cacheReadInputTokens":5})",
       {true, 6, 2, 5}},
      {R"({"inputTokens":1,"outputTokens":2,"cacheReadInputTokens":null})", {true, 1, 2}},
      {R"({"inputTokens":25.0,"outputTokens":1e2})", {true, 25, 100}},
      // One side from the total; never from a total that can't be.
      {R"({"inputTokens":7,"totalTokens":10})", {true, 7, 3}},
      {R"({"outputTokens":7,"totalTokens":10,"cacheReadInputTokens":2})", {true, 3, 7, 2}},
      {R"({"inputTokens":7,"totalTokens":3})", {false}},
      {R"({"inputTokens":7})", {false}},
      {R"({})", {false}},
      {R"(null)", {false}},
      {R"([1])", {false}},
      {R"({"inputTokens":-1,"outputTokens":2})", {false}},
      {R"({"inputTokens":1.5,"outputTokens":2})", {false}},
      {R"({"inputTokens":"5","outputTokens":2})", {false}},
      {R"({"inputTokens":9007199254740993,"outputTokens":2})", {false}},
      {R"({"inputTokens":1e400,"outputTokens":2})", {false}},
      {R"({"inputTokens":1,"outputTokens":2,"cacheReadInputTokens":-3})", {false}},
      {R"({"inputTokens":1,"outputTokens":2,"cacheDetails":[{"ttl":"1h","inputTokens":-3}]})",
       {false}},
      {R"({"inputTokens":9007199254740992,"outputTokens":9007199254740992})",
       {true, kLargest, kLargest}},
      // The last one of a repeated name counts, as in every parser of AWS's SDKs.
      {R"({"inputTokens":5,"inputTokens":7,"outputTokens":2})", {true, 7, 2}},
      {R"({"inputTokens":5,"inputTokens":-7,"outputTokens":2})", {false}},
  };
  for (const Row& row : rows) {
    const std::string usage(row.usage);
    Reply whole{"{\"output\":{},\"stopReason\":\"end_turn\",\"usage\":" + usage + "}"};
    whole.endpoint = Endpoint::converse;
    expect_counts(whole, row.want, row.usage);
    Reply stream{event_frame("messageStop", R"({"stopReason":"end_turn"})") +
                 event_frame("metadata", "{\"usage\":" + usage + ",\"p\":\"ab\"}")};
    stream.endpoint = Endpoint::converse;
    expect_counts(stream, row.want, row.usage);
  }
}

TEST(BedrockReader, ConverseTellsToolsTierAndSpeed) {
  Reply reply{R"({"output":{"message":{"content":[{"text":"a"},{"toolUse":{"name":"x","input":{}}},
      {"toolUse":{"name":"y","type":"tool_use"}},{"toolUse":{"type":"server_tool_use"}}]}},
      "stopReason":"tool_use","serviceTier":{"type":"priority"},
      "performanceConfig":{"latency":"optimized"},
      "usage":{"inputTokens":1,"outputTokens":2,"serverToolUsage":{"webSearchRequests":3}}})"};
  const Reading reading = read(reply);
  EXPECT_EQ(reading.tool_calls, 2u);
  EXPECT_EQ(reading.finish_reason, "tool_use");
  EXPECT_EQ(reading.usage.service_tier, "priority");
  EXPECT_EQ(reading.usage.speed, "optimized");
  ASSERT_EQ(reading.usage.extras.size(), 1u);
  EXPECT_EQ(reading.usage.extras[0].type, "web_search");
  EXPECT_EQ(reading.usage.extras[0].count, 3u);
  EXPECT_TRUE(reading.finished);
}

TEST(BedrockReader, AnExceptionEndsAStreamInError) {
  const std::string exception =
      testing::frame_of(testing::header_text(":message-type", "exception") +
                            testing::header_text(":exception-type", "modelStreamErrorException"),
                        R"({"message":"no"})");
  const Reading reading = read({event_frame("messageStart", "{}") + exception}, 3);
  EXPECT_TRUE(reading.error);
  EXPECT_EQ(reading.error_code, "modelStreamErrorException");
  EXPECT_FALSE(reading.finished);
  EXPECT_FALSE(is_reported(reading));
}

TEST(BedrockReader, AnErrorSaysItsTypeAndCostsNothing) {
  Reply reply{R"({"message":"slow down","usage":{"inputTokens":5,"outputTokens":6}})"};
  reply.status = 429;
  reply.fields = {{"X-Amzn-ErrorType", "ThrottlingException:http://internal.amazon.com/coral/"},
                  {"x-amzn-bedrock-input-token-count", "5"},
                  {"x-amzn-bedrock-output-token-count", "5"}};
  const Reading reading = read(reply);
  EXPECT_TRUE(reading.error);
  EXPECT_EQ(reading.error_code, "ThrottlingException");
  EXPECT_FALSE(is_reported(reading));
  EXPECT_EQ(reading.usage.input, 0u);
}

TEST(BedrockReader, EveryFamilyIsReadWhole) {
  const std::vector<http::Field> fields = {{"X-Amzn-Bedrock-Input-Token-Count", "11"},
                                           {"X-Amzn-Bedrock-Output-Token-Count", "12"},
                                           {"X-Amzn-Bedrock-Cache-Read-Input-Token-Count", "4"}};
  struct Row {
    std::string_view what, body, finish;
    Counts bare, with_head;
    std::uint64_t calls = 0;
  };
  const Counts head{true, 15, 12, 4};
  const Row rows[] = {
      {"claude", R"({"type":"message","model":"claude-x","stop_reason":"end_turn",
        "content":[{"type":"tool_use"}],
        "usage":{"input_tokens":1,"output_tokens":2,"cache_read_input_tokens":8}})",
       "end_turn", {true, 9, 2, 8}, {true, 9, 2, 8}, 1},
      {"nova", R"({"output":{"message":{"content":[{"toolUse":{}}]}},"stopReason":"tool_use",
        "usage":{"inputTokens":3,"outputTokens":4,"cacheWriteInputTokenCount":2}})",
       "tool_use", {true, 5, 4, 0, 2}, {true, 5, 4, 0, 2}, 1},
      {"llama", R"({"generation":"x","prompt_token_count":5,"generation_token_count":6,
        "stop_reason":"length"})", "length", {true, 5, 6}, {true, 9, 6, 4}},
      {"titan", R"({"inputTextTokenCount":5,"results":[{"tokenCount":3,"completionReason":"FINISH"},
        {"tokenCount":4,"completionReason":"LENGTH"}]})", "LENGTH", {true, 5, 7}, {true, 9, 7, 4}},
      {"titan embeddings", R"({"embedding":[0.1,0.2],"inputTextTokenCount":9})", "",
       {true, 9, 0}, {true, 13, 12, 4}},
      {"mistral", R"({"outputs":[{"text":"x","stop_reason":"stop"}]})", "stop", {false}, head},
      {"cohere", R"({"generations":[{"text":"x","finish_reason":"COMPLETE"}]})", "COMPLETE",
       {false}, head},
      {"command r", R"({"text":"x","finish_reason":"COMPLETE","tool_calls":[{"name":"f"}]})",
       "COMPLETE", {false}, head, 1},
      {"jurassic", R"({"completions":[{"data":{"text":"x"},"finishReason":{"reason":"endoftext"}}]})",
       "endoftext", {false}, head},
      {"jamba", R"({"choices":[{"index":0,"message":{"content":"x"},"finish_reason":"stop"}],
        "usage":{"prompt_tokens":7,"completion_tokens":8,"total_tokens":15}})",
       "stop", {true, 7, 8}, {true, 7, 8}},
      {"mistral large", R"({"choices":[{"index":0,"message":{"content":"","tool_calls":[{"id":"a"}]},
        "stop_reason":"tool_calls"}]})", "tool_calls", {false}, head, 1},
      {"deepseek r1", R"({"choices":[{"text":"x","stop_reason":"stop"}]})", "stop", {false}, head},
      {"rerank", R"({"results":[{"index":2,"relevance_score":0.8}]})", "", {false}, head},
  };
  for (const Row& row : rows) {
    expect_counts({std::string(row.body)}, row.bare, row.what);
    expect_counts({std::string(row.body), fields}, row.with_head, row.what);
    const Reading reading = read({std::string(row.body), fields});
    EXPECT_EQ(reading.finish_reason, row.finish) << row.what;
    EXPECT_EQ(reading.tool_calls, row.calls) << row.what;
    EXPECT_TRUE(reading.finished) << row.what;
    EXPECT_FALSE(reading.error) << row.what;
  }
}

TEST(BedrockReader, HeadFieldsThatAreNoCountsSayNothing) {
  for (const std::string_view value : {"-1", "1.5", "1e3", " ", "0x10", "5,5", "9007199254740993",
                                       "99999999999999999999999"}) {
    Reply reply{"{\"outputs\":[]}"};
    reply.fields = {{"x-amzn-bedrock-input-token-count", value},
                    {"x-amzn-bedrock-output-token-count", "2"}};
    EXPECT_FALSE(is_reported(read(reply))) << value;
    reply.fields = {{"x-amzn-bedrock-input-token-count", "2"},
                    {"x-amzn-bedrock-output-token-count", "2"},
                    {"x-amzn-bedrock-cache-read-input-token-count", value}};
    EXPECT_FALSE(is_reported(read(reply))) << value;
  }
}

TEST(BedrockReader, StreamsOfEveryFamilyAreRead) {
  const std::string metrics =
      R"("amazon-bedrock-invocationMetrics":{"inputTokenCount":21,"outputTokenCount":22,)"
      R"("cacheReadInputTokenCount":3,"cacheWriteInputTokenCount":0})";
  struct Row {
    std::string_view what;
    std::string stream;
    std::string_view finish;
    Counts want;
  };
  const Row rows[] = {
      {"claude",
       chunk_frame(R"({"type":"message_start","message":{"model":"claude-x","usage":)"
                   R"({"input_tokens":5,"cache_read_input_tokens":7,"output_tokens":1}}})") +
           chunk_frame(R"({"type":"message_delta","delta":{"stop_reason":"end_turn"},)"
                       R"("usage":{"output_tokens":9}})") +
           chunk_frame("{\"type\":\"message_stop\"," + metrics + "}"),
       "end_turn", {true, 12, 9, 7}},
      {"claude's text", chunk_frame(R"({"completion":" a","stop_reason":null})") +
                            chunk_frame(R"({"completion":"","stop_reason":"stop_sequence",)" +
                                        metrics + "}"),
       "stop_sequence", {true, 24, 22, 3}},
      {"llama", chunk_frame(R"({"generation":"a","prompt_token_count":4,)"
                            R"("generation_token_count":1,"stop_reason":null})") +
                    chunk_frame(R"({"generation":"b","prompt_token_count":null,)"
                                R"("generation_token_count":2,"stop_reason":"stop"})"),
       "stop", {true, 4, 2}},
      {"mistral", chunk_frame(R"({"outputs":[{"text":"a","stop_reason":null}]})") +
                      chunk_frame(R"({"outputs":[{"text":"","stop_reason":"stop"}],)" + metrics +
                                  "}"),
       "stop", {true, 24, 22, 3}},
      {"cohere", chunk_frame(R"({"event_type":"text-generation","text":"a","is_finished":false})") +
                     chunk_frame(R"({"event_type":"stream-end","finish_reason":"COMPLETE",)" +
                                 metrics + "}"),
       "COMPLETE", {true, 24, 22, 3}},
      {"openai", chunk_frame(R"({"choices":[{"index":0,"delta":{"content":"a"}}]})") +
                     chunk_frame(R"({"choices":[{"index":0,"delta":{},"finish_reason":"stop"}],)" +
                                 metrics + "}"),
       "stop", {true, 24, 22, 3}},
      {"a guardrail in titan's place",
       chunk_frame(R"({"outputText":"no","totalOutputTextTokenCount":3,"inputTextTokenCount":6,)"
                   R"("amazon-bedrock-guardrailAction":"INTERVENED"})"),
       "", {false}},
  };
  for (const Row& row : rows) {
    expect_counts({row.stream}, row.want, row.what);
    const Reading reading = read({row.stream});
    EXPECT_EQ(reading.finish_reason, row.finish) << row.what;
    EXPECT_TRUE(reading.stream) << row.what;
    EXPECT_TRUE(reading.finished) << row.what;
    // Cut before its last frame, no stream is finished.
    const auto frames = testing::behind_frames(row.stream);
    if (frames.empty()) continue;
    EXPECT_FALSE(read({row.stream.substr(0, frames.back())}).finished) << row.what;
    EXPECT_FALSE(read({row.stream.substr(0, row.stream.size() - 1)}).finished) << row.what;
  }
}

TEST(BedrockReader, ImagesAreCounted) {
  for (const std::string_view body :
       {R"({"images":["aGk=","aGk="],"error":null})", R"({"artifacts":[{"base64":"a"},{}]})",
        R"({"seeds":[1,2],"finish_reasons":[null,null],"images":["a","b"]})"}) {
    const Reading reading = read({std::string(body)}, 5);
    EXPECT_EQ(reading.usage.images, 2u) << body;
    EXPECT_TRUE(is_reported(reading)) << body;
  }
  EXPECT_TRUE(read({R"({"images":[],"error":"blocked"})"}).error);
}

TEST(BedrockReader, OddBodiesTeachNothing) {
  for (const std::string_view body :
       {"", "[]", "null", "{", "{}", "data: {}\n\n", "\x01\x02", "{\"usage\":", "<html>"}) {
    const Reading reading = read({std::string(body)}, 1);
    EXPECT_FALSE(is_reported(reading)) << body;
  }
  // Nested a million deep.
  std::string deep;
  for (int i = 0; i < 300'000; ++i) deep += "{\"metadata\":";
  EXPECT_FALSE(is_reported(read({deep})));
  EXPECT_FALSE(is_reported(read({event_frame("metadata", deep)})));
  EXPECT_FALSE(is_reported(read({chunk_frame(deep)})));
}

TEST(BedrockDialect, PathsNameModelsAndOperations) {
  struct Row {
    std::string_view method, path;
    Endpoint endpoint;
    std::string_view model;
    bool stream = false;
  };
  const Row rows[] = {
      {"POST", "/model/us.anthropic.claude-sonnet-4-5-20250929-v1%3A0/converse",
       Endpoint::converse, "us.anthropic.claude-sonnet-4-5-20250929-v1:0"},
      {"POST", "/model/amazon.nova-lite-v1:0/converse-stream?x=1", Endpoint::converse,
       "amazon.nova-lite-v1:0", true},
      {"POST", "/model/us-gov.anthropic.claude-3-haiku/invoke", Endpoint::invoke,
       "us-gov.anthropic.claude-3-haiku"},
      {"POST", "/model/m/invoke-with-response-stream", Endpoint::invoke, "m", true},
      {"POST", "/model/m/count-tokens", Endpoint::count_tokens, "m"},
      {"POST", "/model/arn%3Aaws%3Abedrock%3Aus-east-1%3A1%3Ainference-profile%2Fus.a.b/invoke",
       Endpoint::invoke, "arn:aws:bedrock:us-east-1:1:inference-profile/us.a.b"},
      {"POST", "/model/arn:aws:bedrock:us-east-1:1:provisioned-model/abc/converse",
       Endpoint::converse, "arn:aws:bedrock:us-east-1:1:provisioned-model/abc"},
      {"POST", "/openai/v1/chat/completions", Endpoint::chat_completions, ""},
      {"POST", "/v1/responses", Endpoint::responses, ""},
      {"POST", "/openai/v1/responses", Endpoint::responses, ""},
      {"POST", "/anthropic/v1/messages", Endpoint::messages, ""},
      {"GET", "/v1/models", Endpoint::passthrough, ""},
      {"GET", "/foundation-models", Endpoint::passthrough, ""},
      {"POST", "/guardrail/g/version/1/apply", Endpoint::unknown, ""},
      {"POST", "/async-invoke", Endpoint::unknown, ""},
      {"GET", "/model/m/invoke", Endpoint::unknown, ""},
      {"POST", "/model/m/dance", Endpoint::unknown, ""},
      {"POST", "/model/invoke", Endpoint::unknown, ""},
      {"POST", "/", Endpoint::unknown, ""},
  };
  for (const Row& row : rows) {
    const Route route = dialect_for(DialectName::bedrock).recognise(row.method, row.path);
    EXPECT_EQ(name_of(route.endpoint), name_of(row.endpoint)) << row.path;
    EXPECT_EQ(route.model, row.model) << row.path;
    EXPECT_EQ(route.stream, row.stream) << row.path;
    EXPECT_EQ(route.reads_body, is_metered(row.endpoint)) << row.path;
  }
}

TEST(BedrockDialect, EveryFamilysMaximumIsRead) {
  Route route;
  route.endpoint = Endpoint::invoke;
  route.model = "m";
  const auto maximum = [&](std::string_view body) {
    const auto facts =
        dialect_for(DialectName::bedrock).read_body(route, "application/json", body);
    return facts ? facts->max_output_tokens : 0;
  };
  EXPECT_EQ(maximum(R"({"inferenceConfig":{"maxTokens":10}})"), 10u);
  EXPECT_EQ(maximum(R"({"inferenceConfig":{"max_new_tokens":11}})"), 11u);
  EXPECT_EQ(maximum(R"({"textGenerationConfig":{"maxTokenCount":12}})"), 12u);
  EXPECT_EQ(maximum(R"({"max_gen_len":13})"), 13u);
  EXPECT_EQ(maximum(R"({"max_tokens":14})"), 14u);
  EXPECT_EQ(maximum(R"({"maxTokens":15})"), 15u);
  EXPECT_FALSE(dialect_for(DialectName::bedrock)
                   .read_body(route, "", R"({"inferenceConfig":{"maxTokens":1,"maxTokens":2}})"));
}

}  // namespace
}  // namespace farebox
