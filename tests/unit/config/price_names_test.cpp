// How names of traffic find their card: every rule of price_names.hpp, and what must stay
// unknown because a guess would be a wrong price.
#include <gtest/gtest.h>

#include "config/price_table.hpp"

namespace farebox {
namespace {

const PriceTable& bundled() {
  static const PriceTable table = [] {
    Result<PriceTable> loaded = PriceTable::bundled();
    EXPECT_TRUE(loaded) << loaded.error().context;
    return loaded ? *loaded : PriceTable();
  }();
  return table;
}

enum class Says { exactly, other_place };

struct Row {
  const char* provider;
  DialectName dialect;
  const char* model;
  const char* id;  // "": unknown
  NameRule rule = NameRule::exact;
  Says says = Says::exactly;
  const char* place = "";
};

constexpr auto kOpenai = DialectName::openai;
constexpr auto kAnthropic = DialectName::anthropic;
constexpr auto kGemini = DialectName::gemini;
constexpr auto kAzure = DialectName::azure;
constexpr auto kBedrock = DialectName::bedrock;
constexpr auto kMistral = DialectName::mistral;
constexpr auto kCohere = DialectName::cohere;
constexpr auto kOllama = DialectName::ollama;

void expect_rows(std::initializer_list<Row> rows) {
  for (const Row& row : rows) {
    const PriceMatch match = bundled().match(
        {.provider = row.provider, .dialect = row.dialect, .model = row.model, .place = row.place});
    const std::string said = std::string(row.provider) + " " + row.model + " " + row.place;
    EXPECT_EQ(match.card == nullptr ? "" : match.card->id, row.id) << said;
    if (row.id[0] == '\0') continue;
    EXPECT_EQ(name_of(match.rule), name_of(row.rule)) << said;
    EXPECT_EQ(match.other_place, row.says == Says::other_place) << said;
  }
}

TEST(PriceNames, MatchAsTheyAre) {
  expect_rows({
      {"openai", kOpenai, "gpt-4o", "openai/gpt-4o"},
      {"openai", kOpenai, "GPT-4O", "openai/gpt-4o"},
      {"openai", kOpenai, "gpt-4o-mini", "openai/gpt-4o-mini"},
      {"openai", kOpenai, "gpt-4.1-nano", "openai/gpt-4.1-nano"},
      {"openai", kOpenai, "gpt-5", "openai/gpt-5"},
      {"openai", kOpenai, "gpt-5-mini", "openai/gpt-5-mini"},
      {"openai", kOpenai, "gpt-5.6-luna", "openai/gpt-5.6-luna"},
      {"openai", kOpenai, "gpt-4o-2024-08-06", "openai/gpt-4o", NameRule::alias},
      {"openai", kOpenai, "gpt-4o-2024-05-13", "openai/gpt-4o-2024-05-13"},
      {"openai", kOpenai, "gpt-4o-mini-2024-07-18", "openai/gpt-4o-mini", NameRule::alias},
      {"openai", kOpenai, "gpt-4-0613", "openai/gpt-4", NameRule::alias},
      {"openai", kOpenai, "gpt-4-turbo-preview", "openai/gpt-4-turbo-preview"},
      {"openai", kOpenai, "gpt-3.5-turbo-0301", "openai/gpt-3.5-turbo-0301"},
      {"openai", kOpenai, "gpt-4o-audio-preview", "openai/gpt-4o-audio-preview"},
      {"openai", kOpenai, "gpt-realtime", "openai/gpt-realtime"},
      {"openai", kOpenai, "text-embedding-3-small", "openai/text-embedding-3-small"},
      {"openai", kOpenai, "text-embedding-ada-002-v2", "openai/text-embedding-ada-002-v2"},
      {"openai", kOpenai, "whisper-1", "openai/whisper-1"},
      {"openai", kOpenai, "tts-1-hd", "openai/tts-1-hd"},
      {"openai", kOpenai, "sora-2", "openai/sora-2"},
      {"openai", kOpenai, "omni-moderation-latest", "openai/omni-moderation-latest"},
      {"anthropic", kAnthropic, "claude-opus-4-6", "anthropic/claude-opus-4-6"},
      {"anthropic", kAnthropic, "claude-3-haiku-20240307", "anthropic/claude-3-haiku-20240307"},
      {"gemini", kGemini, "gemini-2.5-flash", "gemini/gemini-2.5-flash"},
      {"gemini", kGemini, "gemini-2.5-pro", "gemini/gemini-2.5-pro"},
      {"gemini", kGemini, "imagen-4.0-generate-001", "gemini/imagen-4.0-generate-001"},
      {"gemini", kGemini, "veo-3.1-generate-preview", "gemini/veo-3.1-generate-preview"},
      {"vertex", kGemini, "gemini-2.5-flash", "vertex/gemini-2.5-flash"},
      {"vertex", kGemini, "text-embedding-004", "vertex/text-embedding-004"},
      {"mistral", kMistral, "mistral-large-latest", "mistral/mistral-large-latest"},
      {"mistral", kMistral, "mistral-ocr-latest", "mistral/mistral-ocr-latest"},
      {"mistral", kMistral, "open-mistral-nemo", "mistral/open-mistral-nemo"},
      {"cohere", kCohere, "command-r-08-2024", "cohere/command-r", NameRule::alias},
      {"cohere", kCohere, "rerank-v3.5", "cohere/rerank-v3.5"},
      {"groq", kOpenai, "openai/gpt-oss-120b", "groq/openai/gpt-oss-120b"},
      {"groq", kOpenai, "whisper-large-v3-turbo", "groq/whisper-large-v3-turbo"},
      {"deepseek", kOpenai, "deepseek-chat", "deepseek/deepseek-chat"},
      {"xai", kOpenai, "grok-4", "xai/grok-4"},
      {"xai", kOpenai, "grok-2-1212", "xai/grok-2-1212"},
      {"perplexity", kOpenai, "sonar-pro", "perplexity/sonar-pro"},
      {"together", kOpenai, "meta-llama/llama-3.3-70b-instruct-turbo",
       "together/meta-llama/Llama-3.3-70B-Instruct-Turbo"},
      {"fireworks", kOpenai, "accounts/fireworks/models/deepseek-r1",
       "fireworks/accounts/fireworks/models/deepseek-r1"},
      {"deepinfra", kOpenai, "Qwen/QwQ-32B", "deepinfra/Qwen/QwQ-32B"},
      {"novita", kOpenai, "deepseek/deepseek-v3.2", "novita/deepseek/deepseek-v3.2"},
      {"databricks", kOpenai, "databricks-claude-sonnet-4", "databricks/databricks-claude-sonnet-4"},
      {"snowflake", kOpenai, "llama3.1-70b", "snowflake/llama3.1-70b"},
      {"watsonx", kOpenai, "ibm/granite-3-8b-instruct", "watsonx/ibm/granite-3-8b-instruct"},
      {"alibaba", kOpenai, "qwen-max", "alibaba/qwen-max"},
      {"moonshot", kOpenai, "kimi-k2.5", "moonshot/kimi-k2.5"},
      {"zai", kOpenai, "glm-4.6", "zai/glm-4.6"},
      {"voyage", kOpenai, "voyage-3.5", "voyage/voyage-3.5"},
      {"cerebras", kOpenai, "gpt-oss-120b", "cerebras/gpt-oss-120b"},
      {"sambanova", kOpenai, "DeepSeek-R1", "sambanova/DeepSeek-R1"},
      {"nebius", kOpenai, "deepseek-ai/DeepSeek-V3", "nebius/deepseek-ai/DeepSeek-V3"},
      {"hyperbolic", kOpenai, "Qwen/QwQ-32B", "hyperbolic/Qwen/QwQ-32B"},
      {"cloudflare", kOpenai, "@cf/meta/llama-2-7b-chat-fp16",
       "cloudflare/@cf/meta/llama-2-7b-chat-fp16"},
      {"deepgram", kOpenai, "base-meeting", "deepgram/base-meeting"},
      {"elevenlabs", kOpenai, "scribe_v1", "elevenlabs/scribe_v1"},
      {"recraft", kOpenai, "recraftv3", "recraft/recraftv3"},
      {"ai21", kOpenai, "jamba-large-1.7", "ai21/jamba-large-1.7"},
      {"tavily", kOpenai, "search", "tavily/search"},
  });
}

TEST(PriceNames, SnapshotsAreTheirModelUnlessTheyHaveACard) {
  expect_rows({
      {"openai", kOpenai, "gpt-4o-2031-01-02", "openai/gpt-4o", NameRule::snapshot},
      {"openai", kOpenai, "gpt-5.6-luna-2026-09-01", "openai/gpt-5.6-luna", NameRule::snapshot},
      {"anthropic", kAnthropic, "claude-sonnet-4-6-20260301", "anthropic/claude-sonnet-4-6",
       NameRule::snapshot},
      {"vertex", kAnthropic, "claude-sonnet-4-5@20250929", "vertex/claude-sonnet-4-5",
       NameRule::alias},
      {"vertex", kAnthropic, "claude-3-7-sonnet-20250219", "vertex/claude-3-7-sonnet@20250219",
       NameRule::alias},
      {"vertex", kAnthropic, "claude-3-haiku-20240307", "vertex/claude-3-haiku@20240307",
       NameRule::snapshot},
      {"vertex", kAnthropic, "claude-opus-5@20260801", "vertex/claude-opus-5", NameRule::snapshot},
      {"gemini", kGemini, "gemini-2.5-flash-001", "gemini/gemini-2.5-flash", NameRule::version},
      {"gemini", kGemini, "gemini-2.0-flash-001", "gemini/gemini-2.0-flash", NameRule::alias},
      {"openrouter", kOpenai, "openai/gpt-4.1-mini-2025-04-14", "openrouter/openai/gpt-4.1-mini",
       NameRule::snapshot},
      {"azure", kAzure, "gpt-5.2-2025-12-11", "azure/gpt-5.2-2025-12-11"},
      {"openai", kOpenai, "gpt-4o-2024-13-01", ""},
      {"openai", kOpenai, "gpt-4o-2024-00-01", ""},
      {"openai", kOpenai, "gpt-4o-1234-5678", ""},
      {"openai", kOpenai, "gpt-4o-12345678", ""},
      {"openai", kOpenai, "gpt-4o-2031-01-02-2031-01-02", ""},
      {"openai", kOpenai, "gpt-4-1209", ""},
      {"xai", kOpenai, "grok-4-9999", ""},
      {"mistral", kMistral, "mistral-large-2999", ""},
      {"gemini", kGemini, "gemini-2.5-flash-01", ""},
      {"openai", kOpenai, "gpt-4o-001", ""},
      {"openai", kOpenai, "-2024-05-13", ""},
  });
}

TEST(PriceNames, FineTunedModelsNeverCostWhatTheirBaseDoes) {
  expect_rows({
      {"openai", kOpenai, "ft:gpt-4o-2024-08-06", "openai/ft:gpt-4o-2024-08-06"},
      {"openai", kOpenai, "ft:gpt-4o-2024-08-06:acme::A1b2", "openai/ft:gpt-4o-2024-08-06",
       NameRule::fine_tuned},
      {"openai", kOpenai, "ft:gpt-4o-2024-08-06:acme:suffix:A1b2:ckpt-step-90",
       "openai/ft:gpt-4o-2024-08-06", NameRule::fine_tuned},
      {"openai", kOpenai, "ft:gpt-4.1-mini-2025-04-14:acme:x:1",
       "openai/ft:gpt-4.1-mini-2025-04-14", NameRule::fine_tuned},
      {"openai", kOpenai, "ft:gpt-3.5-turbo-0125:acme::1", "openai/ft:gpt-3.5-turbo-0125",
       NameRule::fine_tuned},
      {"openai", kOpenai, "ft:gpt-3.5-turbo:acme::1", "openai/ft:gpt-3.5-turbo",
       NameRule::fine_tuned},
      {"openai", kOpenai, "ft:davinci-002:acme::1", "openai/ft:davinci-002", NameRule::fine_tuned},
      {"my-proxy", kOpenai, "openai/ft:gpt-4o-2024-08-06:acme::1", "openai/ft:gpt-4o-2024-08-06",
       NameRule::fine_tuned},
      {"openai", kOpenai, "ft:gpt-4o-2024-05-13:acme::1", ""},
      {"openai", kOpenai, "ft:gpt-4o:acme::1", ""},
      {"openai", kOpenai, "ft:gpt-5-2025-08-07:acme::1", ""},
      {"openai", kOpenai, "ft:unknown:acme::1", ""},
      {"openai", kOpenai, "ft:", ""},
      {"openai", kOpenai, "davinci:ft-acme-2023-01-02", ""},
      {"azure", kAzure, "gpt-4o-2024-08-06.ft-1234", ""},
      {"gemini", kGemini, "tunedModels/my-model-1", ""},
      {"mistral", kMistral, "ft:open-mistral-7b:abc", ""},
  });
}

TEST(PriceNames, GeographiesOfBedrockHaveTheirCardsOrAreEstimates) {
  expect_rows({
      {"bedrock", kBedrock, "anthropic.claude-sonnet-4-5-20250929-v1:0",
       "bedrock/global.anthropic.claude-sonnet-4-5-20250929-v1:0", NameRule::alias},
      {"bedrock", kBedrock, "us.anthropic.claude-sonnet-4-5-20250929-v1:0",
       "bedrock/us.anthropic.claude-sonnet-4-5-20250929-v1:0"},
      {"bedrock", kBedrock, "global.anthropic.claude-sonnet-4-5-20250929-v1:0",
       "bedrock/global.anthropic.claude-sonnet-4-5-20250929-v1:0"},
      {"bedrock", kBedrock, "eu.anthropic.claude-sonnet-4-5-20250929-v1:0",
       "bedrock/us.anthropic.claude-sonnet-4-5-20250929-v1:0", NameRule::alias},
      {"bedrock", kBedrock, "us-gov.anthropic.claude-sonnet-4-5-20250929-v1:0",
       "bedrock/us-gov.anthropic.claude-sonnet-4-5-20250929-v1:0"},
      {"bedrock", kBedrock, "apac.anthropic.claude-opus-5", "bedrock/apac.anthropic.claude-opus-5"},
      {"bedrock", kBedrock, "us.anthropic.claude-sonnet-4-5-20250929-v1%3A0",
       "bedrock/us.anthropic.claude-sonnet-4-5-20250929-v1:0", NameRule::path},
      {"bedrock", kBedrock, "us-gov.anthropic.claude-opus-5",
       "bedrock/global.anthropic.claude-opus-5", NameRule::geography, Says::other_place},
      {"bedrock", kBedrock, "ca.amazon.nova-lite-v1:0", "bedrock/amazon.nova-lite-v1:0",
       NameRule::geography, Says::other_place},
      {"bedrock", kBedrock,
       "arn:aws:bedrock:us-east-1:000000000000:inference-profile/"
       "us.anthropic.claude-haiku-4-5-20251001-v1:0",
       "bedrock/us.anthropic.claude-haiku-4-5-20251001-v1:0", NameRule::path},
      {"bedrock", kBedrock, "arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-pro-v1:0",
       "bedrock/amazon.nova-pro-v1:0", NameRule::path},
      {"bedrock", kBedrock, "deepseek.v3.2", "bedrock/deepseek.v3.2@ap-south-1", NameRule::place,
       Says::exactly, "ap-south-1"},
      {"bedrock", kBedrock, "meta.llama3-8b-instruct-v1:0",
       "bedrock/meta.llama3-8b-instruct-v1:0", NameRule::exact, Says::exactly, "eu-central-1"},
      {"bedrock", kBedrock, "openai.gpt-oss-120b-1:0", "bedrock/openai.gpt-oss-120b-1:0"},
      {"bedrock", kBedrock, "openai.gpt-5.6-luna", "bedrock-mantle/openai.gpt-5.6-luna"},
      {"bedrock", kBedrock, "arn:aws:bedrock:us-east-1:1:application-inference-profile/abc", ""},
      {"bedrock", kBedrock, "arn:aws:bedrock:us-east-1:1:provisioned-model/abc", ""},
      {"bedrock", kBedrock, "us.anthropic.claude-sonnet-9-v1:0", ""},
      {"bedrock", kBedrock, "mars.anthropic.claude-opus-5", ""},
      {"bedrock", kBedrock, "anthropic.claude-sonnet-4-5", ""},
      {"bedrock", kBedrock, "gpt-4o", ""},
      {"openai", kOpenai, "us.gpt-4o", ""},
  });
}

TEST(PriceNames, PathsAreTakenOff) {
  expect_rows({
      {"gemini", kGemini, "models/gemini-2.5-flash", "gemini/gemini-2.5-flash", NameRule::path},
      {"gemini", kGemini, "models/gemini-2.5-flash-preview-05-20",
       "gemini/gemini-2.5-flash-preview-05-20", NameRule::path},
      {"vertex", kGemini, "publishers/google/models/gemini-2.5-pro", "vertex/gemini-2.5-pro",
       NameRule::path},
      {"vertex", kGemini, "projects/p/locations/us-east5/publishers/anthropic/models/claude-opus-5",
       "vertex/claude-opus-5", NameRule::path},
      {"vertex", kOpenai, "google/gemini-2.5-flash", "vertex/gemini-2.5-flash", NameRule::gateway},
      {"gemini", kGemini, "models/models/gemini-2.5-flash", ""},
      {"gemini", kGemini, "models/", ""},
      {"vertex", kGemini, "projects/p/locations/l/endpoints/123", ""},
      {"openai", kOpenai, "models/models/gpt-4o", ""},
      {"fireworks", kOpenai, "accounts/acme/models/deepseek-r1", ""},
  });
}

TEST(PriceNames, PlacesPickTheirCards) {
  expect_rows({
      {"azure", kAzure, "gpt-5.1", "azure/gpt-5.1@eu", NameRule::place, Says::exactly, "eu"},
      {"azure", kAzure, "gpt-5.4", "azure/gpt-5.4@us", NameRule::place, Says::exactly, "us"},
      {"azure", kAzure, "gpt-5.1", "azure/gpt-5.1", NameRule::exact, Says::exactly, ""},
      {"azure", kAzure, "gpt-4", "azure/gpt-4", NameRule::exact, Says::other_place, "eu"},
      {"openai", kOpenai, "gpt-5.4", "openai/gpt-5.4", NameRule::exact, Says::exactly, "eu"},
      {"vertex", kAnthropic, "claude-opus-5", "vertex/claude-opus-5", NameRule::exact,
       Says::exactly, "us-east5"},
      {"my-proxy", kOpenai, "azure/eu/gpt-5.1", "azure/gpt-5.1@eu", NameRule::gateway},
  });
}

TEST(PriceNames, GatewaysPassOnWhatVendorsAsk) {
  expect_rows({
      {"vercel", kOpenai, "anthropic/claude-sonnet-4", "vercel-gateway/anthropic/claude-sonnet-4"},
      {"vercel", kOpenai, "openai/gpt-5.6-sol", "openai/gpt-5.6-sol", NameRule::gateway,
       Says::other_place},
      {"vercel-gateway", kOpenai, "anthropic/claude-opus-4.8", "anthropic/claude-opus-4-8",
       NameRule::gateway, Says::other_place},
      {"openrouter", kOpenai, "openai/gpt-4o", "openrouter/openai/gpt-4o"},
      {"openrouter", kOpenai, "openai/gpt-5.6-sol", "openai/gpt-5.6-sol", NameRule::gateway,
       Says::other_place},
      {"openrouter", kOpenai, "openai/gpt-4o:nitro", "openrouter/openai/gpt-4o", NameRule::route,
       Says::other_place},
      {"openrouter", kOpenai, "anthropic/claude-sonnet-4.5:thinking",
       "openrouter/anthropic/claude-sonnet-4.5", NameRule::route},
      {"openrouter", kOpenai, "deepseek/deepseek-r1:free", "openrouter/*:free",
       NameRule::free_route},
      {"openrouter", kOpenai, "anybody/anything:free", "openrouter/*:free", NameRule::free_route},
      {"litellm", kOpenai, "openai/gpt-4o", "openai/gpt-4o", NameRule::gateway},
      {"litellm", kOpenai, "azure/gpt-4o-mini", "azure/gpt-4o-mini", NameRule::gateway},
      {"litellm", kOpenai, "vertex_ai/gemini-2.5-flash", "vertex/gemini-2.5-flash",
       NameRule::gateway},
      {"litellm", kOpenai, "bedrock/us.anthropic.claude-opus-5",
       "bedrock/us.anthropic.claude-opus-5", NameRule::gateway},
      {"litellm", kOpenai, "groq/llama-3.1-8b-instant", "groq/llama-3.1-8b-instant",
       NameRule::gateway},
      {"litellm", kOpenai, "anthropic/claude-opus-4.6", "anthropic/claude-opus-4-6",
       NameRule::gateway},
      {"huggingface", kOpenai, "moonshotai/Kimi-K2-Instruct-0905:groq",
       "groq/moonshotai/kimi-k2-instruct-0905", NameRule::route},
      {"hf", kOpenai, "openai/gpt-oss-120b:cerebras", "cerebras/gpt-oss-120b", NameRule::route},
      {"replicate", kOpenai, "meta/llama-2-70b", "replicate/meta/llama-2-70b"},
      {"replicate", kOpenai,
       "meta/llama-2-70b:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
       "replicate/meta/llama-2-70b", NameRule::route},
      {"openai", kOpenai, "openai/gpt-4o", "openai/gpt-4o", NameRule::gateway},
      {"hf", kOpenai, "openai/gpt-oss-120b:fastest", ""},
      {"hf", kOpenai, "meta-llama/Llama-3.1-8B-Instruct", ""},
      {"openrouter", kOpenai, "openai/gpt-4o:online", ""},
      {"openrouter", kOpenai, "acme/gpt-4o", ""},
      {"openrouter", kOpenai, "google/gemma-3-27b-it:nitro", ""},
      {"groq", kOpenai, "openai/gpt-4o", ""},
      {"openai", kOpenai, "anthropic/claude-opus-5", ""},
      {"litellm", kOpenai, "acme/gpt-4o", ""},
      {"litellm", kOpenai, "openai/gpt-4o/x", ""},
      {"litellm", kOpenai, "/gpt-4o", ""},
      {"litellm", kOpenai, "openai/", ""},
      {"litellm", kOpenai, "meta-llama/Llama-3.3-70B-Instruct", ""},
      {"replicate", kOpenai, "meta/llama-2-70b:latest", ""},
  });
}

TEST(PriceNames, OllamaTagsOfFreeModelsAreFree) {
  expect_rows({
      {"ollama", kOllama, "llama3.1", "ollama/llama3.1"},
      {"ollama", kOllama, "llama3.1:8b", "ollama/llama3.1", NameRule::route},
      {"local", kOllama, "mistral:7b-instruct", "ollama/mistral", NameRule::route},
      {"ollama", kOllama, "llama3.1:671b-cloud", ""},
      {"ollama", kOllama, "acme-model:1b", ""},
  });
}

TEST(PriceNames, AProviderWhoseNameSaysNothingSellsWhatItsMakerDoes) {
  expect_rows({
      {"my-proxy", kOpenai, "gpt-4o", "openai/gpt-4o"},
      {"my-proxy", kAnthropic, "claude-opus-5", "anthropic/claude-opus-5"},
      {"my-proxy", kGemini, "gemini-2.5-pro", "gemini/gemini-2.5-pro"},
      {"my-proxy", kOpenai, "deepseek-chat", "deepseek/deepseek-chat", NameRule::any_maker},
      {"my-proxy", kOpenai, "claude-sonnet-4-5", "anthropic/claude-sonnet-4-5",
       NameRule::any_maker},
      {"my-proxy", kOpenai, "sonar-pro", "perplexity/sonar-pro", NameRule::any_maker},
      {"my_groq", kOpenai, "openai/gpt-oss-120b", "groq/openai/gpt-oss-120b"},
      {"azure-openai", kOpenai, "gpt-4o-mini", "azure/gpt-4o-mini"},
      {"vllm", kOpenai, "openai/gpt-oss-120b", ""},
      {"vllm", kOpenai, "gpt-oss-120b", ""},
      {"vllm", kOpenai, "gemma-3-27b-it", ""},
      {"vllm", kOpenai, "mistral-7b-instruct", ""},
      {"vllm", kOpenai, "kimi-k2-thinking", ""},
      {"vllm", kOpenai, "deepseek-r1", ""},
      {"vllm", kOpenai, "glm-4.6", ""},
      {"vllm", kOpenai, "base", ""},
      {"vllm", kOpenai, "search", ""},
      {"vllm", kOpenai, "standard", ""},
      {"vllm", kOpenai, "meta-llama/Llama-3.3-70B-Instruct-Turbo", ""},
      {"groq-together", kOpenai, "openai/gpt-oss-120b", ""},
      {"novita", kOpenai, "gpt-4o", ""},
      {"deepinfra", kOpenai, "gpt-4o", ""},
  });
}

TEST(PriceNames, APartOfANameIsNoName) {
  expect_rows({
      {"openai", kOpenai, "gpt-4o-mini-something-new", ""},
      {"openai", kOpenai, "gpt-4o-something", ""},
      {"openai", kOpenai, "gpt-4o-audio", ""},
      {"openai", kOpenai, "gpt-4-5", ""},
      {"openai", kOpenai, "gpt", ""},
      {"openai", kOpenai, "xgpt-4o", ""},
      {"openai", kOpenai, " gpt-4o", ""},
      {"openai", kOpenai, "gpt-4o ", ""},
      {"openai", kOpenai, "gpt_4o", ""},
      {"openai", kOpenai, "gpt-4o:free", ""},
      {"openai", kOpenai, "gpt-4o@latest", ""},
      {"openai", kOpenai, "dall-e-3#hd/1024-x-1024", ""},
      {"anthropic", kAnthropic, "claude", ""},
      {"anthropic", kAnthropic, "claude-opus", ""},
      {"anthropic", kAnthropic, "claude-opus-55", ""},
      {"anthropic", kAnthropic, "gpt-4o", ""},
      {"gemini", kGemini, "gemini-2.5", ""},
      {"gemini", kGemini, "gemini-2.5-flash-lite-ultra", ""},
      {"gemini", kGemini, "flash", ""},
      {"mistral", kMistral, "mistral", ""},
      {"volcengine", kOpenai, "doubao-embedding", ""},
      {"sagemaker", kOpenai, "meta-textgeneration-llama-2-7b", ""},
      {"openrouter", kOpenai, "openrouter/auto", ""},
      {"openai", kOpenai, "", ""},
  });
}

}  // namespace
}  // namespace farebox
