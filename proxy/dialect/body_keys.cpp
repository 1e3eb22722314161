#include "proxy/dialect/body_keys.hpp"

namespace farebox {
namespace {

constexpr BodyKey kOpenAiKeys[] = {
    {"model"}, {"stream"}, {"max_tokens"}, {"max_completion_tokens"}, {"max_output_tokens"},
    {"n"}, {"tools"}, {"stream_options"}, {"best_of"}, {"stream_format"}, {"user"},
    {"safety_identifier"}, {"metadata"}, {"max_tool_calls"}, {"parameters"},
};
constexpr BodyKey kOllamaKeys[] = {{"model"}, {"stream"}, {"options"}, {"tools"}};
constexpr BodyKey kAnthropicKeys[] = {
    {"model"}, {"stream"}, {"max_tokens"}, {"max_tokens_to_sample"}, {"tools"},
    {"metadata"}, {"thinking"},
};
constexpr BodyKey kGeminiKeys[] = {
    {"model"}, {"stream"}, {"contents"}, {"tools"},
    {"generationConfig", "generation_config"},
    {"cachedContent", "cached_content"},
    {"systemInstruction", "system_instruction"},
    {"labels"},
};
// Converse, and the bodies of InvokeModel's families: each spells its maximum in its own way.
constexpr BodyKey kBedrockKeys[] = {
    {"inferenceConfig"}, {"textGenerationConfig"}, {"max_tokens"}, {"max_tokens_to_sample"},
    {"max_gen_len"}, {"maxTokens"}, {"tools"}, {"toolConfig"}, {"n"}, {"numResults"},
    {"num_generations"}, {"requestMetadata"}, {"additionalModelRequestFields"}, {"thinking"},
};

}  // namespace

bool speaks_ollama(const Route& route) {
  return route.speaks == DialectName::ollama &&
         (route.endpoint == Endpoint::chat || route.endpoint == Endpoint::generate);
}

std::span<const BodyKey> keys_of(const Route& route) {
  if (speaks_ollama(route)) return kOllamaKeys;
  switch (route.endpoint) {
    case Endpoint::messages:
    case Endpoint::complete: return kAnthropicKeys;
    case Endpoint::generate_content:
    case Endpoint::embed_content:
    case Endpoint::interactions: return kGeminiKeys;
    case Endpoint::converse:
    case Endpoint::invoke: return kBedrockKeys;
    default: return kOpenAiKeys;
  }
}

}  // namespace farebox
