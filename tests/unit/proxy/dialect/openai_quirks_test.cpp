// What the many providers do differently that speak OpenAI's API.
#include <gtest/gtest.h>

#include "tests/unit/proxy/dialect/replies.hpp"

namespace farebox {
namespace {

using testing::read_all_cuts;

std::string chat(const std::string& reply) {
  return read_all_cuts(Endpoint::chat_completions, reply);
}
std::string usage(const std::string& counts) { return chat("{\"usage\":" + counts + "}"); }

TEST(OpenAiQuirks, ReportedCosts) {
  EXPECT_EQ(usage(R"({"prompt_tokens":1,"completion_tokens":2,"cost":3.4e-7,"is_byok":false})"),
            "in 1, out 2, $0.00000034 finished");
  EXPECT_EQ(usage(R"({"prompt_tokens":1,"completion_tokens":2,"cost":{"input_tokens_cost":1,)"
                  R"("total_cost":0.00995}})"),
            "in 1, out 2, $0.00995 finished");
  EXPECT_EQ(usage(R"({"prompt_tokens":1,"completion_tokens":2,"cost_in_usd_ticks":2488500})"),
            "in 1, out 2, $0.00024885 finished");
  EXPECT_EQ(usage(R"({"prompt_tokens":1,"completion_tokens":2,"cost":-1})"),
            "in 1, out 2, finished");
  EXPECT_EQ(read_all_cuts(Endpoint::images,
                          R"({"data":[{"url":"u"}],"usage":{"cost_in_usd_ticks":700000000}})"),
            "images 1, $0.07 finished");
}

TEST(OpenAiQuirks, Perplexity) {
  EXPECT_EQ(usage(R"({"prompt_tokens":33,"completion_tokens":7163,"total_tokens":7196,)"
                  R"("search_context_size":"low","citation_tokens":20016,)"
                  R"("num_search_queries":18,"reasoning_tokens":73997})"),
            "in 33, out 81160, thought 73997, citation 20016, queries 18, low finished");
  // Usage comes with every chunk, and no [DONE] behind the last.
  const auto chunk = [](const std::string& text, const std::string& reason, int output) {
    return "data: {\"choices\":[{\"index\":0,\"finish_reason\":" + reason +
           ",\"delta\":{\"content\":\"" + text + "\"}}],\"usage\":{\"prompt_tokens\":3,"
           "\"completion_tokens\":" + std::to_string(output) + "}}\r\n\r\n";
  };
  EXPECT_EQ(chat(chunk("a", "null", 1) + chunk("b", "null", 2)), "in 3, out 2, stream cut");
  EXPECT_EQ(chat(chunk("a", "null", 1) + chunk("", "\"stop\"", 2)),
            "in 3, out 2, stop stream finished");
}

TEST(OpenAiQuirks, TheVercelGatewayLeavesGeminisThinkingOut) {
  const auto reply = [](const std::string& model) {
    return chat("{\"model\":\"" + model + "\",\"usage\":{\"prompt_tokens\":28,"
                "\"completion_tokens\":9,\"total_tokens\":37,\"market_cost\":1,"
                "\"completion_tokens_details\":{\"reasoning_tokens\":5}}}");
  };
  EXPECT_EQ(reply("google/gemini-3-pro-preview"),
            "in 28, out 14, thought 5, google/gemini-3-pro-preview finished");
  EXPECT_EQ(reply("openai/gpt-5"), "in 28, out 9, thought 5, openai/gpt-5 finished");
}

TEST(OpenAiQuirks, CachesThatAreSpelledAsAnthropicSpellsThem) {
  // Part of the prompt where the total says so (Databricks), beside it where it says that.
  EXPECT_EQ(usage(R"({"prompt_tokens":534,"completion_tokens":60,"total_tokens":594,)"
                  R"("cache_read_input_tokens":100,"cache_creation_input_tokens":20})"),
            "in 534, cached 100, write 20, out 60, finished");
  EXPECT_EQ(usage(R"({"prompt_tokens":14,"completion_tokens":6,"total_tokens":140,)"
                  R"("cache_read_input_tokens":100,"cache_creation_input_tokens":20})"),
            "in 134, cached 100, write 20, out 6, finished");
  EXPECT_EQ(usage(R"({"input_tokens":14,"output_tokens":6,"cache_read_input_tokens":100})"),
            "in 114, cached 100, out 6, finished");
}

TEST(OpenAiQuirks, ToolsThatRanAtTheProvider) {
  EXPECT_EQ(usage(R"({"prompt_tokens":1,"completion_tokens":2,"num_sources_used":3,)"
                  R"("server_side_tool_usage_details":{"web_search_calls":2,"x_search_calls":1,)"
                  R"("mcp_calls":9,"code_interpreter_calls":0}})"),
            "in 1, out 2, +web_search[count 2, ] +x_search[count 1, ] +live_search[count 3, ] "
            "finished");
  EXPECT_EQ(usage(R"({"prompt_tokens":1,"completion_tokens":2,)"
                  R"("server_tool_use":{"web_search_requests":4}})"),
            "in 1, out 2, +web_search[count 4, ] finished");
  // The same searches, told as items and as a count.
  EXPECT_EQ(read_all_cuts(Endpoint::responses,
                          R"({"output":[{"type":"web_search_call","action":{"type":"search"}},)"
                          R"({"type":"image_generation_call"}],"tool_usage":{"web_search":)"
                          R"({"num_requests":1}},"usage":{"input_tokens":1,"output_tokens":2}})"),
            "in 1, out 2, +web_search[count 1, ] +image_generation[count 1, ] finished");
}

// The items of a stream that was cut are known by their own events.
TEST(OpenAiQuirks, ToolsOfAResponseThatWasCut) {
  EXPECT_EQ(read_all_cuts(Endpoint::responses,
                          "event: response.output_item.done\ndata: {\"type\":"
                          "\"response.output_item.done\",\"item\":{\"type\":\"web_search_call\","
                          "\"action\":{\"type\":\"search\"}}}\n\n"
                          "event: response.output_item.done\ndata: {\"type\":"
                          "\"response.output_item.done\",\"item\":{\"type\":\"function_call\"}}\n\n"),
            "nothing +web_search[count 1, ] calls 1, stream cut");
}

TEST(OpenAiQuirks, SingularDetailsAndOtherNames) {
  EXPECT_EQ(usage(R"({"prompt_tokens":9,"completion_tokens":5,"prompt_token_details":)"
                  R"({"cached_tokens":4},"completion_token_details":{"reasoning_tokens":2}})"),
            "in 9, cached 4, out 5, thought 2, finished");
  EXPECT_EQ(chat(R"({"model":"m","stats":{"input_tokens":9,"total_output_tokens":5,)"
                 R"("reasoning_output_tokens":2}})"),
            "in 9, out 5, thought 2, m finished");
}

TEST(OpenAiQuirks, RerankersSayATotalOrSearchUnits) {
  EXPECT_EQ(read_all_cuts(Endpoint::rerank, R"({"model":"r","usage":{"total_tokens":57}})"),
            "in 57, r finished");
  EXPECT_EQ(read_all_cuts(Endpoint::rerank, R"({"meta":{"billed_units":{"search_units":1}}})"),
            "queries 1, finished");
  EXPECT_EQ(read_all_cuts(Endpoint::embeddings, R"({"model_id":"w","input_token_count":12})"),
            "in 12, w finished");
}

TEST(OpenAiQuirks, TheLengthOfARecordingIsWhatIsSoldWhereNoUsageIsSaid) {
  EXPECT_EQ(read_all_cuts(Endpoint::transcriptions, R"({"duration":5.2,"text":"x"})"),
            "us 5200000, finished");
  EXPECT_EQ(read_all_cuts(Endpoint::translations, R"({"duration":"36.7","text":"x"})"),
            "us 36700000, finished");
  EXPECT_EQ(read_all_cuts(Endpoint::transcriptions,
                          R"({"duration":1.7,"usage":{"type":"duration","seconds":2}})"),
            "us 2000000, finished");
  EXPECT_EQ(read_all_cuts(Endpoint::transcriptions, "some text"), "nothing cut");
  EXPECT_EQ(read_all_cuts(Endpoint::transcriptions, R"({"text":"x"})"), "nothing finished");
}

TEST(OpenAiQuirks, ImagesTellTheirSizeAndQuality) {
  EXPECT_EQ(read_all_cuts(Endpoint::images,
                          R"({"data":[{"b64_json":"AA"},{"b64_json":"AA"}],"size":"1024x1024",)"
                          R"("quality":"high","usage":{"input_tokens":5,"output_tokens":9}})"),
            "in 5, out 9, images 2, high/1024-x-1024 finished");
}

// Of a key that comes twice the last one counts, as JSON parsers have it.
TEST(OpenAiQuirks, RepeatedKeys) {
  EXPECT_EQ(usage(R"({"prompt_tokens":1,"completion_tokens":2,"prompt_tokens":7})"),
            "in 7, out 2, finished");
  EXPECT_EQ(usage(R"({"prompt_tokens":7,"completion_tokens":2,"prompt_tokens":-1})"),
            "nothing finished");
}

}  // namespace
}  // namespace farebox
