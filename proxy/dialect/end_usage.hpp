// Usage as each dialect writes it into the end of a stream: the objects that its own usage
// reader understands as the counts they came from.
#pragma once

#include "config/base/json_writer.hpp"
#include "policy/usage.hpp"

namespace farebox {

void write_openai_usage(JsonWriter& json, const Usage& usage);     // chat and text completions
void write_responses_usage(JsonWriter& json, const Usage& usage);
void write_anthropic_usage(JsonWriter& json, const Usage& usage);
void write_gemini_usage(JsonWriter& json, const Usage& usage);
void write_cohere_usage(JsonWriter& json, const Usage& usage);     // its members, not the object
void write_converse_usage(JsonWriter& json, const Usage& usage);

}  // namespace farebox
