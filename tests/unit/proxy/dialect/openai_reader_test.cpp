#include <gtest/gtest.h>

#include "tests/unit/proxy/dialect/replies.hpp"

namespace farebox {
namespace {

using testing::read_all_cuts;

std::string chat(const std::string& reply, ReaderQuirks quirks = {}) {
  return read_all_cuts(Endpoint::chat_completions, reply, quirks);
}

std::string chat_usage(const std::string& usage) {
  return chat("{\"usage\":" + usage + "}");
}

TEST(OpenAiReader, AWholeReply) {
  EXPECT_EQ(
      chat(R"({"model":"gpt-4o","choices":[{"index":0,"finish_reason":"stop","message":{}}],)"
           R"("service_tier":"flex","usage":{"prompt_tokens":10,"completion_tokens":7,)"
           R"("prompt_tokens_details":{"cached_tokens":4,"cache_write_tokens":3,"audio_tokens":2,)"
           R"("image_tokens":1},"completion_tokens_details":{"reasoning_tokens":5,)"
           R"("audio_tokens":6}}})"),
      "in 10, cached 4, write 3, audio in 2, image in 1, out 7, thought 5, audio out 6, "
      "flex gpt-4o stop finished");
}

TEST(OpenAiReader, AStreamWithUsageInItsLastChunk) {
  const std::string stream =
      "data: {\"model\":\"\",\"choices\":[],\"prompt_filter_results\":[]}\n\n"
      "data: {\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"H\\u00e9\\n\"}}],"
      "\"usage\":null}\n\n"
      "data: {\"model\":\"n\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}"
      "\n\n"
      "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":2}}\n\n"
      "data: [DONE]\n\n";
  EXPECT_EQ(chat(stream), "in 3, out 2, m stop stream finished");
  EXPECT_EQ(testing::read_reply(Endpoint::chat_completions, stream, {}).output_bytes, 4u);
}

TEST(OpenAiReader, FramingIsFoundFromTheFirstOctets) {
  const std::string body = R"({"usage":{"prompt_tokens":1,"completion_tokens":2}})";
  EXPECT_EQ(chat(body), "in 1, out 2, finished");
  EXPECT_EQ(chat("\n\r\n  \t" + body + "\n"), "in 1, out 2, finished");
  EXPECT_EQ(chat("\xef\xbb\xbf" + body), "in 1, out 2, finished");
  EXPECT_EQ(chat("data:" + body), "in 1, out 2, stream cut");
  EXPECT_EQ(chat(": hello\r\n\r\nevent: x\r\ndata: " + body + "\r\n\r\ndata:[DONE]"),
            "in 1, out 2, stream finished");
  EXPECT_EQ(chat("\xef\xbb\xbf\n\ndata: " + body + "\n"), "in 1, out 2, stream cut");
  EXPECT_EQ(chat(body + "\n" + body), "in 1, out 2, stream finished");
  EXPECT_EQ(chat("plain text"), "nothing cut");
  EXPECT_EQ(chat("\xff\xfb\x90"), "nothing cut");
  EXPECT_EQ(chat(""), "nothing cut");
}

TEST(OpenAiReader, TheLastUsageThatSaysSomethingCounts) {
  const auto event = [](const std::string& usage) {
    return "data: {\"choices\":[],\"usage\":" + usage + "}\n\n";
  };
  EXPECT_EQ(chat(event(R"({"prompt_tokens":1,"completion_tokens":1})") +
                 event(R"({"prompt_tokens":1,"completion_tokens":9})") + event("null") +
                 event("{}") + event(R"({"cost":1})") + event("[]")),
            "in 1, out 9, $1 stream cut");
}

TEST(OpenAiReader, UnknownIsNeverZero) {
  // The whole is garbage, or one side is: nothing was reported.
  for (const char* usage :
       {"null", "{}", "[]", "7", R"({"prompt_tokens":-1,"completion_tokens":-1})",
        R"({"prompt_tokens":10,"completion_tokens":1.5})",
        R"({"prompt_tokens":10,"completion_tokens":99999999999999999999})",
        R"({"prompt_tokens":10,"completion_tokens":9007199254740993})",
        R"({"prompt_tokens":"10","completion_tokens":"7"})", R"({"prompt_tokens":10})",
        R"({"completion_tokens":7})", R"({"total_tokens":17})"}) {
    EXPECT_EQ(chat_usage(usage), "nothing finished") << usage;
  }
  EXPECT_EQ(chat_usage(R"({"prompt_tokens":10,"completion_tokens":-1,"total_tokens":17})"),
            "in 10, out 7, finished");
  EXPECT_EQ(chat_usage(R"({"prompt_tokens":null,"completion_tokens":7,"total_tokens":17})"),
            "in 10, out 7, finished");
  EXPECT_EQ(chat_usage(R"({"prompt_tokens":10.0,"completion_tokens":7})"),
            "in 10, out 7, finished");
  EXPECT_EQ(chat_usage(R"({"prompt_tokens":0,"completion_tokens":0})"), "finished");
}

TEST(OpenAiReader, PartsAreCutDownToTheirWhole) {
  EXPECT_EQ(chat_usage(R"({"prompt_tokens":7,"completion_tokens":2,"prompt_tokens_details":)"
                       R"({"cached_tokens":161},"completion_tokens_details":)"
                       R"({"reasoning_tokens":11}})"),
            "in 7, cached 7, out 2, thought 2, finished");
  EXPECT_EQ(chat_usage(R"({"prompt_tokens":7,"completion_tokens":2,"prompt_tokens_details":)"
                       R"({"cached_tokens":-5},"completion_tokens_details":null})"),
            "in 7, out 2, finished");
}

TEST(OpenAiReader, HiddenOutputIsOutput) {
  const std::string reply =
      R"({"usage":{"prompt_tokens":66,"completion_tokens":6,"total_tokens":100}})";
  ReaderQuirks gemini;
  gemini.total_has_hidden_output = true;
  EXPECT_EQ(chat(reply, gemini), "in 66, out 34, finished");
  EXPECT_EQ(chat(reply), "in 66, out 6, finished");
  // xAI: the reasoning explains the difference.
  EXPECT_EQ(chat_usage(R"({"prompt_tokens":468,"completion_tokens":82,"total_tokens":870,)"
                       R"("completion_tokens_details":{"reasoning_tokens":320}})"),
            "in 468, out 402, thought 320, finished");
}

TEST(OpenAiReader, OtherPlacesForUsage) {
  EXPECT_EQ(chat("data: {\"choices\":[{\"usage\":{\"prompt_tokens\":1,\"completion_tokens\":2,"
                 "\"cached_tokens\":1}}]}\n\n"),
            "in 1, cached 1, out 2, stream cut");
  EXPECT_EQ(chat("data: {\"x_groq\":{\"id\":\"r\",\"usage\":{\"prompt_tokens\":1,"
                 "\"completion_tokens\":2}}}\n\n"),
            "in 1, out 2, stream cut");
}

TEST(OpenAiReader, ToolCallsOfAStreamAreCountedOnce) {
  const auto calls = [](const std::string& list) {
    return "data: {\"choices\":[{\"index\":0,\"delta\":{\"tool_calls\":[" + list + "]}}]}\n\n";
  };
  EXPECT_EQ(chat(calls(R"({"index":0,"id":"a","function":{"name":"f","arguments":""}})") +
                 calls(R"({"index":0,"function":{"arguments":"{"}})") +
                 calls(R"({"index":1,"id":"b","function":{"name":"g"}})") +
                 calls(R"({"index":1,"id":"b","function":{"arguments":"}"}})")),
            "nothing calls 2, stream cut");
  // Whole calls, all under index 0.
  EXPECT_EQ(chat(calls(R"({"index":0,"id":"a"})") + calls(R"({"index":0,"id":"b"})")),
            "nothing calls 2, stream cut");
  // Whole calls without an index.
  EXPECT_EQ(chat(calls(R"({"id":"a"},{"id":"b"})")), "nothing calls 2, stream cut");
  EXPECT_EQ(chat("data: {\"choices\":[{\"delta\":{\"function_call\":{\"name\":\"f\"}}}]}\n\n"
                 "data: {\"choices\":[{\"delta\":{\"function_call\":{\"arguments\":\"{\"}}}]}\n\n"),
            "nothing calls 1, stream cut");
}

TEST(OpenAiReader, Errors) {
  EXPECT_EQ(chat(R"({"error":{"message":"m","type":"t","code":"c"}})"),
            "nothing error:c finished");
  EXPECT_EQ(chat(R"({"error":{"message":"m","type":"t","code":null}})"),
            "nothing error:t finished");
  EXPECT_EQ(chat(R"({"error":{"code":429,"message":"m"}})"), "nothing error:429 finished");
  EXPECT_EQ(chat(R"({"code":"c","error":"text"})"), "nothing error:c finished");
  EXPECT_EQ(chat(R"({"error":null})"), "nothing finished");
  EXPECT_EQ(chat("event: error\ndata: {\"error\":{\"type\":\"t\"}}\n\n"),
            "nothing error:t stream cut");
  EXPECT_EQ(read_all_cuts(Endpoint::responses,
                          "data: {\"type\":\"error\",\"code\":\"c\",\"message\":\"m\"}\n\n"),
            "nothing error:c stream cut");
}

TEST(OpenAiReader, Responses) {
  const std::string created =
      "event: response.created\ndata: {\"type\":\"response.created\",\"response\":{\"status\":"
      "\"in_progress\",\"model\":\"m\",\"service_tier\":\"auto\",\"usage\":null,\"output\":[],"
      "\"error\":null}}\n\n";
  const std::string delta =
      "event: response.output_text.delta\ndata: {\"type\":\"response.output_text.delta\","
      "\"delta\":\"abc\"}\n\n";
  const std::string item =
      "data: {\"type\":\"response.output_item.done\",\"item\":{\"type\":\"function_call\"}}\n\n";
  const std::string completed =
      "data: {\"type\":\"response.completed\",\"response\":{\"status\":\"completed\","
      "\"service_tier\":\"default\",\"usage\":{\"input_tokens\":5,\"output_tokens\":4,"
      "\"input_tokens_details\":{\"cached_tokens\":1},\"output_tokens_details\":"
      "{\"reasoning_tokens\":2}},\"output\":[{\"type\":\"web_search_call\",\"action\":{\"type\":"
      "\"search\"}},{\"type\":\"web_search_call\",\"action\":{\"type\":\"open_page\"}},"
      "{\"type\":\"function_call\"},{\"type\":\"custom_tool_call\"},{\"type\":\"mcp_call\"}]}}\n\n";
  EXPECT_EQ(read_all_cuts(Endpoint::responses, created + delta + item),
            "nothing calls 1, auto m stream cut");
  EXPECT_EQ(read_all_cuts(Endpoint::responses, created + delta + item + completed),
            "in 5, cached 1, out 4, thought 2, +web_search[count 1, ] calls 2, "
            "default m completed stream finished");
  EXPECT_EQ(testing::read_reply(Endpoint::responses, created + delta, {}).output_bytes, 3u);
  EXPECT_EQ(read_all_cuts(Endpoint::responses,
                          R"({"object":"response","status":"queued","usage":null})"),
            "nothing queued finished");
}

TEST(OpenAiReader, EmbeddingsHaveNoOutput) {
  const auto read = [](const std::string& usage) {
    return read_all_cuts(Endpoint::embeddings, "{\"data\":[],\"usage\":" + usage + "}");
  };
  EXPECT_EQ(read(R"({"prompt_tokens":8,"total_tokens":8})"), "in 8, finished");
  EXPECT_EQ(read(R"({"total_tokens":8})"), "in 8, finished");
  EXPECT_EQ(read(R"({"prompt_tokens":-8})"), "nothing finished");
}

TEST(OpenAiReader, ImagesAreCounted) {
  EXPECT_EQ(read_all_cuts(Endpoint::images, R"({"data":[{"url":"u"},{"b64_json":"x"}]})"),
            "images 2, finished");
  EXPECT_EQ(read_all_cuts(Endpoint::images,
                          R"({"data":[{}],"usage":{"input_tokens":5,"input_tokens_details":)"
                          R"({"image_tokens":3},"output_tokens":9,"output_tokens_details":)"
                          R"({"image_tokens":9}}})"),
            "in 5, image in 3, out 9, image out 9, images 1, finished");
  EXPECT_EQ(read_all_cuts(Endpoint::images,
                          "data: {\"type\":\"image_generation.partial_image\"}\n\n"
                          "data: {\"type\":\"image_generation.completed\",\"usage\":"
                          "{\"input_tokens\":5,\"output_tokens\":9}}\n\n"),
            "in 5, out 9, images 1, stream finished");
}

TEST(OpenAiReader, AudioIsCountedInTokensOrTime) {
  const auto read = [](const std::string& usage) {
    return read_all_cuts(Endpoint::transcriptions, "{\"text\":\"t\",\"usage\":" + usage + "}");
  };
  EXPECT_EQ(read(R"({"type":"duration","seconds":2})"), "us 2000000, finished");
  EXPECT_EQ(read(R"({"type":"duration","seconds":36.709999})"), "us 36709999, finished");
  EXPECT_EQ(read(R"({"type":"duration","seconds":-2})"), "nothing finished");
  EXPECT_EQ(read(R"({"type":"duration","seconds":1e300})"), "nothing finished");
  EXPECT_EQ(read(R"({"type":"tokens","input_tokens":6,"output_tokens":5,"input_token_details":)"
                 R"({"text_tokens":1,"audio_tokens":5}})"),
            "in 6, audio in 5, out 5, finished");
}

TEST(OpenAiReader, WhatIsNotBilledIsNotCounted) {
  const std::string reply =
      R"({"model":"m","usage":{"prompt_tokens":1,"completion_tokens":2}})";
  EXPECT_EQ(read_all_cuts(Endpoint::passthrough, reply), "nothing cut");
  EXPECT_EQ(read_all_cuts(Endpoint::unknown, reply), "nothing cut");
  EXPECT_EQ(read_all_cuts(Endpoint::moderations, reply), "nothing m finished");
  EXPECT_EQ(read_all_cuts(Endpoint::count_tokens, R"({"input_tokens":9})"), "nothing finished");
}

TEST(OpenAiReader, ACutBodyIsNotFinished) {
  const std::string reply =
      R"({"usage":{"prompt_tokens":1,"completion_tokens":2},"model":"m"})";
  for (std::size_t size = 1; size < reply.size(); ++size) {
    EXPECT_EQ(chat(reply.substr(0, size)), "nothing cut");
  }
  EXPECT_EQ(testing::read_reply(Endpoint::chat_completions, reply, {}).output_bytes, reply.size());
}

TEST(OpenAiReader, BrokenEventsTeachNothingAndHarmNothing) {
  EXPECT_EQ(chat("data: {\"usage\":{\"prompt_tokens\":1\n\n"
                 "data: {\"choices\":[{\"delta\":{\"content\":\n\n"
                 "data: x\n\ndata: [\n\n"
                 "data: {\"usage\":{\"prompt_tokens\":1,\"completion_tokens\":2}}\n\n"
                 "data: [DONE]\n\n"),
            "in 1, out 2, stream finished");
  EXPECT_EQ(chat("{\"usage\":{\"prompt_tokens\":1,\"completion_tokens\":2},}"),
            "in 1, out 2, cut");
}

// The last event of a cut stream is read as far as it came, but never half a number.
TEST(OpenAiReader, AStreamCutInsideItsUsageSaysNothing) {
  const std::string start = "data: {\"usage\":{\"prompt_tokens\":123,\"completion_tokens\":45}";
  for (std::size_t size = 7; size < start.size(); ++size) {
    EXPECT_EQ(chat(start.substr(0, size)), "nothing stream cut");
  }
  EXPECT_EQ(chat(start), "in 123, out 45, stream cut");
}

}  // namespace
}  // namespace farebox
