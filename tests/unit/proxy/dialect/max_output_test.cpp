#include "proxy/dialect/max_output.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <set>
#include <string>

#include "proxy/dialect/body_facts.hpp"
#include "tests/unit/proxy/dialect/recordings.hpp"

namespace farebox {
namespace {

using Json = nlohmann::json;

struct Row {
  Endpoint endpoint;
  DialectName dialect;
  const char* model;
  std::uint64_t most;
  const char* before;
  const char* after;  // null: it can't be lowered
};

LoweredBody lower(const Row& row) {
  Route route;
  route.endpoint = row.endpoint;
  if (row.dialect == DialectName::ollama) route.speaks = row.dialect;
  return lower_max_output(route, row.dialect, row.model, row.before, row.most);
}

void expect_rows(std::initializer_list<Row> rows) {
  for (const Row& row : rows) {
    const LoweredBody lowered = lower(row);
    EXPECT_EQ(lowered.body.has_value(), row.after != nullptr) << row.before << " " << lowered.why;
    EXPECT_EQ(lowered.why.empty(), row.after != nullptr) << row.before;
    if (lowered.body && row.after != nullptr) {
      EXPECT_EQ(*lowered.body, row.after);
    }
  }
}

constexpr Endpoint kChat = Endpoint::chat_completions;
constexpr DialectName kOpenAi = DialectName::openai;
constexpr DialectName kAzure = DialectName::azure;
constexpr DialectName kBedrock = DialectName::bedrock;

TEST(MaxOutput, ChatTakesBothSpellings) {
  expect_rows({
      {kChat, kOpenAi, "gpt-4o", 9, R"({"max_tokens" : 100 ,"n":2})", R"({"max_tokens" : 9 ,"n":2})"},
      {kChat, kOpenAi, "m", 9, R"({"max_tokens":100,"max_completion_tokens":50})",
       R"({"max_tokens":9,"max_completion_tokens":9})"},
      {kChat, kOpenAi, "m", 60, R"({"max_tokens":100,"max_completion_tokens":50})",
       R"({"max_tokens":60,"max_completion_tokens":50})"},
      {kChat, kOpenAi, "m", 9, R"({"m\u0061x_tokens":"1e2"})", R"({"m\u0061x_tokens":9})"},
      {kChat, kOpenAi, "m", 9, R"({"max_tokens":null})", R"({"max_tokens":9})"},
      {kChat, kOpenAi, "m", 9, R"({"max_tokens":null,"max_completion_tokens":5})",
       R"({"max_tokens":null,"max_completion_tokens":5})"},
      {kChat, kOpenAi, "m", 9, R"({"max_tokens":-1})", R"({"max_tokens":9})"},
      {kChat, kOpenAi, "m", 9, R"({"max_tokens":0})", nullptr},
      // What the endpoint doesn't obey is no maximum.
      {kChat, kOpenAi, "m", 9, R"({"max_output_tokens":50})",
       R"({"max_tokens":9,"max_output_tokens":50})"},
  });
}

TEST(MaxOutput, TheModelDecidesWhatIsPutIn) {
  const auto puts = [](DialectName dialect, const char* model, const char* key) {
    const LoweredBody lowered = lower({kChat, dialect, model, 7, "{\"n\":1}", ""});
    ASSERT_TRUE(lowered.body) << model;
    EXPECT_EQ(*lowered.body, std::string("{\"") + key + "\":7,\"n\":1}") << model;
  };
  for (const char* model : {"gpt-4o", "gpt-3.5-turbo", "openai/gpt-4.1-mini", "ft:gpt-4o-mini:x::y",
                            "claude-sonnet-4-5", "openai/gpt-oss-120b", "llama3", "olmo", "o"}) {
    puts(kOpenAi, model, "max_tokens");
  }
  for (const char* model : {"o1", "o3-mini", "openai/o4-mini", "gpt-5", "gpt-5.2-mini",
                            "chatgpt-next", "codex-mini-latest", "gpt-6"}) {
    puts(kOpenAi, model, "max_completion_tokens");
  }
  puts(kAzure, "my-deployment", "max_completion_tokens");
  puts(kAzure, "gpt-4o-2024-08-06", "max_tokens");
  puts(kAzure, "grok-3", "max_tokens");
  expect_rows({{kChat, kOpenAi, "m", 7, "\xef\xbb\xbf { }", "\xef\xbb\xbf {\"max_tokens\":7 }"}});
}

TEST(MaxOutput, OpenAisOthers) {
  expect_rows({
      {Endpoint::completions, kOpenAi, "gpt-3.5-turbo-instruct", 100, "{}", R"({"max_tokens":16})"},
      {Endpoint::completions, kOpenAi, "llama", 100, "{}", R"({"max_tokens":100})"},
      {Endpoint::responses, kOpenAi, "m", 16, "{}", R"({"max_output_tokens":16})"},
      {Endpoint::responses, kOpenAi, "m", 15, "{}", nullptr},
      {Endpoint::responses, kOpenAi, "m", 15, R"({"max_output_tokens":12})",
       R"({"max_output_tokens":12})"},
      {Endpoint::embeddings, kOpenAi, "m", 15, "{}", nullptr},
      {Endpoint::images, kOpenAi, "m", 15, R"({"max_tokens":20})", nullptr},
      {kChat, kOpenAi, "m", 0, "{}", nullptr},
      {kChat, kOpenAi, "m", 5, "[]", nullptr},
      {kChat, kOpenAi, "m", 5, "{\"a\":}", nullptr},
      {kChat, kOpenAi, "m", 5, "", nullptr},
      {kChat, kOpenAi, "m", 2000, R"({"max_tokens":9000,"reasoning":{"max_tokens":4500}})",
       R"({"max_tokens":2000,"reasoning":{"max_tokens":1024}})"},
  });
}

TEST(MaxOutput, ACompactionHasNoMaximum) {
  const Route route = dialect_for(kOpenAi).recognise("POST", "/v1/responses/compact");
  EXPECT_EQ(route.endpoint, Endpoint::responses);
  EXPECT_FALSE(lower_max_output(route, kOpenAi, "m", R"({"model":"m"})", 100).body);
}

TEST(MaxOutput, ThinkingStaysBelowTheMaximum) {
  constexpr Endpoint kMessages = Endpoint::messages;
  constexpr DialectName kAnthropic = DialectName::anthropic;
  expect_rows({
      {kMessages, kAnthropic, "m", 9, R"({"max_tokens":100})", R"({"max_tokens":9})"},
      {kMessages, kAnthropic, "m", 9, "{}", R"({"max_tokens":9})"},
      {kMessages, kAnthropic, "m", 8000,
       R"({"max_tokens":16000,"thinking":{"type":"enabled","budget_tokens":12000}})",
       R"({"max_tokens":8000,"thinking":{"type":"enabled","budget_tokens":6000}})"},
      {kMessages, kAnthropic, "m", 8000,
       R"({"thinking":{"budget_tokens":2000},"max_tokens":16000})",
       R"({"thinking":{"budget_tokens":2000},"max_tokens":8000})"},
      {kMessages, kAnthropic, "m", 1025,
       R"({"max_tokens":16000,"thinking":{"budget_tokens":12000}})",
       R"({"max_tokens":1025,"thinking":{"budget_tokens":1024}})"},
      // Interleaved thinking may think more than one answer is long.
      {kMessages, kAnthropic, "m", 5000,
       R"({"max_tokens":16000,"thinking":{"budget_tokens":32000}})",
       R"({"max_tokens":5000,"thinking":{"budget_tokens":4999}})"},
      {kMessages, kAnthropic, "m", 1024,
       R"({"max_tokens":16000,"thinking":{"budget_tokens":12000}})", nullptr},
      {kMessages, kAnthropic, "m", 90000,
       R"({"max_tokens":16000,"thinking":{"budget_tokens":12000}})",
       R"({"max_tokens":16000,"thinking":{"budget_tokens":12000}})"},
      {Endpoint::complete, kAnthropic, "m", 9, R"({"max_tokens_to_sample":300})",
       R"({"max_tokens_to_sample":9})"},
  });
}

TEST(MaxOutput, ObjectsInsideTheBody) {
  constexpr Endpoint kGemini = Endpoint::generate_content;
  constexpr DialectName kGoogle = DialectName::gemini;
  expect_rows({
      {kGemini, kGoogle, "m", 9, R"({"contents":[]})",
       R"({"generationConfig":{"maxOutputTokens":9},"contents":[]})"},
      {kGemini, kGoogle, "m", 9, R"({"contents":[],"generationConfig":{"topK":1}})",
       R"({"contents":[],"generationConfig":{"maxOutputTokens":9,"topK":1}})"},
      {kGemini, kGoogle, "m", 9, R"({"contents":[],"generation_config":{ }})",
       R"({"contents":[],"generation_config":{"maxOutputTokens":9 }})"},
      {kGemini, kGoogle, "m", 9, R"({"contents":[],"generationConfig":null})",
       R"({"contents":[],"generationConfig":{"maxOutputTokens":9}})"},
      {kGemini, kGoogle, "m", 9, R"({"contents":[],"generationConfig":7})", nullptr},
      {kGemini, kGoogle, "m", 9,
       R"({"contents":[],"generation_config":{"max_output_tokens":2048}})",
       R"({"contents":[],"generation_config":{"max_output_tokens":9}})"},
      {kGemini, kGoogle, "m", 9, R"({"request":{"contents":[]}})", nullptr},
      {Endpoint::interactions, kGoogle, "m", 9, R"({"input":"x"})",
       R"({"generation_config":{"max_output_tokens":9},"input":"x"})"},
      {Endpoint::interactions, kGoogle, "m", 9, R"({"agent":"deep-research"})", nullptr},
      {Endpoint::chat, DialectName::ollama, "m", 9, R"({"options":{"num_predict":-2}})",
       R"({"options":{"num_predict":9}})"},
      {Endpoint::generate, DialectName::ollama, "m", 9, R"({"prompt":"x"})",
       R"({"options":{"num_predict":9},"prompt":"x"})"},
      {Endpoint::chat, DialectName::cohere, "m", 9, R"({"max_tokens":10})", R"({"max_tokens":9})"},
      {Endpoint::generate, DialectName::cohere, "m", 9, "{}", R"({"max_tokens":9})"},
      {Endpoint::conversations, DialectName::mistral, "m", 9, R"({"inputs":"x"})",
       R"({"completion_args":{"max_tokens":9},"inputs":"x"})"},
      {Endpoint::conversations, DialectName::mistral, "m", 9, R"({"agent_id":"x"})", nullptr},
      {Endpoint::generate, kOpenAi, "m", 9, R"({"inputs":"x","parameters":{"max_new_tokens":20}})",
       R"({"inputs":"x","parameters":{"max_new_tokens":9}})"},
      {Endpoint::generate, kOpenAi, "m", 9, R"({"prompt":"x"})", R"({"n_predict":9,"prompt":"x"})"},
  });
}

TEST(MaxOutput, BedrocksFamilies) {
  constexpr Endpoint kInvoke = Endpoint::invoke;
  expect_rows({
      {Endpoint::converse, kBedrock, "m", 9, "{}", R"({"inferenceConfig":{"maxTokens":9}})"},
      {Endpoint::converse, kBedrock, "m", 2048, R"({"inferenceConfig":{"maxTokens":8192},)"
       R"("additionalModelRequestFields":{"thinking":{"budget_tokens":4096},"max_tokens":9999}})",
       R"({"inferenceConfig":{"maxTokens":2048},)"
       R"("additionalModelRequestFields":{"thinking":{"budget_tokens":1024},"max_tokens":2048}})"},
      {kInvoke, kBedrock, "us.anthropic.claude-sonnet-4", 9, R"({"max_tokens":10,"messages":[]})",
       R"({"max_tokens":9,"messages":[]})"},
      {kInvoke, kBedrock, "anthropic.claude-v2", 9, R"({"prompt":"x"})",
       R"({"max_tokens_to_sample":9,"prompt":"x"})"},
      {kInvoke, kBedrock, "amazon.nova-lite-v1:0", 9, R"({"inferenceConfig":{"max_new_tokens":20}})",
       R"({"inferenceConfig":{"max_new_tokens":9}})"},
      {kInvoke, kBedrock, "amazon.titan-text-express-v1", 600, R"({"inputText":"x"})",
       R"({"textGenerationConfig":{"maxTokenCount":512},"inputText":"x"})"},
      {kInvoke, kBedrock, "meta.llama3-8b", 9, R"({"prompt":"x"})",
       R"({"max_gen_len":9,"prompt":"x"})"},
      {kInvoke, kBedrock, "amazon.titan-embed-text-v2:0", 9, R"({"inputText":"x"})", nullptr},
      {kInvoke, kBedrock, "arn:aws:bedrock:x:application-inference-profile/p", 9,
       R"({"messages":[]})", nullptr},
      {kInvoke, kBedrock, "arn:aws:bedrock:x:application-inference-profile/p", 9,
       R"({"max_tokens":20})", R"({"max_tokens":9})"},
  });
}

// Of every recorded request: what comes out differs in maxima and budgets alone, and the facts
// read from it say the lowered number.
TEST(MaxOutput, OfEveryRecordedRequestOnlyTheMaximumChanges) {
  const std::set<std::string> maxima = {
      "max_tokens", "max_completion_tokens", "max_output_tokens", "max_tokens_to_sample",
      "maxOutputTokens", "maxTokens", "max_new_tokens", "maxTokenCount", "num_predict",
      "max_gen_len", "n_predict", "budget_tokens", "generationConfig", "generation_config",
      "inferenceConfig", "textGenerationConfig", "options", "parameters", "completion_args"};
  std::size_t lowered_count = 0;
  auto recordings = testing::kept_recordings();
  for (auto& more : testing::all_recordings()) recordings.push_back(std::move(more));
  for (const auto& recording : recordings) {
    const Dialect& dialect = dialect_for(recording.dialect());
    const Route route = dialect.recognise(recording.method, recording.path);
    if (!is_metered(route.endpoint)) continue;
    const auto facts = dialect.read_body(route, recording.request_content_type,
                                         recording.request_body);
    if (!facts || !facts->readable) continue;
    for (const std::uint64_t most : {1u, 100u, 2000u}) {
      const LoweredBody lowered = lower_max_output(route, recording.dialect(), facts->model,
                                                   recording.request_body, most);
      if (!lowered.body) continue;
      ++lowered_count;
      const auto after = dialect.read_body(route, recording.request_content_type, *lowered.body);
      ASSERT_TRUE(after && after->readable) << recording.id;
      EXPECT_LE(after->max_output_tokens, most) << recording.id;
      EXPECT_GT(after->max_output_tokens, 0u) << recording.id << *lowered.body;
      if (facts->max_output_tokens != 0 && facts->max_output_tokens <= most) {
        EXPECT_EQ(after->max_output_tokens, facts->max_output_tokens) << recording.id;
      }
      const Json change = Json::diff(Json::parse(recording.request_body),
                                     Json::parse(*lowered.body));
      for (const Json& step : change) {
        const std::string path = step.at("path");
        EXPECT_TRUE(maxima.contains(path.substr(path.rfind('/') + 1))) << recording.id << " " << path;
        EXPECT_NE(step.at("op"), "remove") << recording.id;
      }
    }
  }
  EXPECT_GT(lowered_count, 500u);
}

}  // namespace
}  // namespace farebox
