#include "proxy/dialect/body_keys.hpp"

#include <algorithm>
#include <string>

namespace farebox {
namespace {

constexpr BodyKey kOpenAiKeys[] = {
    {"model"}, {"stream"}, {"max_tokens"}, {"max_completion_tokens"}, {"max_output_tokens"},
    {"n"}, {"tools"}, {"stream_options"}, {"best_of"}, {"stream_format"}, {"user"},
    {"safety_identifier"}, {"metadata"}, {"max_tool_calls"}, {"parameters"},
    {"completion_args"}, {"thinking"}, {"reasoning"},
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

bool is_maximum(const Route& route, std::string_view key) {
  if (speaks_ollama(route)) return false;  // options.num_predict
  const auto is = [&](auto... names) { return ((key == std::string_view(names)) || ...); };
  switch (route.endpoint) {
    case Endpoint::chat_completions: return is("max_tokens", "max_completion_tokens");
    case Endpoint::completions:
    case Endpoint::messages:
    case Endpoint::chat: return is("max_tokens");
    case Endpoint::responses: return is("max_output_tokens");
    case Endpoint::complete: return is("max_tokens_to_sample");
    case Endpoint::generate: return is("max_tokens", "n_predict");  // Cohere, llama.cpp
    // Each family has its own, and Bedrock refuses what a family doesn't know.
    case Endpoint::converse:  // in additionalModelRequestFields
    case Endpoint::invoke:
      return is("max_tokens", "max_completion_tokens", "max_tokens_to_sample", "max_gen_len",
                "maxTokens", "max_new_tokens");
    default: return false;
  }
}

std::string_view spelled_otherwise(const Route& route, std::string_view name) {
  const auto is_plain = [](char c) { return !(c >= 'A' && c <= 'Z') && (c & 0x80) == 0; };
  if (name.size() > 64 || std::all_of(name.begin(), name.end(), is_plain)) return {};
  const auto folded = [](std::string_view text) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
      if (text.substr(i, 2) == "\xC5\xBF") {  // long s
        out += 's';
        i += 1;
      } else if (text.substr(i, 3) == "\xE2\x84\xAA") {  // the sign of kelvin
        out += 'k';
        i += 2;
      } else {
        out += text[i] >= 'A' && text[i] <= 'Z' ? static_cast<char>(text[i] + 32) : text[i];
      }
    }
    return out;
  };
  const std::string wanted = folded(name);
  for (const BodyKey& key : keys_of(route)) {
    for (const std::string_view each : {key.name, key.twin}) {
      if (!each.empty() && each != name && folded(each) == wanted) return each;
    }
  }
  return {};
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
