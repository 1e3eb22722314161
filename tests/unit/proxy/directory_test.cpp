// Which provider a path is for: rows for every rule of design section 3.
#include "proxy/directory.hpp"

#include <gtest/gtest.h>

#include "tests/support/make_provider.hpp"

namespace farebox {
namespace {

using testing::make_provider;

Providers the_three() {
  Providers providers;
  providers.push_back(make_provider("openai", DialectName::openai, "https://api.openai.com"));
  providers.push_back(make_provider("anthropic", DialectName::anthropic, "https://api.anthropic.com"));
  providers.push_back(make_provider("gemini", DialectName::gemini, "https://generativelanguage.googleapis.com"));
  return providers;
}

constexpr DialectHints kNone{};
constexpr DialectHints kAnthropic{true, false};
constexpr DialectHints kGemini{false, true};

// "provider target", or "-" for a path outside every provider.
std::string found(const Providers& providers, std::string_view target, DialectHints hints = {}) {
  const Destination destination = Directory(providers).find(target, hints);
  if (destination.provider == nullptr) return "-";
  return destination.provider->settings.name + " " + destination.target;
}

struct Row {
  const char* target;
  const char* expected;
  DialectHints hints = {};
};

void expect_rows(const Providers& providers, std::initializer_list<Row> rows) {
  for (const Row& row : rows) EXPECT_EQ(found(providers, row.target, row.hints), row.expected) << row.target;
}

TEST(Directory, PathsGoToTheDefaultOfTheirDialect) {
  expect_rows(the_three(), {
      {"/v1/chat/completions", "openai /v1/chat/completions"},
      {"/v1/chat/completions?a=b", "openai /v1/chat/completions?a=b"},
      {"/v1/models", "openai /v1/models"},
      {"/v1/anything/new", "openai /v1/anything/new"},
      {"/v1", "openai /v1"},
      {"/v1/", "openai /v1/"},
      {"/v1/messages", "anthropic /v1/messages"},
      {"/v1/messages?beta=true", "anthropic /v1/messages?beta=true"},
      {"/v1/messages/count_tokens", "anthropic /v1/messages/count_tokens"},
      {"/v1/messages/batches/b1/results", "anthropic /v1/messages/batches/b1/results"},
      {"/v1/complete", "anthropic /v1/complete"},
      {"/v1/completions", "openai /v1/completions"},
      {"/v1/threads/t1/messages", "openai /v1/threads/t1/messages"},
      {"/v1beta/models", "gemini /v1beta/models"},
      {"/v1beta/models/gemini-2.5-flash:generateContent", "gemini /v1beta/models/gemini-2.5-flash:generateContent"},
      {"/v1beta/models/m:streamGenerateContent?alt=sse", "gemini /v1beta/models/m:streamGenerateContent?alt=sse"},
      {"/v1beta/files", "gemini /v1beta/files"},
      {"/v1beta/openai/chat/completions", "gemini /v1beta/openai/chat/completions"},
      {"/v1/models/m:generateContent", "gemini /v1/models/m:generateContent"},
      {"/v1/models/m:embedContent", "gemini /v1/models/m:embedContent"},
      {"/v1/models/m:batchEmbedContents?x", "gemini /v1/models/m:batchEmbedContents?x"},
      {"/v1/models/m:countTokens", "gemini /v1/models/m:countTokens"},
  });
}

TEST(Directory, HeadersTellApartWhatPathsCannot) {
  expect_rows(the_three(), {
      {"/v1/models", "anthropic /v1/models", kAnthropic},
      {"/v1/models/claude-x", "anthropic /v1/models/claude-x", kAnthropic},
      {"/models", "anthropic /v1/models", kAnthropic},
      {"/v1/files", "anthropic /v1/files", kAnthropic},
      {"/v1/models", "gemini /v1/models", kGemini},
      {"/models", "gemini /v1beta/models", kGemini},
      {"/v1/chat/completions", "openai /v1/chat/completions", kGemini},
  });
}

TEST(Directory, AMissingDoubledOrSlashedVersionIsTolerated) {
  expect_rows(the_three(), {
      {"/chat/completions", "openai /v1/chat/completions"},
      {"/responses?x", "openai /v1/responses?x"},
      {"/embeddings", "openai /v1/embeddings"},
      {"/models", "openai /v1/models"},
      {"/messages", "anthropic /v1/messages"},
      {"/complete", "anthropic /v1/complete"},
      {"/models/m:generateContent", "gemini /v1beta/models/m:generateContent"},
      {"/v1/v1/chat/completions", "openai /v1/chat/completions"},
      {"/v1/v1/messages", "anthropic /v1/messages"},
      {"/v1beta/v1beta/models", "gemini /v1beta/models"},
      {"/v1//chat/completions", "openai /v1/chat/completions"},
      {"//v1/chat/completions", "openai /v1/chat/completions"},
      {"//v1//v1///messages", "anthropic /v1/messages"},
      {"//chat/completions", "openai /v1/chat/completions"},
      {"//v1beta//models", "gemini /v1beta/models"},
      // Only where the version stands: the rest is the caller's own.
      {"/v1/files//a/../b", "openai /v1/files//a/../b"},
      {"/v1/a%2fb", "openai /v1/a%2fb"},
  });
}

TEST(Directory, ABaseUrlWithItsVersionDoesNotRepeatIt) {
  Providers providers;
  providers.push_back(make_provider("openai", DialectName::openai, "https://openrouter.ai/api/v1"));
  providers.push_back(make_provider("anthropic", DialectName::anthropic, "https://api.anthropic.com/v1/"));
  providers.push_back(make_provider("gemini", DialectName::gemini, "https://g.test/v1beta"));
  expect_rows(providers, {
      {"/v1/chat/completions", "openai /api/v1/chat/completions"},
      {"/chat/completions?x", "openai /api/v1/chat/completions?x"},
      {"/v1/messages", "anthropic /v1/messages"},
      {"/v1beta/models/m:generateContent", "gemini /v1beta/models/m:generateContent"},
  });
  Providers prefixed;
  prefixed.push_back(make_provider("openai", DialectName::openai, "http://127.0.0.1:8000/proxy/"));
  expect_rows(prefixed, {{"/v1/models", "openai /proxy/v1/models"}});
}

TEST(Directory, ANamedProviderGetsTheRestOctetByOctet) {
  Providers providers = the_three();
  providers.push_back(make_provider("my-vllm_2", DialectName::openai, "http://127.0.0.1:8000/v1"));
  expect_rows(providers, {
      {"/openai/v1/chat/completions", "openai /v1/chat/completions"},
      {"/openai/chat/completions", "openai /chat/completions"},
      {"/openai/v1/v1//x", "openai /v1/v1//x"},
      {"/openai//v1/x", "openai //v1/x"},
      {"/openai/a/../b%2F?c=d&&", "openai /a/../b%2F?c=d&&"},
      {"/my-vllm_2/chat/completions", "my-vllm_2 /v1/chat/completions"},
      {"/my-vllm_2/v1/chat/completions", "my-vllm_2 /v1/v1/chat/completions"},
      {"/my-vllm_2/v1/messages", "my-vllm_2 /v1/v1/messages"},
      {"/anthropic/v1beta/x", "anthropic /v1beta/x"},
      {"/openai", "openai /"},
      {"/openai?x", "openai /?x"},
      {"/openai/", "openai /"},
  });
  const Destination vllm = Directory(providers).find("/my-vllm_2/v1/messages?x", kNone);
  EXPECT_EQ(vllm.dialect, DialectName::openai);
  EXPECT_EQ(vllm.path, "/v1/messages?x");
}

TEST(Directory, DeploymentsAreAzures) {
  Providers providers = the_three();
  const char* const path = "/openai/deployments/gpt/chat/completions?api-version=2024-10-21";
  // Without an azure provider it is a path of the provider named openai.
  EXPECT_EQ(found(providers, path), "openai /deployments/gpt/chat/completions?api-version=2024-10-21");
  providers.push_back(make_provider("work", DialectName::azure, "https://x.openai.azure.com"));
  EXPECT_EQ(found(providers, path), "work " + std::string(path));
  EXPECT_EQ(found(providers, "/work" + std::string(path)), "work " + std::string(path));
  EXPECT_EQ(found(providers, "/openai/v1/models"), "openai /v1/models");
  const Destination azure = Directory(providers).find(path, kNone);
  EXPECT_EQ(azure.dialect, DialectName::azure);
  EXPECT_EQ(azure.path, path);
}

TEST(Directory, TheDefaultIsTheOneOfThatNameElseTheFirst) {
  Providers providers;
  providers.push_back(make_provider("groq", DialectName::openai, "https://api.groq.com/openai/v1"));
  providers.push_back(make_provider("claude", DialectName::anthropic, "https://a.test"));
  EXPECT_EQ(found(providers, "/v1/models"), "groq /openai/v1/models");
  EXPECT_EQ(found(providers, "/v1/messages"), "claude /v1/messages");
  EXPECT_EQ(found(providers, "/v1beta/models"), "-");
  providers.push_back(make_provider("openai", DialectName::openai, "https://api.openai.com"));
  EXPECT_EQ(found(providers, "/v1/models"), "openai /v1/models");
}

TEST(Directory, PathsOutsideEveryProviderHaveTheirCallersDialect) {
  const Providers providers = the_three();
  for (const char* target : {"/", "/x", "/favicon.ico", "/v1x/models", "/V1/models", "/v1%2fmodels",
                             "/OpenAI/v1/models", "/openai%2fv1", "/.well-known/x", "*", "/?/v1/models",
                             "/chatty", "/v1betamax/x", "//openai/v1/models"}) {
    EXPECT_EQ(found(providers, target), "-") << target;
  }
  const Directory directory(providers);
  EXPECT_EQ(directory.find("/x", kNone).dialect, DialectName::openai);
  EXPECT_EQ(directory.find("/x", kAnthropic).dialect, DialectName::anthropic);
  EXPECT_EQ(directory.find("/x", kGemini).dialect, DialectName::gemini);
}

TEST(BaseUrl, IsTakenApart) {
  struct Parts {
    const char* url;
    bool tls;
    const char* host;
    const char* port;
    const char* host_header;
    const char* path;
  };
  const Parts rows[] = {
      {"https://api.openai.com", true, "api.openai.com", "443", "api.openai.com", ""},
      {"http://localhost:8000/v1///", false, "localhost", "8000", "localhost:8000", "/v1"},
      {"HTTPS://a.test:8443/x/y", true, "a.test", "8443", "a.test:8443", "/x/y"},
      {"http://[::1]:11434/v1", false, "::1", "11434", "[::1]:11434", "/v1"},
      {"http://[::1]", false, "::1", "80", "[::1]", ""},
  };
  for (const Parts& row : rows) {
    const auto provider = make_provider("p", DialectName::openai, row.url);
    EXPECT_EQ(provider->tls, row.tls) << row.url;
    EXPECT_EQ(provider->host, row.host) << row.url;
    EXPECT_EQ(provider->port, row.port) << row.url;
    EXPECT_EQ(provider->host_header, row.host_header) << row.url;
    EXPECT_EQ(provider->base_path, row.path) << row.url;
  }
  const auto provider = make_provider("p", DialectName::openai, "http://a");
  EXPECT_FALSE(apply_base_url("a.test", *provider));
  EXPECT_FALSE(apply_base_url("http://", *provider));
}

TEST(Provider, KeysAreRecognised) {
  const auto provider = make_provider("p", DialectName::openai, "http://a", {"k1", "k2"});
  EXPECT_TRUE(provider->holds_key("Bearer k2"));
  EXPECT_FALSE(provider->holds_key("Bearer k3"));
}

TEST(Provider, UsageIsAskedForWhereItHelps) {
  const auto openai = make_provider("p", DialectName::openai, "https://api.openai.com");
  EXPECT_TRUE(openai->may_inject_usage());
  openai->remember_usage_refused();
  EXPECT_FALSE(openai->may_inject_usage());
  for (const char* url : {"https://api.mistral.ai", "https://API.GROQ.COM/openai", "https://openrouter.ai/api"}) {
    EXPECT_FALSE(make_provider("p", DialectName::openai, url)->may_inject_usage()) << url;
  }
}

TEST(Directory, PathsThatOneDialectAloneHasGoToItsProvider) {
  Providers providers = the_three();
  expect_rows(providers, {{"/api/chat", "-"}, {"/v1/ocr", "openai /v1/ocr"}});
  providers.push_back(make_provider("local", DialectName::ollama, "http://localhost:11434"));
  providers.push_back(make_provider("cohere", DialectName::cohere, "https://api.cohere.com/v2"));
  providers.push_back(make_provider("mistral", DialectName::mistral, "https://api.mistral.ai"));
  expect_rows(providers, {
      {"/api/chat", "local /api/chat"},
      {"/api/tags?x=1", "local /api/tags?x=1"},
      {"/v2/chat", "cohere /v2/chat"},
      {"/v1/fim/completions", "mistral /v1/fim/completions"},
      {"/v1/chat/completions", "openai /v1/chat/completions"},
      {"/api/other", "-"},
  });
}

// The same call at another provider: the version stands once, Azure's stands behind /openai.
TEST(Directory, ATargetMovesToAnotherProvider) {
  const auto at = [](const char* url, DialectName dialect) { return make_provider("p", dialect, url); };
  const auto openai = at("https://api.openai.com", DialectName::openai);
  const auto versioned = at("https://api.openai.com/v1", DialectName::openai);
  const auto groq = at("https://api.groq.com/openai/v1", DialectName::openai);
  const auto glm = at("https://api.z.ai/api/paas/v4", DialectName::openai);
  const auto azure = at("https://res.openai.azure.com", DialectName::azure);
  const auto azure_v1 = at("https://res.openai.azure.com/openai/v1", DialectName::azure);
  const auto azure_half = at("https://res.openai.azure.com/openai", DialectName::azure);
  const auto local = at("http://127.0.0.1:8000", DialectName::openai);
  struct Row {
    const Provider& from;
    const char* target;
    const Provider& to;
    const char* expected;
  };
  for (const Row& row : std::initializer_list<Row>{
           {*openai, "/v1/chat/completions", *local, "/v1/chat/completions"},
           {*openai, "/v1/chat/completions?a=b", *versioned, "/v1/chat/completions?a=b"},
           {*versioned, "/v1/chat/completions", *openai, "/v1/chat/completions"},
           {*openai, "/v1/chat/completions", *groq, "/openai/v1/chat/completions"},
           {*groq, "/openai/v1/embeddings", *local, "/v1/embeddings"},
           {*openai, "/v1/chat/completions", *glm, "/api/paas/v4/chat/completions"},
           {*openai, "/v1/responses", *azure, "/openai/v1/responses"},
           {*openai, "/v1/responses", *azure_v1, "/openai/v1/responses"},
           {*openai, "/v1/responses", *azure_half, "/openai/v1/responses"},
           {*azure, "/openai/v1/responses", *openai, "/v1/responses"},
           {*azure_v1, "/openai/v1/responses", *openai, "/v1/responses"},
           {*azure, "/openai/deployments/d/chat/completions?api-version=x", *azure_half,
            "/openai/deployments/d/chat/completions?api-version=x"},
           // A deployment is no model, and its body names none.
           {*azure, "/openai/deployments/d/chat/completions", *openai, ""},
       }) {
    EXPECT_EQ(target_at(row.to, row.from, row.target), row.expected)
        << row.from.settings.base_url << row.target << " at " << row.to.settings.base_url;
  }
}

}  // namespace
}  // namespace farebox
