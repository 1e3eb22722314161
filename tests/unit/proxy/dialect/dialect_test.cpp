#include "proxy/dialect/dialect.hpp"

#include <gtest/gtest.h>

namespace farebox {
namespace {

struct Row {
  const char* method;
  const char* path;
  Endpoint endpoint;
  const char* model = "";
  bool stream = false;
};

void check(DialectName name, const std::vector<Row>& rows) {
  for (const Row& row : rows) {
    const Route route = dialect_for(name).recognise(row.method, row.path);
    EXPECT_EQ(name_of(route.endpoint), name_of(row.endpoint)) << row.method << " " << row.path;
    EXPECT_EQ(route.model, row.model) << row.path;
    EXPECT_EQ(route.stream, row.stream) << row.path;
    EXPECT_EQ(route.reads_body, is_metered(row.endpoint)) << row.path;
  }
}

using enum Endpoint;

TEST(Dialect, OpenAiPaths) {
  check(DialectName::openai, {
      {"POST", "/v1/chat/completions", chat_completions},
      {"POST", "/chat/completions", chat_completions},
      {"POST", "/v1/v1/chat/completions", chat_completions},
      {"POST", "//v1//chat//completions//?x=/v1/messages", chat_completions},
      {"POST", "/v1/./x/../chat/%63ompletions#y", chat_completions},
      {"POST", "/openai/v1/chat/completions", chat_completions},
      {"POST", "/api/v1/chat/completions", chat_completions},
      {"POST", "/api/paas/v4/chat/completions", chat_completions},
      {"POST", "/compatible-mode/v1/chat/completions", chat_completions},
      {"POST", "/beta/chat/completions", chat_completions},
      {"POST", "/v1/completions", completions},
      {"POST", "/v1/engines/text-davinci-003/completions", completions, "text-davinci-003"},
      {"POST", "/v1/engines/v1/embeddings", embeddings, "v1"},
      {"POST", "/v1/responses", responses},
      {"POST", "/v1/responses/compact", responses},
      {"POST", "/v1/responses/input_tokens", count_tokens},
      {"POST", "/v1/responses/resp_1/cancel", passthrough},
      {"GET", "/v1/responses/resp_1", passthrough},
      {"GET", "/v1/responses/resp_1?stream=true", passthrough},
      {"DELETE", "/v1/responses/resp_1", passthrough},
      {"GET", "/v1/responses/resp_1/input_items", passthrough},
      {"POST", "/v1/embeddings", embeddings},
      {"POST", "/v1/images/generations", images},
      {"POST", "/v1/images/edits", images},
      {"POST", "/v1/images/variations", images},
      {"POST", "/v1/audio/transcriptions", transcriptions},
      {"POST", "/v1/audio/translations", translations},
      {"POST", "/v1/audio/speech", speech},
      {"POST", "/v1/moderations", moderations},
      {"POST", "/v1/messages", messages},
      {"POST", "/anthropic/v1/messages?beta=true", messages},
      {"POST", "/v1/messages/count_tokens", count_tokens},
      {"POST", "/tokenize", count_tokens},
      {"GET", "/v1/models", passthrough},
      {"GET", "/v1/models/gpt-4o", passthrough},
      {"DELETE", "/v1/models/ft:gpt-4o", passthrough},
      {"GET", "/v1/chat/completions", passthrough},
      {"GET", "/v1/chat/completions/chatcmpl-1/messages", passthrough},
      {"POST", "/v1/chat/completions/chatcmpl-1", passthrough},
      {"POST", "/v1/files", passthrough},
      {"GET", "/v1/files/file-1/content", passthrough},
      {"POST", "/v1/uploads/upload_1/parts", passthrough},
      {"POST", "/v1/batches", passthrough},
      {"POST", "/v1/threads/thread_1/messages", passthrough},
      {"POST", "/v1/threads/thread_1/runs", passthrough},
      {"POST", "/v1/threads/runs", passthrough},
      {"POST", "/v1/fine_tuning/jobs", passthrough},
      {"POST", "/v1/vector_stores", passthrough},
      {"POST", "/v1/conversations", passthrough},
      {"GET", "/v1/containers", passthrough},
      // What may bill in a way no reply tells.
      {"POST", "/v1/containers", unknown},
      {"POST", "/v1/videos", unknown},
      {"POST", "/v1/realtime/client_secrets", unknown},
      {"GET", "/v1/realtime?model=gpt-realtime", unknown},
      {"POST", "/v1/evals/eval_1/runs", unknown},
      {"POST", "/v1/chat/completions/chatcmpl-1/x", unknown},
      {"POST", "/v1/responses/resp_1", unknown},
      {"POST", "/v1/chat%2Fcompletions", unknown},
      {"GET", "/", unknown},
      {"GET", "", unknown},
      {"POST", "/v1", unknown},
      {"post", "/v1/embeddings", passthrough},
  });
  const std::string deep(100'000, '/');
  EXPECT_EQ(dialect_for(DialectName::openai).recognise("POST", deep + "v1/embeddings").endpoint,
            embeddings);
  std::string many;
  for (int i = 0; i < 1000; ++i) many += "/v1";
  EXPECT_EQ(dialect_for(DialectName::openai).recognise("POST", many + "/embeddings").endpoint,
            unknown);
}

TEST(Dialect, AzurePaths) {
  check(DialectName::azure, {
      {"POST", "/openai/deployments/gpt-4o/chat/completions?api-version=2024-06-01",
       chat_completions, "gpt-4o"},
      {"POST", "//openai/deployments/test-openai/completions?api-version=1", completions,
       "test-openai"},
      {"POST", "/OpenAI/Deployments/v2/Embeddings", embeddings, "v2"},
      {"POST", "/openai/deployments/d%201/images/generations", images, "d 1"},
      {"POST", "/openai/deployments/w/audio/transcriptions", transcriptions, "w"},
      {"POST", "/openai/deployments/d/extensions/chat/completions", chat_completions, "d"},
      {"POST", "/openai/v1/chat/completions", chat_completions},
      {"POST", "/openai/v1/responses", responses},
      {"POST", "/openai/responses?api-version=2025-03-01-preview", responses},
      {"POST", "/models/chat/completions?api-version=2024-05-01-preview", chat_completions},
      {"POST", "/models/embeddings", embeddings},
      {"POST", "/chat/completions", chat_completions},
      {"POST", "/anthropic/v1/messages", messages},
      {"GET", "/openai/models?api-version=1", passthrough},
      {"GET", "/openai/v1/responses/resp_1", passthrough},
      {"POST", "/openai/v1/realtime/calls", unknown},
      {"POST", "/openai/deployments/d", unknown},
  });
}

TEST(Dialect, AnthropicPaths) {
  check(DialectName::anthropic, {
      {"POST", "/v1/messages", messages},
      {"POST", "/v1/messages?beta=true", messages},
      {"POST", "/messages", messages},
      {"POST", "/v1/v1/messages/", messages},
      {"POST", "/v1/messages/count_tokens?beta=true", count_tokens},
      {"POST", "/v1/complete", complete},
      {"POST", "/v1/chat/completions", chat_completions},
      {"POST", "/v1/messages/batches", passthrough},
      {"GET", "/v1/messages/batches/msgbatch_1/results", passthrough},
      {"GET", "/v1/models", passthrough},
      {"POST", "/v1/files", passthrough},
      {"DELETE", "/v1/files/file_1", passthrough},
      {"HEAD", "/api/hello", passthrough},
      {"POST", "/v1/messages/other", unknown},
      {"POST", "/v1/other", unknown},
      {"GET", "/", unknown},
  });
}

TEST(Dialect, GeminiPaths) {
  const char* vertex =
      "/v1/projects/p/locations/us-central1/publishers/google/models/g:generateContent";
  check(DialectName::gemini, {
      {"POST", "/v1beta/models/gemini-2.5-pro:generateContent", generate_content,
       "gemini-2.5-pro"},
      {"POST", "/v1beta/models/gemini-2.5-pro%3AgenerateContent", generate_content,
       "gemini-2.5-pro"},
      {"POST", "/v1/models/g:streamGenerateContent?alt=sse&key=k", generate_content, "g", true},
      {"POST", "/models/g:streamGenerateContent", generate_content, "g", true},
      {"POST", "/v1beta/tunedModels/t-1:generateContent", generate_content, "t-1"},
      {"POST", "/v1beta/models/g:countTokens", count_tokens, "g"},
      {"POST", "/v1beta/models/e:embedContent", embed_content, "e"},
      {"POST", "/v1beta/models/e:batchEmbedContents", embed_content, "e"},
      {"POST", "/v1beta/models/g:batchGenerateContent", passthrough, "g"},
      {"POST", "/v1beta/interactions", interactions},
      {"GET", "/v1beta/interactions/v1_x", passthrough},
      {"POST", "/v1beta/openai/chat/completions", chat_completions},
      {"POST", "/v1beta/openai/embeddings", embeddings},
      {"GET", "/v1beta/openai/models", passthrough},
      {"POST", vertex, generate_content, "g"},
      {"POST", "/v1/publishers/google/models/g:streamGenerateContent", generate_content, "g", true},
      {"POST", "/v1/projects/p/locations/l/publishers/anthropic/models/c@1:rawPredict", messages,
       "c@1"},
      {"POST", "/v1/projects/p/locations/l/publishers/anthropic/models/c:streamRawPredict",
       messages, "c", true},
      {"POST", "/v1/projects/p/locations/l/publishers/anthropic/models/count-tokens:rawPredict",
       count_tokens},
      {"POST", "/v1/projects/p/locations/l/endpoints/openapi/chat/completions", chat_completions},
      {"GET", "/v1beta/models", passthrough},
      {"GET", "/v1beta/models/g:generateContent", passthrough},
      {"GET", "/v1beta/files/f", passthrough},
      {"POST", "/upload/v1beta/files", passthrough},
      {"PATCH", "/v1beta/cachedContents/c", passthrough},
      // What may bill in a way no reply tells.
      {"POST", "/v1beta/models/veo:predictLongRunning", unknown},
      {"POST", "/v1beta/models/imagen:predict", predict, "imagen"},
      {"POST", "/v1internal:streamGenerateContent?alt=sse", generate_content, "", true},
      {"POST", "/v1internal:loadCodeAssist", unknown},
      {"POST", "/v1/projects/p/locations/l/publishers/google/models/t:predict", predict, "t"},
      {"POST", "/v1/projects/p/locations/l/publishers/mistralai/models/m:streamRawPredict",
       chat_completions, "m", true},
      {"POST", "/v1beta/models/g:", unknown},
      {"POST", "/v1beta/models/g", unknown},
      {"GET", "/", unknown},
  });
}

// Paths that are told by themselves say what the rules would.
TEST(Dialect, UsualPathsAreTakenAsTheirRarerSpellings) {
  for (const DialectName name : {DialectName::openai, DialectName::anthropic, DialectName::mistral,
                                 DialectName::cohere, DialectName::gemini, DialectName::ollama}) {
    for (const char* end : {"chat/completions", "responses", "embeddings", "messages"}) {
      for (const char* method : {"POST", "GET"}) {
        const Dialect& dialect = dialect_for(name);
        const Route usual = dialect.recognise(method, std::string("/v1/") + end);
        const Route rare = dialect.recognise(method, std::string("/v1//") + end);
        EXPECT_EQ(usual.endpoint, rare.endpoint) << end;
        EXPECT_EQ(usual.model, rare.model);
        EXPECT_EQ(usual.stream, rare.stream);
        EXPECT_EQ(usual.reads_body, rare.reads_body);
        EXPECT_EQ(usual.speaks, rare.speaks);
        EXPECT_EQ(usual.described, rare.described);
        EXPECT_EQ(usual.may_stream, rare.may_stream);
      }
    }
  }
}

TEST(Dialect, NamesAreDistinct) {
  std::vector<std::string_view> names;
  for (int i = 0; i <= static_cast<int>(interactions); ++i) {
    const std::string_view name = name_of(static_cast<Endpoint>(i));
    EXPECT_EQ(std::count(names.begin(), names.end(), name), 0) << name;
    names.push_back(name);
  }
}

TEST(Dialect, EveryEndpointIsMeteredOrFreeOrUnknown) {
  for (int i = 0; i <= static_cast<int>(interactions); ++i) {
    const auto endpoint = static_cast<Endpoint>(i);
    EXPECT_EQ(is_metered(endpoint) + is_free(endpoint), endpoint == unknown ? 0 : 1)
        << name_of(endpoint);
  }
  EXPECT_TRUE(is_free(moderations) && is_free(count_tokens) && is_free(passthrough));
}

TEST(Dialect, EveryNameHasADialect) {
  EXPECT_EQ(dialect_for(DialectName::openai).name(), DialectName::openai);
  EXPECT_EQ(dialect_for(DialectName::anthropic).name(), DialectName::anthropic);
  EXPECT_EQ(dialect_for(DialectName::gemini).name(), DialectName::gemini);
  EXPECT_EQ(dialect_for(DialectName::azure).name(), DialectName::azure);
  for (const DialectName name : {DialectName::openai, DialectName::mistral, DialectName::cohere,
                                 DialectName::ollama}) {
    EXPECT_EQ(dialect_for(name).name(), name);
    EXPECT_EQ(dialect_for(name).credential().header, "authorization");
  }
  EXPECT_EQ(dialect_for(DialectName::openai).credential().header, "authorization");
  EXPECT_EQ(dialect_for(DialectName::openai).credential().scheme, "Bearer ");
  EXPECT_EQ(dialect_for(DialectName::anthropic).credential().header, "x-api-key");
  EXPECT_EQ(dialect_for(DialectName::gemini).credential().header, "x-goog-api-key");
  EXPECT_EQ(dialect_for(DialectName::azure).credential().header, "api-key");
}

// Whose dialect a path speaks where its endpoint alone doesn't tell.
TEST(Dialect, PathsOfOneFamilyAtAnothersProvider) {
  check(DialectName::openai, {
      {"POST", "/api/chat", chat},
      {"POST", "/api/generate", generate},
      {"POST", "/api/embed", embed},
      {"POST", "/api/embeddings", embed},
      {"GET", "/api/tags", passthrough},
      {"POST", "/api/show", passthrough},
      {"POST", "/v2/chat", chat},
      {"POST", "/v2/embed", embed},
      {"POST", "/v2/rerank", rerank},
      {"POST", "/v1/generate", generate},
      {"POST", "/v1beta/models/g:generateContent", generate_content, "g"},
      {"POST", "/v1/complete", complete},
      {"GET", "/v1/messages/batches/b", passthrough},
      {"POST", "/v1/messages/batches", unknown},
  });
  const auto speaks = [](const char* path) {
    return dialect_for(DialectName::openai).recognise("POST", path).speaks;
  };
  EXPECT_EQ(speaks("/api/chat"), DialectName::ollama);
  EXPECT_EQ(speaks("/v2/chat"), DialectName::cohere);
  EXPECT_EQ(speaks("/v1/chat"), std::nullopt);
  EXPECT_EQ(speaks("/v1/chat/completions"), std::nullopt);
  for (const DialectName name : {DialectName::mistral, DialectName::cohere, DialectName::ollama,
                                 DialectName::gemini, DialectName::anthropic}) {
    check(name, {
        {"POST", "/v1/chat/completions", chat_completions},
        {"POST", "/v1/messages", messages},
        {"POST", "/v1/embeddings", embeddings},
        {"POST", "/v1beta/models/g:streamGenerateContent?alt=sse", generate_content, "g", true},
        {"POST", "/api/chat", chat},
        {"POST", "/v1/other", unknown},
    });
  }
}

TEST(Dialect, PathsBehindGatewaysOfTheirOwn) {
  check(DialectName::openai, {
      {"POST", "/serving-endpoints/chat/completions", chat_completions},
      {"POST", "/serving-endpoints/my-model/invocations", chat_completions, "my-model"},
      {"POST", "/api/v2/cortex/v1/chat/completions", chat_completions},
      {"POST", "/api/v2/cortex/inference:complete", chat_completions},
      {"POST", "/novita/v3/openai/chat/completions", chat_completions},
      {"POST", "/inference/v1/chat/completions", chat_completions},
      {"POST", "/client/v4/accounts/a/ai/v1/chat/completions", chat_completions},
      {"POST", "/compatibility/v1/embeddings", embeddings},
      {"POST", "/v1/chat", chat_completions},
      {"POST", "/v1/fim/completions", chat_completions},
      {"POST", "/v1/rerank", rerank},
      {"POST", "/v1/ocr", ocr},
      {"POST", "/ml/v1/text/generation?version=1", generate},
      {"POST", "/ml/v1-beta/generation/text_stream", generate, "", true},
      {"POST", "/ml/v1/text/chat_stream", chat_completions, "", true},
      {"POST", "/ml/v1/deployments/d/text/generation", generate, "d"},
      {"POST", "/ml/v1/text/tokenization", count_tokens},
      {"POST", "/v1/predictions", predictions},
      {"POST", "/v1/models/meta/llama/predictions", predictions, "meta/llama"},
      {"GET", "/v1/predictions/p", passthrough},
      {"POST", "/v1/predictions/p/cancel", passthrough},
      {"POST", "/v1/stt", transcriptions},
      {"GET", "/v1/generation?id=1", passthrough},
      {"POST", "/v1/videos/generations", unknown},
      {"POST", "/v1/threads/t/messages", passthrough},
      {"POST", "/v1/files/f/embeddings", passthrough},
  });
}

TEST(Dialect, MistralPaths) {
  check(DialectName::mistral, {
      {"POST", "/v1/chat/completions", chat_completions},
      {"POST", "/v1/fim/completions", chat_completions},
      {"POST", "/v1/agents/completions", chat_completions},
      {"POST", "/v1/agents", passthrough},
      {"GET", "/v1/agents/a", passthrough},
      {"POST", "/v1/conversations", conversations},
      {"POST", "/v1/conversations#stream", conversations},
      {"POST", "/v1/conversations/c", conversations},
      {"POST", "/v1/conversations/c/restart", conversations},
      {"POST", "/v1/conversations/c/other", unknown},
      {"GET", "/v1/conversations/c/history", passthrough},
      {"POST", "/v1/embeddings", embeddings},
      {"POST", "/v1/ocr", ocr},
      {"POST", "/v1/audio/transcriptions", transcriptions},
      {"POST", "/v1/audio/speech", speech},
      {"POST", "/v1/moderations", moderations},
      {"POST", "/v1/chat/moderations", moderations},
      {"POST", "/v1/classifications", classify},
      {"POST", "/v1/chat/classifications", classify},
      {"POST", "/v1/batch/jobs", passthrough},
      {"POST", "/v1/libraries/l/documents", unknown},
      {"GET", "/v1/libraries", passthrough},
  });
}

TEST(Dialect, CoherePaths) {
  check(DialectName::cohere, {
      {"POST", "/v1/chat", chat},
      {"POST", "/v2/chat", chat},
      {"POST", "/v1/generate", generate},
      {"POST", "/v1/summarize", generate},
      {"POST", "/v2/embed", embed},
      {"POST", "/v1/rerank", rerank},
      {"POST", "/v1/classify", classify},
      {"POST", "/v1/tokenize", count_tokens},
      {"GET", "/v1/models/command", passthrough},
      {"POST", "/v1/embed-jobs", passthrough},
      {"POST", "/compatibility/v1/chat/completions", chat_completions},
      {"POST", "/v2/audio/transcriptions", transcriptions},
      {"POST", "/v2/other", unknown},
  });
}

TEST(Dialect, OllamaPaths) {
  check(DialectName::ollama, {
      {"POST", "/api/chat", chat},
      {"POST", "/api/generate", generate},
      {"POST", "/api/embed", embed},
      {"POST", "/api/embeddings", embed},
      {"POST", "/v1/embeddings", embeddings},
      {"POST", "/v1/completions", completions},
      {"POST", "/v1/responses", responses},
      {"POST", "/v1/messages", messages},
      {"GET", "/", passthrough},
      {"HEAD", "/", passthrough},
      {"GET", "/api/version", passthrough},
      {"POST", "/api/pull", passthrough},
      {"POST", "/api/web_search", unknown},
  });
}

}  // namespace
}  // namespace farebox
