#include "proxy/dialect/prompt_count.hpp"

#include <gtest/gtest.h>

#include <string>

namespace farebox {
namespace {

class PromptCounts : public ::testing::Test {
 protected:
  void SetUp() override {
    counter_ = TokenCounter::make(Encoding::o200k_base);
    if (!counter_) GTEST_SKIP() << "no vocabularies in this build: ./dev setup";
  }

  PromptCount chat(std::string_view body, std::string_view model = "gpt-4o") {
    return count_prompt(Endpoint::chat_completions, model, body, *counter_);
  }
  PromptCount responses(std::string_view body, std::string_view model = "gpt-4o") {
    return count_prompt(Endpoint::responses, model, body, *counter_);
  }

  std::optional<TokenCounter> counter_;
};

struct Row {
  std::string_view model;
  std::string_view body;
  std::uint64_t tokens;
  PromptDoubt doubt = PromptDoubt::none;
};

// "Hello", "Hi", "alice" are one token each, "Hello world" two.
TEST_F(PromptCounts, OfChats) {
  const Row rows[] = {
      {"gpt-4o", R"({"messages":[]})", 3},
      {"gpt-4o", R"({"messages":[{"role":"user","content":"Hello"}]})", 3 + 4 + 1},
      {"gpt-4o", R"({"messages":[{"role":"user","content":"Hello","name":"alice"}]})",
       3 + 4 + 1 + 2},
      {"gpt-4o", R"({"messages":[{"content":"Hi","role":"system"},
         {"role":"user","content":"Hello"}]})", 3 + 5 + 5},
      {"gpt-4o", R"({"messages":[{"role":"user","content":[]},
         {"role":"assistant","content":null}]})",
       3 + 4 + 4},
      // Parts are one text; escapes are counted as what they stand for.
      {"gpt-4o", R"({"messages":[{"role":"user","content":[{"type":"text","text":"Hel"},
         {"type":"text","text":"lo \u0077orld"}]}]})", 3 + 4 + 2},
      // Later models: the answers' channel, and a shorter begin of the next.
      {"gpt-5", R"({"messages":[{"role":"user","content":"Hello"}]})", 2 + 4 + 1},
      {"o3-mini", R"({"messages":[{"role":"user","content":"Hello"},{"role":"assistant","content":"Hi"},
         {"role":"user","content":"Hello"}]})", 2 + 5 + 7 + 5},
      {"gpt-oss-120b", R"({"messages":[{"role":"user","content":"Hello"}]})", 61 + 2 + 4 + 1,
       PromptDoubt::model},
      {"claude-3", R"({"messages":[{"role":"user","content":"Hello"}]})", 8, PromptDoubt::model},
      // A function without parameters: the namespace with its type is 14 tokens.
      {"gpt-4o", R"({"messages":[{"role":"user","content":"Hello"}],"tools":[{"type":"function",
         "function":{"name":"now"}}]})", 8 + 9 + 14, PromptDoubt::tools},
      {"gpt-4o", R"({"messages":[{"role":"user","content":"Hello"}],"functions":[{"name":"now"}]})",
       8 + 9 + 14, PromptDoubt::tools},
      {"gpt-4o", R"({"messages":[{"role":"system","content":"Hi"},{"role":"user","content":"Hello"}],
         "tools":[{"type":"function","function":{"name":"now"}}]})", 13 + 5 + 1 + 14,
       PromptDoubt::tools},
      {"gpt-4o", R"({"tool_choice":{"type":"function","function":{"name":"now"}},
         "messages":[{"role":"user","content":"Hello"}],
         "tools":[{"type":"function","function":{"name":"now"}}]})", 8 + 9 + 14 + 7 + 1,
       PromptDoubt::tools},
      // A call: its name twice (".now" is one token, "now" one), {"a":1} is five.
      {"gpt-4o", R"({"messages":[{"role":"assistant","tool_calls":[{"id":"c","type":"function",
         "function":{"name":"now","arguments":"{ \"a\" : 1 }"}}]},
         {"role":"tool","tool_call_id":"c","content":"Hello"}]})", 3 + 13 + 2 + 5 + 1,
       PromptDoubt::tools},
      {"gpt-4o", R"({"messages":[{"role":"user","content":[{"type":"image_url","image_url":
         {"url":"data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAoAAAAHg"}}]}]})", 3 + 4 + 425,
       PromptDoubt::images},
      {"gpt-4o", R"({"messages":[{"role":"user","content":[{"type":"image_url","image_url":
         {"url":"https://example.com/a.png","detail":"low"}}]}]})", 3 + 4 + 85, PromptDoubt::images},
      {"gpt-4o", R"({"messages":[{"role":"user","content":[{"type":"image_url","image_url":
         {"url":"https://example.com/a.png"}}]}]})", 3 + 4 + 1445, PromptDoubt::unknown_image},
      {"gpt-4o", R"({"messages":[{"role":"user","content":[{"type":"input_audio"}]}]})", 7,
       PromptDoubt::unread},
      {"gpt-4o-search-preview", R"({"model":"gpt-4o-search-preview",
         "messages":[{"role":"user","content":"Hello"}]})", 1,
       PromptDoubt::hidden},
      {"gpt-4o", R"({"messages":[],"response_format":{"type":"json_object"}})", 3},
  };
  for (const Row& row : rows) {
    const PromptCount count = chat(row.body, row.model);
    EXPECT_EQ(count.tokens, row.tokens) << row.model << " " << row.body;
    EXPECT_EQ(name_of(count.doubt), name_of(row.doubt)) << row.model << " " << row.body;
    const PromptParts& parts = count.parts;
    EXPECT_EQ(count.tokens, parts.text + parts.marks + parts.calls + parts.tools + parts.format +
                                parts.images + parts.reasoning);
  }
}

TEST_F(PromptCounts, OfResponses) {
  const Row rows[] = {
      {"gpt-4o", R"({"input":"Hello"})", 3 + 4 + 1},
      {"gpt-4o", R"({"instructions":"Hi","input":"Hello"})", 3 + 5 + 5},
      {"gpt-4o", R"({"instructions":"","input":"Hello"})", 3 + 5},
      {"gpt-5", R"({"input":[{"role":"user","content":"Hello"},{"type":"message","role":"assistant",
         "content":[{"type":"output_text","text":"Hi"}]}]})", 2 + 5 + 7},
      {"gpt-4o", R"({"input":"Hello","previous_response_id":"resp_1"})", 8, PromptDoubt::elsewhere},
      {"gpt-4o", R"({"previous_response_id":"resp_1"})", 3, PromptDoubt::elsewhere},
      {"gpt-4o", R"({"input":"Hello","tools":[{"type":"web_search"}]})", 8, PromptDoubt::hidden},
      {"gpt-4o", R"({"input":"Hello","tools":[{"type":"function","name":"now"}]})", 8 + 3 + 14,
       PromptDoubt::tools},
      {"gpt-4o", R"({"input":[{"type":"function_call","name":"now","arguments":"{}"},
         {"type":"function_call_output","output":"Hello"}]})", 3 + 11 + 2 + 1 + 1,
       PromptDoubt::tools},
      {"gpt-4o", R"({"input":[{"type":"function_call","name":"now","arguments":"{}","id":"fc_1",
         "status":"completed"},{"type":"function_call_output","output":"Hello"}]})",
       3 + 14 + 2 + 1 + 1, PromptDoubt::tools},
      {"gpt-5.4", R"({"input":[{"type":"function_call","name":"now","arguments":"{}"},
         {"type":"function_call","name":"now","arguments":"{}"}]})", 2 + 2 * (25 + 2 + 1),
       PromptDoubt::tools},
      {"gpt-5", R"({"input":[{"type":"reasoning","encrypted_content":"abc"}]})", 2,
       PromptDoubt::elsewhere},
      // Reasoning from before the user spoke isn't read again.
      {"gpt-5", R"({"input":[{"type":"reasoning","id":"rs_1"},{"role":"user","content":"Hello"}]})",
       2 + 5},
  };
  for (const Row& row : rows) {
    const PromptCount count = responses(row.body, row.model);
    EXPECT_EQ(count.tokens, row.tokens) << row.model << " " << row.body;
    EXPECT_EQ(name_of(count.doubt), name_of(row.doubt)) << row.model << " " << row.body;
  }
}

TEST_F(PromptCounts, OfInputsAndPrompts) {
  const Row rows[] = {
      {"", R"({"input":"Hello world"})", 2},
      {"", R"({"input":["Hello","Hello world"]})", 3},
      {"", R"({"input":[1,2,3]})", 3},
      {"", R"({"input":[[1,2],[3]]})", 3},
      {"", R"({"input":""})", 1},
      {"", R"({"input":7})", 0, PromptDoubt::unread},
      {"", R"({"prompt":"Hello"})", 0, PromptDoubt::unread},
      {"", R"({"input":[[[1]]]})", 0, PromptDoubt::unread},
  };
  for (const Row& row : rows) {
    const PromptCount count = count_prompt(Endpoint::embeddings, row.model, row.body, *counter_);
    EXPECT_EQ(count.tokens, row.tokens) << row.body;
    EXPECT_EQ(name_of(count.doubt), name_of(row.doubt)) << row.body;
  }
  EXPECT_EQ(count_prompt(Endpoint::completions, "gpt-3.5-turbo-instruct",
                         R"({"prompt":["Hello","Hello world"]})", *counter_)
                .tokens,
            3u);
}

// The definitions are the end of the system message: "." and the blank line are one token.
TEST_F(PromptCounts, DefinitionsJoinTheSystemMessage) {
  const auto body = [](std::string_view system) {
    return R"({"messages":[{"role":"system","content":")" + std::string(system) +
           R"("}],"tools":[{"type":"function","function":{"name":"now"}}]})";
  };
  EXPECT_EQ(chat(body("Hi")).parts.tools, 20u);
  EXPECT_EQ(chat(body("Hi.")).parts.tools, 19u);
}

// Calls made at once are one JSON text, and so are their results.
TEST_F(PromptCounts, CallsMadeAtOnceAreWrapped) {
  const std::string body = R"({"messages":[{"role":"assistant","tool_calls":[
      {"function":{"name":"a","arguments":"{\"x\": 1}"}},{"function":{"name":"b","arguments":"{}"}}]},
      {"role":"tool","content":"Hello"},{"role":"tool","content":[{"type":"text","text":"{\"y\":2}"}]}]})";
  const PromptCount count = chat(body);
  EXPECT_EQ(count.parts.calls,
            20 + counter_->count(R"({"tool_uses":[{"recipient_name":"functions.a","parameters":)"
                                 R"({"x":1}},{"recipient_name":"functions.b","parameters":{}}]})"));
  EXPECT_EQ(count.parts.text, counter_->count(R"(["Hello", {"y": 2}])"));
}

TEST_F(PromptCounts, SchemasAreCountedWithoutWhatModelsArentShown) {
  const PromptCount count = responses(
      R"({"input":"Hello","text":{"format":{"type":"json_schema","name":"answer","strict":true,
          "description":"Hello","schema":{"type":"object","properties":{"a":{"type":"string"}},"required":["a"],
          "additionalProperties":false}}}})");
  EXPECT_EQ(count.parts.format,
            7 + 1 + 2 + counter_->count(R"({"type":"object","properties":{"a":{"type":"string"}}})"));
  EXPECT_EQ(count.doubt, PromptDoubt::format);
}

TEST_F(PromptCounts, AnyBodyIsAccepted) {
  const std::string deep = std::string(3000, '[') + std::string(3000, ']');
  const std::string bodies[] = {
      "",
      "{",
      "null",
      "[]",
      R"({"messages":7,"tools":7,"tool_choice":[],"response_format":""})",
      R"({"messages":[7,null,[],{}],"tools":[7,null,[],{}],"functions":{}})",
      R"({"messages":[{"role":7,"content":{},"tool_calls":[7,{}],"function_call":7}]})",
      R"({"messages":[{"role":"tool","content":7},{"role":"function","content":[7,{"type":7}]}]})",
      R"({"messages":[{"content":[{"type":"image_url","image_url":7},{"type":"text","text":7}]}]})",
      R"({"input":[7,null,{"type":"function_call"},{"type":"message"}],"text":7,"tools":{}})",
      R"({"messages":)" + deep + "}",
      R"({"messages":[],"tools":)" + deep + "}",
      R"({"input":)" + deep + "}",
      "{\"messages\":[{\"role\":\"user\",\"content\":\"\xff\xc0 \\ud800\"}]}",
  };
  for (const std::string& body : bodies) {
    for (const std::string_view model : {"gpt-4o", "gpt-5.4", "gpt-oss-20b", ""}) {
      for (const Endpoint endpoint : {Endpoint::chat_completions, Endpoint::responses,
                                      Endpoint::embeddings, Endpoint::completions,
                                      Endpoint::messages}) {
        count_prompt(endpoint, model, body, *counter_);
        for (std::size_t cut = 0; cut < std::min<std::size_t>(body.size(), 200); cut += 7) {
          const PromptCount count =
              count_prompt(endpoint, model, std::string(body.substr(0, cut)), *counter_);
          EXPECT_EQ(count.doubt, PromptDoubt::unread) << body.substr(0, cut);
        }
      }
    }
  }
}

// Texts by their names, four marks a message; the rest is the ratio's.
TEST_F(PromptCounts, OfOtherProvidersAreTheirTexts) {
  struct Other {
    Endpoint endpoint;
    std::string_view body;
    std::uint64_t tokens;
    PromptDoubt doubt = PromptDoubt::model;
  };
  const Other rows[] = {
      {Endpoint::messages, R"({"model":"c","system":"Hi","messages":[{"role":"user","content":"Hello"},
         {"role":"assistant","content":[{"type":"text","text":"Hello world"}]}]})", 1 + 5 + 6},
      {Endpoint::generate_content, R"({"systemInstruction":{"parts":[{"text":"Hi"}]},
         "contents":[{"role":"user","parts":[{"text":"Hello"}]}]})", 1 + 5},
      {Endpoint::chat, R"({"message":"Hello","chat_history":[{"message":"Hi"}]})", 2},
      {Endpoint::messages, R"({"messages":[{"role":"user","content":[{"type":"image",
         "source":{"type":"base64","data":"AAAA"}}]}]})", 4, PromptDoubt::unread},
      {Endpoint::messages, R"({"messages":[{"role":"assistant","content":[{"type":"tool_use",
         "input":{"a":1}}]}]})", 4 + 5},
      {Endpoint::messages, R"([])", 0, PromptDoubt::unread},
      {Endpoint::messages, R"({"system":)", 0, PromptDoubt::unread},
  };
  for (const Other& row : rows) {
    const PromptCount count = count_prompt(row.endpoint, "m", row.body, *counter_);
    EXPECT_EQ(count.tokens, row.tokens) << row.body;
    EXPECT_EQ(name_of(count.doubt), name_of(row.doubt)) << row.body;
  }
}

TEST_F(PromptCounts, OtherEndpointsArentRead) {
  EXPECT_EQ(count_prompt(Endpoint::speech, "tts-1", R"({"input":"Hello"})", *counter_).doubt,
            PromptDoubt::unread);
}

}  // namespace
}  // namespace farebox
