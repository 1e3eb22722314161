// The octets that end a stream early, dialect by dialect.
#include "proxy/dialect/stream_end.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <string>
#include <utility>
#include <vector>

#include "tests/unit/proxy/dialect/aws_frames.hpp"
#include "tests/unit/proxy/dialect/stream_end_support.hpp"

namespace farebox {
namespace {

using Json = nlohmann::json;
using testing::Call;
using testing::Recording;

// What a stream that was cut gets behind it; "-" where it can't be ended.
std::string end_of(Endpoint endpoint, DialectName dialect, const std::string& body,
                   std::string_view stream) {
  Route route;
  route.endpoint = endpoint;
  if (dialect == DialectName::ollama) route.speaks = dialect;
  const auto facts = dialect_for(dialect).read_body(route, "application/json", body);
  const auto end = stream_end(route, dialect, facts ? *facts : BodyFacts());
  if (!end) return "-";
  end->feed(stream);
  Usage usage;
  usage.input = 7;
  usage.output = 5;
  usage.cached_input = 2;
  usage.reasoning = 1;
  return end->end(usage).value_or("-");
}

constexpr Endpoint kChat = Endpoint::chat_completions;
constexpr DialectName kOpenAi = DialectName::openai;

TEST(StreamEnd, ChatClosesEachOpenChoice) {
  const std::string first =
      "data: {\"id\":\"c1\",\"object\":\"chat.completion.chunk\",\"created\":3,\"model\":\"m\","
      "\"choices\":[{\"index\":1,\"delta\":{\"content\":\"a\"},\"finish_reason\":\"stop\"}]}\n\n";
  const std::string head =
      "data: {\"id\":\"c1\",\"object\":\"chat.completion.chunk\",\"created\":3,\"model\":\"m\",";
  const auto closing = [&](int index, const std::string& more) {
    return head + "\"choices\":[{\"index\":" + std::to_string(index) +
           ",\"delta\":{},\"logprobs\":null,\"finish_reason\":\"length\"}]" + more + "}\n\n";
  };
  const std::string done = "data: [DONE]\n\n";
  EXPECT_EQ(end_of(kChat, kOpenAi, R"({"n":3})", first), closing(0, "") + closing(2, "") + done);
  const std::string usage =
      "\"usage\":{\"prompt_tokens\":7,\"completion_tokens\":5,\"total_tokens\":12,"
      "\"prompt_tokens_details\":{\"cached_tokens\":2},"
      "\"completion_tokens_details\":{\"reasoning_tokens\":1}}";
  EXPECT_EQ(end_of(kChat, kOpenAi, R"({"stream":true,"stream_options":{"include_usage":true}})",
                   first),
            closing(0, ",\"usage\":null") + head + "\"choices\":[]," + usage + "}\n\n" + done);
  EXPECT_EQ(end_of(kChat, DialectName::mistral, "{}", first), closing(0, "," + usage) + done);
  // Half an event is no event, and what has ended needs no end.
  EXPECT_EQ(end_of(kChat, kOpenAi, "{}", first.substr(0, 40)), "-");
  EXPECT_EQ(end_of(kChat, kOpenAi, "{}", first + first.substr(0, 40)), closing(0, "") + done);
  EXPECT_EQ(end_of(kChat, kOpenAi, "{}", first + done), "");
  EXPECT_EQ(end_of(kChat, kOpenAi, "{}", "data: {\"error\":{\"code\":1}}\n\n"), "");
  EXPECT_EQ(end_of(kChat, kOpenAi, "{}", ": waiting\n\n"), "-");
  EXPECT_EQ(end_of(kChat, kOpenAi, R"({"n":1000})", first), "-");
  EXPECT_EQ(end_of(Endpoint::completions, kOpenAi, "{}",
                   "data: {\"id\":\"c\",\"choices\":[{\"text\":\"a\",\"index\":0}]}\r\n\r\n"),
            "data: {\"id\":\"c\",\"choices\":[{\"index\":0,\"text\":\"\",\"logprobs\":null,"
            "\"finish_reason\":\"length\"}]}\r\n\r\ndata: [DONE]\r\n\r\n");
}

TEST(StreamEnd, AnthropicStopsWhatIsOpen) {
  const std::string start =
      "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"m\"}}\n\n"
      "event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":1,"
      "\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\n";
  const std::string stop = "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n";
  const auto end = [](const std::string& stream) {
    return end_of(Endpoint::messages, DialectName::anthropic, "{}", stream);
  };
  EXPECT_EQ(end(start),
            "event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":1}\n\n"
            "event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":"
            "\"max_tokens\",\"stop_sequence\":null},\"usage\":{\"input_tokens\":5,"
            "\"cache_creation_input_tokens\":0,\"cache_read_input_tokens\":2,"
            "\"output_tokens\":5}}\n\n" + stop);
  const std::string told =
      start + "data: {\"type\":\"content_block_stop\",\"index\":1}\n\n"
              "data: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"}}\n\n";
  EXPECT_EQ(end(told), stop);
  EXPECT_EQ(end(told + stop), "");
  EXPECT_EQ(end("event: ping\ndata: {\"type\":\"ping\"}\n\n"), "-");
}

TEST(StreamEnd, GeminiOllamaAndCohere) {
  const std::string chunk = R"({"candidates":[{"content":{"parts":[{"text":"a"}]},"index":0}],)"
                            R"("modelVersion":"g","responseId":"r"})";
  const std::string last =
      R"({"candidates":[{"content":{"parts":[{"text":""}],"role":"model"},)"
      R"("finishReason":"MAX_TOKENS","index":0}],"usageMetadata":{"promptTokenCount":7,)"
      R"("candidatesTokenCount":4,"thoughtsTokenCount":1,"cachedContentTokenCount":2,)"
      R"("totalTokenCount":12},"modelVersion":"g","responseId":"r"})";
  const auto gemini = [](const std::string& stream) {
    return end_of(Endpoint::generate_content, DialectName::gemini, "{}", stream);
  };
  EXPECT_EQ(gemini("data: " + chunk + "\n\n"), "data: " + last + "\n\n");
  EXPECT_EQ(gemini("[" + chunk), "," + last + "]");
  EXPECT_EQ(gemini("[" + chunk + "\n,\r\n"), last + "]");
  EXPECT_EQ(gemini("[" + chunk + ",{\"candidates\""), "," + last + "]");
  EXPECT_EQ(gemini("["), "-");
  EXPECT_EQ(gemini("[" + last), "]");
  EXPECT_EQ(gemini("[" + last + "]"), "");
  EXPECT_EQ(gemini("data: {\"response\":" + chunk + "}\n\n"),
            "data: {\"response\":" + last + "}\n\n");

  EXPECT_EQ(end_of(Endpoint::chat, DialectName::ollama, "{}",
                   R"({"model":"q","created_at":"t","message":{"content":"a"},"done":false})"),
            "\n" R"({"model":"q","created_at":"t","message":{"role":"assistant","content":""},)"
            R"("done":true,"done_reason":"length","prompt_eval_count":7,"eval_count":5})" "\n");
  const std::string units = R"("billed_units":{"input_tokens":7,"output_tokens":5},)"
                            R"("tokens":{"input_tokens":7,"output_tokens":5})";
  EXPECT_EQ(end_of(Endpoint::chat, DialectName::cohere, "{}",
                   "event: content-start\ndata: {\"type\":\"content-start\",\"index\":0}\n\n"),
            "event: content-end\ndata: {\"type\":\"content-end\",\"index\":0}\n\n"
            "event: message-end\ndata: {\"type\":\"message-end\",\"delta\":{\"finish_reason\":"
            "\"MAX_TOKENS\",\"usage\":{" + units + "}}}\n\ndata: [DONE]\n\n");
  EXPECT_EQ(end_of(Endpoint::chat, DialectName::cohere, "{}",
                   "{\"event_type\":\"stream-start\",\"generation_id\":\"g\"}\n"
                   "{\"event_type\":\"text-generation\",\"text\":\"a\\n\"}\n"),
            "{\"is_finished\":true,\"event_type\":\"stream-end\",\"finish_reason\":\"MAX_TOKENS\","
            "\"response\":{\"generation_id\":\"g\",\"text\":\"a\\n\",\"finish_reason\":"
            "\"MAX_TOKENS\",\"meta\":{\"api_version\":{\"version\":\"1\"}," + units + "}}}\n");
}

TEST(StreamEnd, BedrocksFrames) {
  const auto end = [](Endpoint endpoint, const std::string& stream) {
    return end_of(endpoint, DialectName::bedrock, "{}", stream);
  };
  using testing::event_frame;
  const std::string usage = R"({"usage":{"inputTokens":5,"outputTokens":5,"totalTokens":12,)"
                            R"("cacheReadInputTokens":2,"cacheWriteInputTokens":0},)"
                            R"("metrics":{"latencyMs":0}})";
  const std::string start = event_frame("messageStart", R"({"role":"assistant"})") +
                            event_frame("contentBlockDelta", R"({"contentBlockIndex":0})");
  const std::string last = event_frame("contentBlockStop", R"({"contentBlockIndex":0})") +
                           event_frame("messageStop", R"({"stopReason":"max_tokens"})") +
                           event_frame("metadata", usage);
  EXPECT_EQ(end(Endpoint::converse, start), last);
  EXPECT_EQ(end(Endpoint::converse, start + last), "");
  EXPECT_EQ(end(Endpoint::converse, start + last.substr(0, 20)), last);
  EXPECT_EQ(end(Endpoint::converse, start + std::string(20, '\xff')), "-");
  const auto chunk = [](const std::string& inner) {
    return event_frame("chunk", "{\"bytes\":\"" + testing::base64_of(inner) + "\"}");
  };
  EXPECT_EQ(end(Endpoint::invoke, testing::chunk_frame(R"({"messageStart":{}})")),
            chunk(R"({"messageStop":{"stopReason":"max_tokens"}})") +
                chunk("{\"metadata\":" + usage + "}"));
  EXPECT_TRUE(end(Endpoint::invoke, testing::chunk_frame(R"({"type":"message_start"})"))
                  .ends_with(chunk(R"({"type":"message_stop"})")));
  EXPECT_EQ(end(Endpoint::invoke, testing::chunk_frame(R"({"outputText":"a"})")), "-");
}

// The stream of a call that reached its own maximum: cut before the provider closed anything, it
// gets the same events as the provider sent, but for what was counted.
TEST(StreamEnd, ResponsesAreClosedAsTheProviderClosesThem) {
  std::size_t seen = 0;
  for (const Recording& recording : testing::all_recordings()) {
    const std::size_t text_done = recording.reply.find("event: response.output_text.done");
    if (recording.reply.find("event: response.incomplete") == std::string::npos) continue;
    ASSERT_NE(text_done, std::string::npos);
    ++seen;
    const Call call = testing::call_of(recording);
    const auto end = call.end();
    end->feed(std::string_view(recording.reply).substr(0, text_done));
    Usage nothing;
    const auto last = end->end(nothing);
    ASSERT_TRUE(last);
    const auto events = [](std::string_view stream) {
      std::vector<std::pair<std::string, Json>> all;
      SseSplitter splitter;
      SseEvent event;
      while (splitter.next(stream, event)) {
        all.emplace_back(event.name, Json::parse(event.data));
        if (all.back().second.contains("response")) {
          all.back().second["response"].erase("service_tier");  // "auto" becomes what it ran as
        }
      }
      return all;
    };
    EXPECT_EQ(events(*last), events(std::string_view(recording.reply).substr(text_done)));
  }
  EXPECT_TRUE(seen > 0 || testing::all_recordings().empty());
}

// Every item and part that was begun is ended, and the numbers go on.
TEST(StreamEnd, ResponsesCloseEveryKindOfItem) {
  std::string stream;
  int number = 0;
  const auto add = [&](const std::string& type, const std::string& members) {
    stream += "data: {\"type\":\"" + type + "\",\"sequence_number\":" + std::to_string(number++) +
              members + "}\n\n";
  };
  add("response.created", R"(,"response":{"id":"r","object":"response","status":"in_progress",)"
                          R"("instructions":")" + std::string(70'000, 'i') +
                          R"(","tools":[],"output":[],"usage":null})");
  add("response.output_item.added", R"(,"output_index":0,"item":{"id":"rs","type":"reasoning",)"
                                    R"("summary":[]})");
  add("response.reasoning_summary_part.added", R"(,"item_id":"rs","output_index":0,)"
      R"("summary_index":0,"part":{"type":"summary_text","text":""})");
  add("response.reasoning_summary_text.delta", R"(,"item_id":"rs","output_index":0,)"
      R"("summary_index":0,"delta":"so \"far\"")");
  add("response.output_item.added", R"(,"output_index":1,"item":{"id":"m","type":"message",)"
                                    R"("status":"in_progress","content":[],"role":"assistant"})");
  add("response.content_part.added", R"(,"item_id":"m","output_index":1,"content_index":0,)"
                                     R"("part":{"type":"refusal","refusal":""})");
  add("response.refusal.delta", R"(,"output_index":1,"content_index":0,"delta":"no\u0021")");
  add("response.output_item.added", R"(,"output_index":2,"item":{"id":"f","type":"function_call",)"
      R"("status":"in_progress","arguments":"","call_id":"c","name":"n"})");
  add("response.function_call_arguments.delta", R"(,"output_index":2,"delta":"{\"a\":")");
  const std::string last = end_of(Endpoint::responses, kOpenAi, "{}", stream);
  std::vector<Json> events;
  std::string_view rest = last;
  SseSplitter splitter;
  SseEvent event;
  while (splitter.next(rest, event)) {
    EXPECT_EQ(event.name, "");  // the stream had no names
    events.push_back(Json::parse(event.data));
    EXPECT_EQ(events.back()["sequence_number"], number++);
  }
  std::vector<std::string> types;
  for (const Json& one : events) types.push_back(one["type"]);
  EXPECT_EQ(types, (std::vector<std::string>{
                       "response.reasoning_summary_text.done",
                       "response.reasoning_summary_part.done", "response.output_item.done",
                       "response.refusal.done", "response.content_part.done",
                       "response.output_item.done", "response.function_call_arguments.done",
                       "response.output_item.done", "response.incomplete"}));
  const Json& response = events.back()["response"];
  EXPECT_EQ(response["status"], "incomplete");
  EXPECT_EQ(response["instructions"], nullptr);
  EXPECT_EQ(response["usage"]["total_tokens"], 12);
  EXPECT_EQ(response["output"][0]["summary"][0]["text"], "so \"far\"");
  EXPECT_FALSE(response["output"][0].contains("status"));
  EXPECT_EQ(response["output"][1]["content"][0]["refusal"], "no!");
  EXPECT_EQ(response["output"][1]["status"], "incomplete");
  EXPECT_EQ(response["output"][2]["arguments"], "{\"a\":");
  EXPECT_EQ(events[2]["item"], response["output"][0]);
  EXPECT_EQ(events[5]["item"], response["output"][1]);
  EXPECT_EQ(events[7]["item"], response["output"][2]);
}

// Behind the bound the repeated text is the beginning of what was streamed.
TEST(StreamEnd, ResponsesKeepABoundedText) {
  std::string stream =
      "data: {\"type\":\"response.created\",\"response\":{\"id\":\"r\"}}\n\n"
      "data: {\"type\":\"response.output_item.added\",\"output_index\":0,\"item\":{\"id\":\"m\","
      "\"type\":\"message\",\"status\":\"in_progress\",\"content\":[]}}\n\n"
      "data: {\"type\":\"response.content_part.added\",\"output_index\":0,\"content_index\":0,"
      "\"part\":{\"type\":\"output_text\",\"text\":\"\"}}\n\n";
  const std::string delta = "data: {\"type\":\"response.output_text.delta\",\"output_index\":0,"
                            "\"content_index\":0,\"delta\":\"" + std::string(1000, 'x') + "\"}\n\n";
  for (int i = 0; i < 2000; ++i) stream += delta;
  const std::string last = end_of(Endpoint::responses, kOpenAi, "{}", stream);
  EXPECT_EQ(testing::fault_of(last, "sse"), "");
  EXPECT_LT(last.size(), 5 * StreamEnd::kMostText);
  const Json response = Json::parse(last.substr(last.rfind("data: ") + 6))["response"];
  const std::string text = response["output"][0]["content"][0]["text"];
  EXPECT_LE(text.size(), StreamEnd::kMostText);
  EXPECT_GT(text.size(), StreamEnd::kMostText - 2000);
}

TEST(StreamEnd, SomeApisHaveNoSuchEnd) {
  for (const Endpoint endpoint : {Endpoint::images, Endpoint::speech, Endpoint::transcriptions,
                                  Endpoint::conversations, Endpoint::interactions,
                                  Endpoint::generate, Endpoint::predictions}) {
    EXPECT_EQ(end_of(endpoint, kOpenAi, "{}", "data: {}\n\n"), "-");
  }
}

}  // namespace
}  // namespace farebox
