// What a body says of its worst case, by example and against every recorded exchange: what the
// provider reported must lie within what the facts allow.
#include "proxy/dialect/body_reach.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <string>

#include "proxy/dialect/body_facts.hpp"
#include "tests/unit/proxy/dialect/recordings.hpp"

namespace farebox {
namespace {

// Made by hand at the source: the reply answers another request.
constexpr std::string_view kMadeUp[] = {"4006db184c499a21fd58", "c1c8ec12c005486fc19f"};

struct Tally {
  std::size_t seen = 0;
  std::size_t whole = 0;
};

void check(const testing::Recording& recording, std::map<std::string, Tally>& tallies) {
  const Dialect& dialect = dialect_for(recording.dialect());
  const Route route = dialect.recognise(recording.method, recording.path);
  if (!is_metered(route.endpoint) || recording.request_body.empty()) return;
  const auto facts =
      dialect.read_body(route, recording.request_content_type, recording.request_body);
  ASSERT_TRUE(facts.has_value()) << recording.id;
  if (!recording.expected.found || recording.status >= 300) return;
  if (std::ranges::find(kMadeUp, recording.id) != std::end(kMadeUp)) return;
  if (facts->max_output_tokens != 0) {
    EXPECT_LE(recording.expected.output.value_or(0),
              facts->max_output_tokens * facts->choices * facts->reach.inputs +
                  facts->reach.predicted_octets)
        << recording.provider << " " << recording.api << " " << recording.id;
  }
  Tally& tally = tallies[recording.provider + " " + recording.api];
  ++tally.seen;
  if (!facts->input_is_whole()) return;
  ++tally.whole;
  const std::uint64_t most = facts->input_bytes + facts->reach.added_input_tokens;
  EXPECT_LE(recording.expected.input.value_or(0), most)
      << recording.provider << " " << recording.api << " " << recording.id << " "
      << facts->model << " " << recording.request_body.substr(0, 600);
  EXPECT_EQ(recording.expected.audio_input.value_or(0), 0u) << recording.id;
  EXPECT_EQ(recording.expected.image_input.value_or(0), 0u) << recording.id;
  EXPECT_EQ(recording.expected.tool_use_input.value_or(0), 0u) << recording.id;
  EXPECT_EQ(recording.expected.web_searches.value_or(0), 0u) << recording.id;
}

TEST(BodyReach, RecordedInputsLieWithinTheBound) {
  std::map<std::string, Tally> tallies;
  for (const auto& recording : testing::kept_recordings()) check(recording, tallies);
  for (const auto& recording : testing::all_recordings()) check(recording, tallies);
  for (const auto& [name, tally] : tallies) {
    RecordProperty(name, std::to_string(tally.whole) + " of " + std::to_string(tally.seen));
  }
}

BodyReach reach_of(Endpoint endpoint, const std::string& body) {
  Route route;
  route.endpoint = endpoint;
  const auto facts = read_body_facts(route, "application/json", body);
  EXPECT_TRUE(facts && facts->readable) << body;
  return facts ? facts->reach : BodyReach();
}

constexpr Endpoint kChat = Endpoint::chat_completions;
constexpr Endpoint kResponses = Endpoint::responses;
constexpr Endpoint kMessages = Endpoint::messages;
constexpr Endpoint kGemini = Endpoint::generate_content;

struct Row {
  Endpoint endpoint;
  const char* body;
};

TEST(BodyReach, TextIsWhole) {
  for (const Row& row : {
           Row{kChat, R"({"messages":[{"role":"user","content":"see https://a.b/c.png"}]})"},
           Row{kChat, R"({"messages":[{"role":"user","content":[{"type":"text","text":"t"}]},
               {"role":"assistant","content":null,"tool_calls":[{"id":"1","type":"function",
               "function":{"name":"f","arguments":"{\"url\":\"https://x\"}"}}]},
               {"role":"tool","tool_call_id":"1","content":"data:image/png;base64,AAAA"}],
               "tools":[{"type":"function","function":{"name":"f","parameters":{"type":"object",
               "properties":{"url":{"type":"image"}}}}}],"tools_x":null})"},
           Row{kChat, R"({"messages":[{"role":"user","content":[{"text":"t","type":"text",
               "cache_control":{"type":"ephemeral"}}]}],"response_format":{"type":"json_schema"}})"},
           Row{kResponses, R"({"input":"hi","previous_response_id":null,"tools":[],"text":
               {"format":{"type":"json_schema","schema":{"type":"object"}}}})"},
           Row{kResponses, R"({"input":[{"role":"user","content":[{"type":"input_text","text":"t"}]},
               {"type":"reasoning","id":"rs_1","summary":[{"type":"summary_text","text":"s"}],
               "encrypted_content":"gAAA"},{"type":"function_call","id":"fc_1","call_id":"c",
               "name":"f","arguments":"{}"},{"type":"function_call_output","call_id":"c",
               "output":"https://x"}]})"},
           Row{kMessages, R"({"max_tokens":5,"system":[{"type":"text","text":"s"}],"messages":[
               {"role":"assistant","content":[{"type":"thinking","thinking":"t","signature":"s"},
               {"type":"tool_use","id":"1","name":"f","input":{"url":"https://x","type":"image"}}]},
               {"role":"user","content":[{"type":"tool_result","tool_use_id":"1","content":"r"}]}],
               "tools":[{"name":"f","input_schema":{"type":"object"}}],
               "context_management":{"edits":[{"type":"clear_tool_uses_20250919"}]}})"},
           Row{kGemini, R"({"contents":[{"role":"user","parts":[{"text":"t"}]},{"role":"model",
               "parts":[{"functionCall":{"name":"f","args":{"fileUri":"gs://x"}},
               "thoughtSignature":"AA"}]},{"parts":[{"functionResponse":{"name":"f","response":
               {"inlineData":{}}}}]}],"tools":[{"functionDeclarations":[{"name":"f"}]}],
               "generationConfig":{"responseModalities":["TEXT"]}})"},
           Row{Endpoint::converse, R"({"messages":[{"role":"user","content":[{"text":"t"},
               {"cachePoint":{"type":"default"}}]},{"role":"assistant","content":[{"toolUse":
               {"toolUseId":"1","name":"f","input":{"bytes":"x"}}}]},{"role":"user","content":[
               {"toolResult":{"toolUseId":"1","content":[{"json":{"image":1}}],"status":"success"}}
               ]}],"toolConfig":{"tools":[{"toolSpec":{"name":"f","inputSchema":{"json":{}}}}]}})"},
           Row{Endpoint::chat, R"({"messages":[{"role":"user","content":"t"}],"documents":[
               {"data":{"url":"https://x"}}],"images":[]})"},
           Row{Endpoint::embeddings, R"({"input":["https://a","b"]})"},
       }) {
    const BodyReach reach = reach_of(row.endpoint, row.body);
    EXPECT_TRUE(reach.input_is_whole()) << row.body;
    EXPECT_FALSE(reach.answers_in_media || reach.other_models) << row.body;
  }
}

TEST(BodyReach, MediaInTheBody) {
  for (const Row& row : {
           Row{kChat, R"({"messages":[{"content":[{"type":"image_url","image_url":
               {"url":"data:image\/png;base64,AAAA"}}]}]})"},
           Row{kChat, R"({"messages":[{"content":[{"type":"input_audio","input_audio":
               {"data":"AAAA","format":"wav"}}]}]})"},
           Row{kChat, R"({"messages":[{"content":[{"type":"file","file":
               {"file_data":"data:application/pdf;base64,AA"}}]}]})"},
           Row{kResponses, R"({"input":[{"role":"user","content":[{"type":"input_image",
               "image_url":"data:image/png;base64,AA"}]}]})"},
           Row{kMessages, R"({"messages":[{"content":[{"type":"image","source":{"type":"base64",
               "media_type":"image/png","data":"AA"}}]}]})"},
           Row{kMessages, R"({"messages":[{"content":[{"type":"tool_result","content":[
               {"source":{"data":"AA","type":"base64"},"type":"document"}]}]}]})"},
           Row{kGemini, R"({"contents":[{"parts":[{"inline_data":{"mime_type":"image/png",
               "data":"AA"}}]}]})"},
           Row{Endpoint::interactions, R"({"input":[{"type":"image","data":"AA"}]})"},
           Row{Endpoint::converse, R"({"messages":[{"content":[{"image":{"format":"png",
               "source":{"bytes":"AA"}}}]}]})"},
           Row{Endpoint::invoke, R"({"inputText":"t","inputImage":"data:AA"})"},
       }) {
    const BodyReach reach = reach_of(row.endpoint, row.body);
    EXPECT_TRUE(reach.media_inline) << row.body;
    EXPECT_FALSE(reach.elsewhere) << row.body;
  }
}

TEST(BodyReach, ContentThatLiesElsewhereOrIsUnknown) {
  for (const Row& row : {
           Row{kChat, R"({"messages":[{"content":[{"type":"image_url","image_url":
               {"url":"https://a/b.png"}}]}]})"},
           Row{kChat, R"({"messages":[{"content":[{"type":"image_url","image_url":"https://a"}]}]})"},
           Row{kChat, R"({"messages":[{"content":[{"type":"file","file":{"file_id":"f"}}]}]})"},
           Row{kChat, R"({"messages":[{"role":"assistant","audio":{"id":"a"}}]})"},
           Row{kChat, R"({"messages":[{"content":[{"type":"hologram","hologram":"x"}]}]})"},
           Row{kChat, R"({"messages":[{"content":[{"type":7}]}]})"},
           Row{kChat, R"({"messages":[],"data_sources":[{"type":"azure_search"}]})"},
           Row{kChat, R"({"messages":[],"extra":{"video":"s3://bucket/x"}})"},
           Row{kResponses, R"({"input":"t","previous_response_id":"r"})"},
           Row{kResponses, R"({"input":"t","conversation":{"id":"c"}})"},
           Row{kResponses, R"({"prompt":{"id":"p"}})"},
           Row{kResponses, R"({"input":[{"type":"item_reference","id":"i"}]})"},
           Row{kResponses, R"({"input":[{"id":"msg_x"}]})"},
           Row{kResponses, R"({"input":[{"id":"msg_x","type":null}]})"},
           Row{kResponses, R"({"input":[{"id":"msg_x","status":"completed"}]})"},
           Row{kResponses, R"({"input":[{"type":"reasoning","id":"rs","summary":[]}]})"},
           Row{kResponses, R"({"input":[{"role":"user","content":[{"type":"input_file",
               "file_id":"f"}]}]})"},
           Row{kMessages, R"({"messages":[{"content":[{"type":"image","source":{"type":"url",
               "url":"https://a"}}]}]})"},
           Row{kMessages, R"({"messages":[{"content":[{"type":"document","source":{"type":"file",
               "file_id":"f"}}]}]})"},
           Row{kMessages, R"({"messages":[{"content":[{"type":"container_upload","file_id":"f"}]}]})"},
           Row{kGemini, R"({"contents":[],"cachedContent":"cachedContents/x"})"},
           Row{kGemini, R"({"contents":[{"parts":[{"fileData":{"fileUri":"gs://x"}}]}]})"},
           Row{kGemini, R"({"contents":[{"parts":[{"novelty":"x"}]}]})"},
           Row{Endpoint::converse, R"({"messages":[{"content":[{"video":{"source":{"s3Location":
               {"uri":"s3://x"}}}}]}]})"},
           Row{Endpoint::chat, R"({"message":"t","conversation_id":"c"})"},
           Row{Endpoint::conversations, R"({"inputs":"t"})"},
       }) {
    EXPECT_TRUE(reach_of(row.endpoint, row.body).elsewhere) << row.body;
  }
  std::string deep = "1";
  for (int i = 0; i < 30; ++i) deep = "[" + deep + "]";
  EXPECT_TRUE(reach_of(kChat, "{\"messages\":" + deep + "}").elsewhere);
}

TEST(BodyReach, ToolsThatTheProviderRuns) {
  const auto uses = [](Endpoint endpoint, const char* body, ServerTool tool) {
    const BodyReach reach = reach_of(endpoint, body);
    EXPECT_FALSE(reach.unknown_tools) << body;
    EXPECT_FALSE(reach.input_is_whole()) << body;
    return reach.tools.most_uses(tool);
  };
  constexpr std::uint64_t kNoBound = OfferedTools::kUnbounded;
  EXPECT_EQ(uses(kResponses, R"({"tools":[{"type":"web_search_preview_2025_03_11"}]})",
                 ServerTool::web_search), kNoBound);
  EXPECT_EQ(uses(kResponses, R"({"tools":[{"type":"file_search"}],"max_tool_calls":3})",
                 ServerTool::file_search), 3u);
  EXPECT_EQ(uses(kMessages, R"({"tools":[{"type":"web_search_20250305","name":"w","max_uses":5},
                 {"name":"w2","max_uses":2,"type":"web_search_20260209"}]})",
                 ServerTool::web_search), 7u);
  EXPECT_EQ(uses(kMessages, R"({"tools":[{"type":"code_execution_20250825","name":"c"}]})",
                 ServerTool::code_execution), kNoBound);
  EXPECT_EQ(uses(kGemini, R"({"tools":[{"google_search":{}}]})", ServerTool::web_search), kNoBound);
  EXPECT_EQ(uses(kGemini, R"({"tools":[{"urlContext":{}}]})", ServerTool::web_search), 0u);
  EXPECT_EQ(uses(kChat, R"({"web_search_options":{}})", ServerTool::web_search), kNoBound);
  EXPECT_EQ(uses(kChat, R"({"search_parameters":{"max_search_results":4}})",
                 ServerTool::live_search), 4u);
  EXPECT_EQ(uses(kResponses, R"({"input":[{"type":"additional_tools","tools":[
                 {"type":"x_search"}]}]})", ServerTool::x_search), kNoBound);
  for (const Row& row : {
           Row{kResponses, R"({"tools":[{"type":"mcp","server_url":"https://x"}]})"},
           Row{kResponses, R"({"tools":[{"type":"divination"}]})"},
           Row{kResponses, R"({"tools":[{"type":"web_searching"}]})"},
           Row{kResponses, R"({"tools":["web_search"]})"},
           Row{kResponses, R"({"tools":{}})"},
           Row{kMessages, R"({"mcp_servers":[{"type":"url","url":"https://x"}]})"},
           Row{kMessages, R"({"context_management":{"edits":[{"type":"compact_20260112"}]}})"},
           Row{kGemini, R"({"tools":[{"functionDeclarations":[],"googleMaps":{}}]})"},
           Row{Endpoint::converse, R"({"toolConfig":{"tools":[{"systemTool":{"name":"n"}}]}})"},
           Row{Endpoint::chat, R"({"message":"t","connectors":[{"id":"web-search"}]})"},
           Row{kChat, R"({"plugins":[{"id":"web"}]})"},
       }) {
    EXPECT_TRUE(reach_of(row.endpoint, row.body).unknown_tools) << row.body;
  }
  const BodyReach bash = reach_of(kMessages, R"({"tools":[{"type":"bash_20250124","name":"bash"}]})");
  EXPECT_TRUE(bash.input_is_whole());
  EXPECT_GE(bash.added_input_tokens, 2'000u);
}

TEST(BodyReach, OutputsListsAndOtherModels) {
  EXPECT_TRUE(reach_of(kChat, R"({"modalities":["text","audio"]})").answers_in_media);
  EXPECT_TRUE(reach_of(kGemini, R"({"generationConfig":{"responseModalities":["IMAGE"]}})")
                  .answers_in_media);
  EXPECT_TRUE(reach_of(kResponses, R"({"tools":[{"type":"image_generation"}]})").answers_in_media);
  EXPECT_TRUE(reach_of(kChat, R"({"models":["a","b"]})").other_models);
  EXPECT_FALSE(reach_of(kChat, R"({"models":[]})").other_models);
  const auto inputs = [](Endpoint endpoint, const char* body) {
    return reach_of(endpoint, body).inputs;
  };
  EXPECT_EQ(inputs(Endpoint::completions, R"({"prompt":["a","b","c"]})"), 3u);
  EXPECT_EQ(inputs(Endpoint::completions, R"({"prompt":[1,2,3]})"), 1u);
  EXPECT_EQ(inputs(Endpoint::embeddings, R"({"input":[[1,2],[3]]})"), 2u);
  EXPECT_EQ(inputs(Endpoint::embed_content, R"({"requests":[{"content":{"parts":[{"text":"a"}]}},
                   {"content":{"parts":[{"text":"b"}]}}]})"), 2u);
  EXPECT_EQ(inputs(Endpoint::embed, R"({"images":["data:image/png;base64,AA"]})"), 1u);
  EXPECT_EQ(inputs(kResponses, R"({"input":[{"role":"user","content":"a"},{"role":"user","content":"b"}]})"), 1u);
  EXPECT_EQ(reach_of(kMessages, R"({"thinking":{"type":"enabled","budget_tokens":2048}})")
                .reasoning_budget, 2048u);
  EXPECT_EQ(reach_of(kGemini, R"({"generationConfig":{"thinkingConfig":{"thinkingBudget":7}}})")
                .reasoning_budget, 7u);
  EXPECT_EQ(reach_of(kChat, R"({"prediction":{"type":"content","content":"x"}})").predicted_octets,
            32u);
}

SaidScope said(Endpoint endpoint, const std::string& body) {
  Route route;
  route.endpoint = endpoint;
  const auto facts = read_body_facts(route, "", body);
  EXPECT_TRUE(facts.has_value()) << body;
  return facts ? facts->said : SaidScope();
}

TEST(BodyReach, WhomARequestIsFor) {
  EXPECT_EQ(said(kChat, R"({"user":"u1","safety_identifier":"s"})").user, "u1");
  EXPECT_EQ(said(kChat, R"({"safety_identifier":"s","user":"u1"})").user, "u1");
  EXPECT_EQ(said(kResponses, R"({"safety_identifier":"s"})").user, "s");
  EXPECT_EQ(said(kMessages, R"({"metadata":{"user_id":"u\u0032"}})").user, "u2");
  EXPECT_EQ(said(kChat, "{\"user\":\"" + std::string(513, 'u') + "\"}").user, "");
  const SaidScope scope = said(kChat, R"({"metadata":{"team":"a","n":7,"x":"b"}})");
  ASSERT_EQ(scope.metadata.size(), 2u);
  EXPECT_EQ(scope.metadata[0], std::pair(std::string("team"), std::string("a")));
  std::string many = "{\"metadata\":{";
  for (int i = 0; i < 40; ++i) many += (i ? ",\"k" : "\"k") + std::to_string(i) + "\":\"v\"";
  EXPECT_EQ(said(kChat, many + "}}").metadata.size(), SaidScope::kMostPairs);
  for (const Row& row : {Row{kChat, R"({"user":"a","user":"b"})"},
                         Row{kChat, R"({"metadata":{"a":"1","a":"2"}})"},
                         Row{kMessages, R"({"metadata":{"user_id":"1","user_id":"2"}})"},
                         Row{kResponses, R"({"max_tool_calls":1,"max_tool_calls":2})"}}) {
    Route route;
    route.endpoint = row.endpoint;
    EXPECT_FALSE(read_body_facts(route, "", row.body)) << row.body;
  }
}

}  // namespace
}  // namespace farebox
