// Errors of our own in the shape that each family's SDK understands (conventions section
// 5), as a body and as an event inside a stream that has begun.
#pragma once

#include <string>

#include "proxy/dialect/dialect.hpp"

namespace farebox {

ErrorShape openai_error(const Refusal& refusal);
ErrorShape anthropic_error(const Refusal& refusal);
ErrorShape gemini_error(const Refusal& refusal);
ErrorShape mistral_error(const Refusal& refusal);
ErrorShape cohere_error(const Refusal& refusal);
ErrorShape ollama_error(const Refusal& refusal);
ErrorShape bedrock_error(const Refusal& refusal);

std::string openai_stream_error(const Refusal& refusal);
std::string anthropic_stream_error(const Refusal& refusal);
std::string gemini_stream_error(const Refusal& refusal);
std::string mistral_stream_error(const Refusal& refusal);

}  // namespace farebox
