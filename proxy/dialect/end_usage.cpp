#include "proxy/dialect/end_usage.hpp"

#include <algorithm>

namespace farebox {
namespace {

// What is left of `whole` without its parts.
Tokens rest(Tokens whole, Tokens part, Tokens other = 0) {
  const Tokens first = whole - std::min(whole, part);
  return first - std::min(first, other);
}

}  // namespace

void write_openai_usage(JsonWriter& json, const Usage& usage) {
  json.begin_object()
      .key("prompt_tokens").number(usage.input)
      .key("completion_tokens").number(usage.output)
      .key("total_tokens").number(usage.input + usage.output)
      .key("prompt_tokens_details").begin_object()
      .key("cached_tokens").number(usage.cached_input).end_object()
      .key("completion_tokens_details").begin_object()
      .key("reasoning_tokens").number(usage.reasoning).end_object()
      .end_object();
}

void write_responses_usage(JsonWriter& json, const Usage& usage) {
  json.begin_object()
      .key("input_tokens").number(usage.input)
      .key("input_tokens_details").begin_object()
      .key("cached_tokens").number(usage.cached_input).end_object()
      .key("output_tokens").number(usage.output)
      .key("output_tokens_details").begin_object()
      .key("reasoning_tokens").number(usage.reasoning).end_object()
      .key("total_tokens").number(usage.input + usage.output)
      .end_object();
}

// Its input_tokens are what was neither read from the cache nor written to it.
void write_anthropic_usage(JsonWriter& json, const Usage& usage) {
  json.begin_object()
      .key("input_tokens").number(rest(usage.input, usage.cached_input, usage.cache_write))
      .key("cache_creation_input_tokens").number(usage.cache_write)
      .key("cache_read_input_tokens").number(usage.cached_input)
      .key("output_tokens").number(usage.output)
      .end_object();
}

// Thinking is not among the candidates' tokens, nor what tools brought among the prompt's.
void write_gemini_usage(JsonWriter& json, const Usage& usage) {
  json.begin_object()
      .key("promptTokenCount").number(rest(usage.input, usage.tool_use_input))
      .key("candidatesTokenCount").number(rest(usage.output, usage.reasoning));
  if (usage.reasoning != 0) json.key("thoughtsTokenCount").number(usage.reasoning);
  if (usage.cached_input != 0) json.key("cachedContentTokenCount").number(usage.cached_input);
  if (usage.tool_use_input != 0) json.key("toolUsePromptTokenCount").number(usage.tool_use_input);
  json.key("totalTokenCount").number(usage.input + usage.output).end_object();
}

void write_cohere_usage(JsonWriter& json, const Usage& usage) {
  for (const char* name : {"billed_units", "tokens"}) {
    json.key(name).begin_object()
        .key("input_tokens").number(usage.input)
        .key("output_tokens").number(usage.output).end_object();
  }
}

void write_converse_usage(JsonWriter& json, const Usage& usage) {
  json.begin_object()
      .key("inputTokens").number(rest(usage.input, usage.cached_input, usage.cache_write))
      .key("outputTokens").number(usage.output)
      .key("totalTokens").number(usage.input + usage.output)
      .key("cacheReadInputTokens").number(usage.cached_input)
      .key("cacheWriteInputTokens").number(usage.cache_write)
      .end_object();
}

}  // namespace farebox
