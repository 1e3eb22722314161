#include <gtest/gtest.h>

#include "tests/unit/proxy/dialect/replies.hpp"

namespace farebox {
namespace {

std::string read(const std::string& reply) {
  return testing::read_all_cuts(Endpoint::generate_content, reply);
}

std::string chunk(const std::string& text, const std::string& rest) {
  return R"({"candidates":[{"content":{"parts":[{"text":")" + text + R"("}]}}])" + rest +
         R"(,"modelVersion":"gemini"})";
}

const std::string kFirst =
    chunk("ab", R"(,"usageMetadata":{"promptTokenCount":145,"totalTokenCount":145})");
const std::string kLast =
    R"({"candidates":[{"content":{"parts":[{"text":"c"}]},"finishReason":"STOP"}],)"
    R"("usageMetadata":{"promptTokenCount":85,"candidatesTokenCount":3,"thoughtsTokenCount":4}})";

TEST(GeminiReader, AWholeReply) {
  EXPECT_EQ(
      read(R"({"candidates":[{"content":{"parts":[{"text":"x"},{"functionCall":{"name":"f"}}]},)"
           R"("finishReason":"STOP","groundingMetadata":{"webSearchQueries":["a","b"]}}],)"
           R"("usageMetadata":{"promptTokenCount":100,"cachedContentTokenCount":60,)"
           R"("candidatesTokenCount":7,"thoughtsTokenCount":5,"toolUsePromptTokenCount":11,)"
           R"("totalTokenCount":123,"promptTokensDetails":[{"modality":"AUDIO","tokenCount":9},)"
           R"({"modality":"IMAGE","tokenCount":8},{"modality":"TEXT","tokenCount":83}],)"
           R"("candidatesTokensDetails":[{"modality":"AUDIO","tokenCount":2},{"modality":"IMAGE",)"
           R"("tokenCount":1}],"serviceTier":"standard"},"modelVersion":"gemini"})"),
      "in 111, cached 60, tool in 11, audio in 9, image in 8, out 12, thought 5, audio out 2, "
      "image out 1, +web_search[count 2, ] calls 1, standard gemini STOP finished");
}

TEST(GeminiReader, TheLastChunkCountsInEveryFraming) {
  const std::string tail = "in 85, out 7, thought 4, gemini STOP stream finished";
  EXPECT_EQ(read("data: " + kFirst + "\r\n\r\ndata: " + kLast + "\r\n\r\n"), tail);
  EXPECT_EQ(read("data: " + kFirst + "\r\n\r\ndata: " + kLast), tail);
  EXPECT_EQ(read("[" + kFirst + "\n,\r\n" + kLast + "\n]\n"), tail);
  EXPECT_EQ(read("data: " + kFirst + "\r\n\r\n"), "in 145, gemini stream cut");
  EXPECT_EQ(read("[" + kFirst), "in 145, gemini stream cut");
  EXPECT_EQ(testing::read_reply(Endpoint::generate_content, "[" + kFirst + "," + kLast + "]", {})
                .output_bytes,
            3u);
}

TEST(GeminiReader, UnknownIsNeverZero) {
  const auto whole = [](const std::string& usage) {
    return read("{\"usageMetadata\":" + usage + "}");
  };
  for (const char* usage :
       {"null", "{}", R"({"totalTokenCount":88759})", R"({"trafficType":"ON_DEMAND"})",
        R"({"promptTokenCount":-1,"candidatesTokenCount":5})",
        R"({"promptTokenCount":5,"candidatesTokenCount":1.5})",
        R"({"promptTokenCount":5,"thoughtsTokenCount":"9"})"}) {
    EXPECT_EQ(whole(usage), "nothing finished") << usage;
  }
  // Zeros are left out on the wire.
  EXPECT_EQ(whole(R"({"promptTokenCount":5,"thoughtsTokenCount":3,"totalTokenCount":8})"),
            "in 5, out 3, thought 3, finished");
  EXPECT_EQ(whole(R"({"promptTokenCount":5,"totalTokenCount":5})"), "in 5, finished");
  // Output that only the total knows of.
  EXPECT_EQ(whole(R"({"promptTokenCount":5,"totalTokenCount":9})"), "in 5, out 4, finished");
  // Vertex: no counts must not overwrite counts, in either order.
  EXPECT_EQ(read("[{\"usageMetadata\":{\"trafficType\":\"ON_DEMAND\"}}," + kLast +
                 ",{\"usageMetadata\":{\"trafficType\":\"ON_DEMAND\"}}]"),
            "in 85, out 7, thought 4, STOP stream finished");
}

// The last event of a cut stream is read as far as it came, but never half a number.
TEST(GeminiReader, AStreamCutInsideItsUsageKeepsTheChunkBefore) {
  const std::string start = "data: " + kFirst + "\r\n\r\n";
  const std::string end = "data: {\"usageMetadata\":{\"promptTokenCount\":8500}";
  for (std::size_t size = 0; size < end.size(); ++size) {
    EXPECT_EQ(read(start + end.substr(0, size)), "in 145, gemini stream cut");
  }
}

TEST(GeminiReader, EnumsMayBeNumbers) {
  EXPECT_EQ(read(R"({"candidates":[{"finishReason":1}],"usageMetadata":{"promptTokenCount":5,)"
                 R"("candidatesTokenCount":2,"trafficType":1,"promptTokensDetails":)"
                 R"([{"modality":4,"tokenCount":3},{"modality":2,"tokenCount":2}]}})"),
            "in 5, audio in 3, image in 2, out 2, 1 1 finished");
}

TEST(GeminiReader, Embeddings) {
  EXPECT_EQ(testing::read_all_cuts(
                Endpoint::embed_content,
                R"({"embeddings":[{"values":[0.1,0.2]}],"usageMetadata":{"promptTokenCount":261,)"
                R"("promptTokenDetails":[{"modality":"IMAGE","tokenCount":258}]}})"),
            "in 261, image in 258, finished");
  EXPECT_EQ(testing::read_all_cuts(Endpoint::embed_content, R"({"embedding":{"values":[1]}})"),
            "nothing finished");
}

TEST(GeminiReader, Errors) {
  const std::string error =
      R"({"error":{"code":429,"message":"m","status":"RESOURCE_EXHAUSTED","details":[]}})";
  EXPECT_EQ(read(error), "nothing error:RESOURCE_EXHAUSTED finished");
  EXPECT_EQ(read("[" + error + "]"), "nothing error:RESOURCE_EXHAUSTED stream finished");
  EXPECT_EQ(read("data: " + kFirst + "\n\ndata: " + error + "\n\n"),
            "in 145, gemini error:RESOURCE_EXHAUSTED stream cut");
}

TEST(GeminiReader, Interactions) {
  const auto interaction = [](const std::string& reply) {
    return testing::read_all_cuts(Endpoint::interactions, reply);
  };
  const std::string usage =
      R"("usage":{"total_tokens":383,"total_input_tokens":22,"total_cached_tokens":4,)"
      R"("total_output_tokens":97,"total_tool_use_tokens":15,"total_thought_tokens":249})";
  const std::string tail =
      "in 37, cached 4, tool in 15, out 346, thought 249, +web_search[count 2, ] calls 1, ";
  EXPECT_EQ(interaction(R"({"status":"requires_action",)" + usage +
                        R"(,"steps":[{"type":"thought"},{"type":"function_call","arguments":{}},)"
                        R"({"type":"google_search_call","arguments":{"queries":["a","b"]}}],)"
                        R"("model":"gemini"})"),
            tail + "gemini requires_action finished");
  const std::string created =
      "event: interaction.created\ndata: {\"interaction\":{\"status\":\"in_progress\",\"model\":"
      "\"gemini\"}}\n\nevent: step.delta\ndata: {\"delta\":{\"text\":\"abc\"}}\n\n";
  EXPECT_EQ(interaction(created), "nothing gemini stream cut");
  const std::string completed =
      "event: interaction.completed\ndata: {\"interaction\":{\"status\":\"completed\"," + usage +
      "}}\n\n";
  EXPECT_EQ(interaction(created + completed),
            "in 37, cached 4, tool in 15, out 346, thought 249, gemini completed stream finished");
}

TEST(GeminiReader, ARefusedPromptSaysWhy) {
  EXPECT_EQ(read(R"({"promptFeedback":{"blockReason":"SAFETY"},"usageMetadata":)"
                 R"({"promptTokenCount":7}})"),
            "in 7, SAFETY finished");
}

// The Gemini CLI's server wraps every answer; the model may be another than asked for.
TEST(GeminiReader, AnswersOfCodeAssist) {
  EXPECT_EQ(read("data: {\"response\":" + kLast + ",\"traceId\":\"t\"}\n\n"),
            "in 85, out 7, thought 4, STOP stream finished");
}

TEST(GeminiReader, TheTierMayStandInTheHead) {
  const auto reader = reader_for(Endpoint::generate_content);
  http::ResponseHead head;
  head.fields.push_back({"x-gemini-service-tier", "flex"});
  reader->head(head);
  reader->feed(kLast);
  EXPECT_EQ(testing::summary(reader->finish()), "in 85, out 7, thought 4, flex STOP finished");
}

}  // namespace
}  // namespace farebox
