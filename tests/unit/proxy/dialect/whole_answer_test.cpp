#include "proxy/dialect/whole_answer.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tests/unit/proxy/dialect/stream_end_support.hpp"

namespace farebox {
namespace {

using Json = nlohmann::ordered_json;
using testing::Call;
using testing::Recording;

std::string events(const std::vector<std::string>& data) {
  std::string out;
  for (const std::string& one : data) out += "data: " + one + "\n\n";
  return out;
}

const std::vector<std::string> kMessage = {
    R"({"type":"message_start","message":{"id":"msg_1","type":"message","role":"assistant","model":"claude","content":[],"stop_reason":null,"stop_sequence":null,"usage":{"input_tokens":10,"cache_creation":{"ephemeral_5m_input_tokens":0},"output_tokens":1,"service_tier":"standard"}}})",
    R"({"type":"content_block_start","index":0,"content_block":{"type":"thinking","thinking":"","signature":""}})",
    R"({"type":"ping"})",
    R"({"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta","thinking":"Hm","estimated_tokens":null}})",
    R"({"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta","thinking":"m\u2026"}})",
    R"({"type":"content_block_delta","index":0,"delta":{"type":"signature_delta","signature":"EqQ="}})",
    R"({"type":"content_block_stop","index":0})",
    R"({"type":"content_block_start","index":1,"content_block":{"citations":[],"type":"text","text":""}})",
    R"({"type":"content_block_delta","index":1,"delta":{"type":"text_delta","text":"caf\u00e9 \ud83d"}})",
    R"({"type":"content_block_delta","index":1,"delta":{"type":"text_delta","text":"\ude00"}       })",
    R"({"type":"content_block_delta","index":1,"delta":{"type":"citations_delta","citation":{"a":1}}})",
    R"({"type":"content_block_delta","index":1,"delta":{"type":"citations_delta","citation":{"b":2.50}}})",
    R"({"type":"content_block_stop","index":1})",
    R"({"type":"content_block_start","index":2,"content_block":{"type":"tool_use","id":"toolu_1","name":"f","input":{}}})",
    R"({"type":"content_block_delta","index":2,"delta":{"type":"input_json_delta","partial_json":""}})",
    R"({"type":"content_block_delta","index":2,"delta":{"type":"input_json_delta","partial_json":"{\"x\": \"\\u00e9"}})",
    R"({"type":"content_block_delta","index":2,"delta":{"type":"input_json_delta","partial_json":"\"}"}})",
    R"({"type":"content_block_stop","index":2})",
    R"({"type":"content_block_start","index":3,"content_block":{"type":"tool_use","id":"toolu_2","name":"g","input":{}}})",
    R"({"type":"content_block_stop","index":3})",
    R"({"type":"message_delta","delta":{"stop_reason":"tool_use","stop_sequence":null,"container":{"id":"c"}},"usage":{"input_tokens":12,"cache_creation":null,"output_tokens":15}})",
    R"({"type":"message_stop"})"};

TEST(WholeAnswer, PutsAMessageTogether) {
  EXPECT_EQ(
      whole_answer(Endpoint::messages, events(kMessage)),
      R"({"id":"msg_1","type":"message","role":"assistant","model":"claude","content":[)"
      R"({"type":"thinking","thinking":"Hmm\u2026","signature":"EqQ="},)"
      R"({"citations":[{"a":1},{"b":2.50}],"type":"text","text":"caf\u00e9 \ud83d\ude00"},)"
      R"({"type":"tool_use","id":"toolu_1","name":"f","input":{"x": "\u00e9"}},)"
      R"({"type":"tool_use","id":"toolu_2","name":"g","input":{}}],)"
      R"("stop_reason":"tool_use","stop_sequence":null,"usage":{"input_tokens":12,)"
      R"("cache_creation":{"ephemeral_5m_input_tokens":0},"output_tokens":15,"service_tier":"standard"},)"
      R"("container":{"id":"c"}})");
}

const std::vector<std::string> kChat = {
    R"({"id":"c-1","object":"chat.completion.chunk","created":1,"model":"m","service_tier":"default","system_fingerprint":"fp","choices":[{"index":0,"delta":{"role":"assistant","content":"","refusal":null},"logprobs":{"content":[],"refusal":null},"finish_reason":null}],"usage":null,"obfuscation":"x"})",
    R"({"id":"c-1","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":1,"delta":{"role":"assistant","content":null,"tool_calls":[{"index":0,"id":"call_1","type":"function","function":{"name":"f","arguments":""}}]},"finish_reason":null}],"usage":null})",
    R"({"id":"c-1","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{"content":"a\n"},"logprobs":{"content":[{"t":1.50}],"refusal":null},"finish_reason":null}],"usage":null})",
    R"({"id":"c-1","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":1,"delta":{"tool_calls":[{"index":0,"function":{"arguments":"{\"x\""}},{"index":1,"id":"call_2","type":"function","function":{"name":"g","arguments":"{}"}}]},"finish_reason":null}],"usage":null})",
    R"({"id":"c-1","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":1,"delta":{"tool_calls":[{"index":0,"function":{"arguments":":1}"}}]},"finish_reason":null}],"usage":null})",
    R"({"id":"c-1","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{"content":"b"},"logprobs":{"content":[{"t":2}],"refusal":null},"finish_reason":null}],"usage":null})",
    R"({"id":"c-1","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{},"logprobs":null,"finish_reason":"stop"}],"usage":null})",
    R"({"id":"c-1","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":1,"delta":{},"finish_reason":"tool_calls"}],"usage":null})",
    R"({"id":"c-1","object":"chat.completion.chunk","created":1,"model":"m","choices":[],"usage":{"prompt_tokens":5,"completion_tokens":7,"total_tokens":12}})",
    "[DONE]"};

TEST(WholeAnswer, PutsAChatTogether) {
  EXPECT_EQ(
      whole_answer(Endpoint::chat_completions, events(kChat)),
      R"({"id":"c-1","object":"chat.completion","created":1,"model":"m","choices":[)"
      R"({"index":0,"message":{"role":"assistant","content":"a\nb","refusal":null},)"
      R"("logprobs":{"content":[{"t":1.50},{"t":2}],"refusal":null},"finish_reason":"stop"},)"
      R"({"index":1,"message":{"role":"assistant","content":null,"tool_calls":[)"
      R"({"id":"call_1","type":"function","function":{"name":"f","arguments":"{\"x\":1}"}},)"
      R"({"id":"call_2","type":"function","function":{"name":"g","arguments":"{}"}}]},"finish_reason":"tool_calls"}],)"
      R"("usage":{"prompt_tokens":5,"completion_tokens":7,"total_tokens":12},"service_tier":"default","system_fingerprint":"fp"})");
}

TEST(WholeAnswer, ARefusalHasNoText) {
  const auto answer = whole_answer(
      Endpoint::chat_completions,
      events({R"({"id":"c","choices":[{"index":0,"delta":{"role":"assistant","content":"","refusal":null}}]})",
              R"({"id":"c","choices":[{"index":0,"delta":{"refusal":"I can"}}]})",
              R"({"id":"c","choices":[{"index":0,"delta":{"refusal":"'t."},"finish_reason":"stop"}],"usage":{}})",
              "[DONE]"}));
  ASSERT_TRUE(answer);
  EXPECT_EQ(*answer, R"({"id":"c","object":"chat.completion","choices":[{"index":0,"message":{"role":"assistant",)"
                     R"("content":null,"refusal":"I can't."},"finish_reason":"stop"}],"usage":{}})");
}

TEST(WholeAnswer, TellsWhatAzureFound) {
  const std::vector<std::string> all = {
      R"({"choices":[],"created":0,"id":"","model":"","object":"","prompt_filter_results":[{"prompt_index":0}]})",
      R"({"choices":[{"content_filter_results":{},"delta":{"content":"a","role":"assistant"},"index":0}],"created":7,"id":"c","object":"chat.completion.chunk"})",
      R"({"choices":[{"content_filter_results":{"hate":{"severity":"safe"}},"delta":{"content":"b"},"index":0}],"created":7,"id":"c"})",
      R"({"choices":[{"content_filter_results":{"hate":{"severity":"safe"},"code":{}},"delta":{},"finish_reason":"stop","index":0}],"id":"c","usage":{}})",
      "[DONE]"};
  EXPECT_EQ(whole_answer(Endpoint::chat_completions, events(all)),
            R"({"id":"c","object":"chat.completion","created":7,"choices":[{"index":0,"message":{"role":"assistant",)"
            R"("content":"ab"},"finish_reason":"stop","content_filter_results":{"hate":{"severity":"safe"},"code":{}}}],)"
            R"("usage":{},"prompt_filter_results":[{"prompt_index":0}]})");
  auto other = all;
  other[3].replace(other[3].find("safe"), 4, "high");
  EXPECT_FALSE(whole_answer(Endpoint::chat_completions, events(other)));
  other = all;
  other[1].replace(other[1].find("chat.completion.chunk"), 21, "");
  EXPECT_FALSE(whole_answer(Endpoint::chat_completions, events(other)));
}

TEST(WholeAnswer, TakesTheLastEventOfAResponse) {
  const std::vector<std::string> all = {
      R"({"type":"response.created","response":{"output":[]}})", R"({"type":"response.new.kind","x":1})",
      R"({"type":"response.output_item.done","item":{"a":1}})",
      R"({"type":"response.completed","sequence_number":7,"response":{"output":[ {"a":1} ],"usage":{"input_tokens":1.0}} })"};
  EXPECT_EQ(whole_answer(Endpoint::responses, events(all)),
            R"({"output":[ {"a":1} ],"usage":{"input_tokens":1.0}})");
  for (std::size_t left = 0; left < all.size(); ++left) {
    EXPECT_FALSE(whole_answer(Endpoint::responses, events({all.begin(), all.begin() + static_cast<std::ptrdiff_t>(left)})));
  }
  const auto with = [&](std::size_t at, const std::string& one) {
    auto other = all;
    other.insert(other.begin() + static_cast<std::ptrdiff_t>(at), one);
    return whole_answer(Endpoint::responses, events(other));
  };
  EXPECT_TRUE(with(4, "[DONE]"));
  EXPECT_FALSE(with(3, all[2]));  // one item more than at the end
  EXPECT_FALSE(with(4, all[0]));
  EXPECT_FALSE(with(1, R"({"type":"error","message":"x"})"));
  EXPECT_FALSE(with(1, "{"));
  EXPECT_FALSE(with(3, R"({"type":"response.failed","response":{}})"));
  EXPECT_FALSE(with(3, R"({"type":"response.completed","response":null})"));
}

// Each event that is taken away, cut, repeated or has a member more makes it nothing, or
// nothing that matters.
TEST(WholeAnswer, IsAllOrNothing) {
  const auto check = [](Endpoint endpoint, const std::vector<std::string>& all, const std::vector<std::size_t>& free) {
    const auto whole = whole_answer(endpoint, events(all));
    ASSERT_TRUE(whole);
    EXPECT_TRUE(Json::accept(*whole));
    for (std::size_t i = 0; i < all.size(); ++i) {
      const auto at = static_cast<std::ptrdiff_t>(i);
      const bool ping = std::find(free.begin(), free.end(), i) != free.end();
      EXPECT_FALSE(whole_answer(endpoint, events({all.begin(), all.begin() + at}))) << i;
      if (all[i].front() == '{' && !ping) {
        auto other = all;
        other[i].insert(1, R"("never_seen":1,)");
        EXPECT_FALSE(whole_answer(endpoint, events(other))) << other[i];
        other = all;
        other[i].insert(1, R"("type":1,"type":2,)");
        EXPECT_FALSE(whole_answer(endpoint, events(other))) << other[i];
        other = all;
        other[i].pop_back();
        EXPECT_FALSE(whole_answer(endpoint, events(other))) << other[i];
        for (std::size_t brace = 1; brace < all[i].size(); ++brace) {
          // Inside what is opaque anything may be.
          if (all[i][brace] != '{' || all[i].find("\"message_start\"") != std::string::npos) continue;
          const std::string before = all[i].substr(0, brace);
          if (before.ends_with("\"usage\":") || before.ends_with("\"content_block\":") || before.ends_with("\"citation\":") ||
              before.ends_with("\"container\":") || before.ends_with("\"input\":") || before.ends_with("\"content\":[") || before.ends_with("\"")) {
            continue;
          }
          other = all;
          const bool empty = other[i][brace + 1] == '}';
          other[i].insert(brace + 1, empty ? R"("never_seen":1)" : R"("never_seen":1,)");
          EXPECT_FALSE(whole_answer(endpoint, events(other))) << other[i];
        }
      }
      auto other = all;
      other.insert(other.begin() + at, R"({"type":"error","error":{"message":"x"}})");
      EXPECT_FALSE(whole_answer(endpoint, events(other))) << i;
    }
  };
  check(Endpoint::messages, kMessage, {2});
  check(Endpoint::chat_completions, kChat, {});
  EXPECT_FALSE(whole_answer(Endpoint::chat_completions, ""));
  EXPECT_FALSE(whole_answer(Endpoint::generate_content, events(kChat)));
}

TEST(WholeAnswer, BrokenToolInputIsNoAnswer) {
  for (const char* input : {R"({)", R"([])", R"(1)", R"({}{})", R"({\"a\":\"\ud800\"})"}) {
    auto all = kMessage;
    all[15] = R"({"type":"content_block_delta","index":2,"delta":{"type":"input_json_delta","partial_json":")" + std::string(input) + "\"}}";
    all[16] = R"({"type":"ping"})";
    EXPECT_FALSE(whole_answer(Endpoint::messages, events(all))) << input;
  }
}

// What a client puts together of the text of all choices or blocks.
std::string text_of_events(Endpoint endpoint, std::string_view reply) {
  std::vector<std::string> texts;
  SseSplitter splitter;
  SseEvent event;
  while (splitter.next(reply, event)) {
    if (event.data == "[DONE]") continue;
    const Json data = Json::parse(event.data);
    const auto add = [&](std::size_t index, const Json& holder, const char* key) {
      if (texts.size() <= index) texts.resize(index + 1);
      if (holder.contains(key) && holder[key].is_string()) texts[index] += holder[key].get<std::string>();
    };
    if (endpoint == Endpoint::messages) {
      if (data["type"] == "content_block_start") add(data["index"], Json::object(), "text");
      if (data["type"] == "content_block_delta") add(data["index"], data["delta"], "text");
      if (data["type"] == "content_block_delta") add(data["index"], data["delta"], "thinking");
    } else {
      for (const Json& choice : data["choices"]) add(choice["index"], choice["delta"], "content");
    }
  }
  std::string all;
  for (const std::string& text : texts) all += text + "\n";
  return all;
}

std::string text_of_answer(Endpoint endpoint, const Json& answer) {
  std::string all;
  const auto text = [](const Json& holder, const char* key) {
    return holder.contains(key) && holder[key].is_string() ? holder[key].get<std::string>() : std::string();
  };
  if (endpoint == Endpoint::messages) {
    for (const Json& block : answer["content"]) all += text(block, "text") + text(block, "thinking") + "\n";
  } else {
    for (const Json& choice : answer["choices"]) all += text(choice["message"], "content") + "\n";
  }
  return all;
}

void expect_same(const Reading& stream, const Reading& whole, const std::string& name) {
  const Usage &a = stream.usage, &b = whole.usage;
  EXPECT_EQ(a.source, b.source) << name;
  EXPECT_EQ(a.input, b.input) << name;
  EXPECT_EQ(a.output, b.output) << name;
  EXPECT_EQ(a.cached_input, b.cached_input) << name;
  EXPECT_EQ(a.cache_write, b.cache_write) << name;
  EXPECT_EQ(a.cache_write_1h, b.cache_write_1h) << name;
  EXPECT_EQ(a.reasoning, b.reasoning) << name;
  EXPECT_EQ(a.audio_input, b.audio_input) << name;
  EXPECT_EQ(a.queries, b.queries) << name;
  EXPECT_EQ(a.service_tier, b.service_tier) << name;
  EXPECT_EQ(a.inference_geo, b.inference_geo) << name;
  EXPECT_EQ(a.speed, b.speed) << name;
  EXPECT_EQ(a.reported_cost, b.reported_cost) << name;
  ASSERT_EQ(a.extras.size(), b.extras.size()) << name;
  for (std::size_t i = 0; i < a.extras.size(); ++i) {
    EXPECT_EQ(a.extras[i].type, b.extras[i].type) << name;
    EXPECT_EQ(a.extras[i].count, b.extras[i].count) << name;
    EXPECT_EQ(a.extras[i].input, b.extras[i].input) << name;
    EXPECT_EQ(a.extras[i].output, b.extras[i].output) << name;
  }
  EXPECT_EQ(stream.model, whole.model) << name;
  EXPECT_EQ(stream.finish_reason, whole.finish_reason) << name;
  EXPECT_EQ(stream.tool_calls, whole.tool_calls) << name;
}

TEST(WholeAnswer, RecordedStreamsTellTheSameWhole) {
  std::vector<Recording> recordings = testing::all_recordings();
  if (recordings.empty()) recordings = testing::kept_recordings();
  std::map<std::string, std::pair<int, int>> tally;  // whole, of all
  for (const Recording& recording : recordings) {
    if (recording.framing != "sse" || recording.status != 200) continue;
    const Call call = testing::call_of(recording);
    const Endpoint endpoint = call.route.endpoint;
    if (endpoint != Endpoint::messages && endpoint != Endpoint::chat_completions && endpoint != Endpoint::responses) continue;
    const std::string name = recording.provider + " " + recording.api + " " + recording.id;
    auto& [whole, all] = tally[recording.provider + " " + std::string(name_of(endpoint))];
    ++all;
    const auto answer = whole_answer(endpoint, recording.reply);
    if (!answer) continue;
    ++whole;
    const Json json = Json::parse(*answer);
    expect_same(call.read(recording.reply), call.read(*answer), name);
    if (endpoint == Endpoint::responses) continue;
    EXPECT_EQ(text_of_answer(endpoint, json), text_of_events(endpoint, recording.reply)) << name;
  }
  for (const auto& [name, counts] : tally) {
    RecordProperty(name, std::to_string(counts.first) + " of " + std::to_string(counts.second));
  }
  EXPECT_GE(tally["anthropic messages"].first * 10, tally["anthropic messages"].second * 9);
  EXPECT_GE(tally["openai responses"].first * 10, tally["openai responses"].second * 9);
  EXPECT_GE(tally["openai chat_completions"].first * 4, tally["openai chat_completions"].second);
}

}  // namespace
}  // namespace farebox
