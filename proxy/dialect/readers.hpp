// The usage readers of the families, and the choice among them by endpoint.
#pragma once

#include <memory>

#include "proxy/dialect/dialect.hpp"

namespace farebox {

// How a provider departs from the family's own way of counting.
struct ReaderQuirks {
  // completion_tokens leaves thinking out, total_tokens has it (Gemini's OpenAI endpoint).
  bool total_has_hidden_output = false;
};

std::unique_ptr<UsageReader> openai_reader(Endpoint endpoint, ReaderQuirks quirks);
std::unique_ptr<UsageReader> anthropic_reader();
std::unique_ptr<UsageReader> gemini_reader();
std::unique_ptr<UsageReader> predict_reader();       // Vertex AI's :predict
std::unique_ptr<UsageReader> cohere_reader();
std::unique_ptr<UsageReader> ollama_reader(Endpoint endpoint);
std::unique_ptr<UsageReader> conversation_reader();  // Mistral
std::unique_ptr<UsageReader> generation_reader();    // watsonx, llama.cpp, Replicate ...
std::unique_ptr<UsageReader> bedrock_reader();

// The endpoint says which family a path speaks, whatever its provider's dialect is. For an
// endpoint that isn't metered it finds no usage: polling repeats the usage of an earlier
// call, which must not be counted again. Never null.
std::unique_ptr<UsageReader> reader_for(Endpoint endpoint, ReaderQuirks quirks = {});

// The same for a path of a provider that speaks `own`; some endpoints have a reader for each
// family that has them (chat, generate, embed, rerank).
std::unique_ptr<UsageReader> reader_for(const Route& route, DialectName own,
                                        ReaderQuirks quirks = {});

}  // namespace farebox
