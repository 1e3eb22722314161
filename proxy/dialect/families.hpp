// The dialects there are, one per file; `dialect_for` is the way to them.
#pragma once

#include "proxy/dialect/dialect.hpp"

namespace farebox {

const Dialect& openai_dialect();
const Dialect& anthropic_dialect();
const Dialect& gemini_dialect();
const Dialect& azure_dialect();
const Dialect& mistral_dialect();
const Dialect& cohere_dialect();
const Dialect& ollama_dialect();
const Dialect& bedrock_dialect();

}  // namespace farebox
