// DialectName: the API families that farebox knows by itself.
#pragma once

#include <cstdint>
#include <string_view>

namespace farebox {

// Which API family a provider speaks. Every provider that is not one of the
// named ones is `openai`, with its quirks recognised.
enum class DialectName : std::uint8_t {
  openai, anthropic, gemini, azure, mistral, cohere, bedrock, ollama,
};
std::string_view name_of(DialectName name);

}  // namespace farebox
