// MaxSpelling: how an endpoint wants to be told the most tokens of an answer.
#pragma once

#include <array>
#include <cstdint>
#include <limits>
#include <string_view>

#include "config/settings.hpp"
#include "proxy/dialect/dialect.hpp"

namespace farebox {

// The objects inside a body that hold maxima.
enum class MaxHome : std::uint8_t {
  top,
  generation_config,       // Gemini; snake_case in interactions
  inference_config,        // Bedrock
  text_generation_config,  // Bedrock, Titan
  options,                 // Ollama
  parameters,              // watsonx, Text Generation Inference, Vertex
  completion_args,         // Mistral's conversations
  model_fields,            // Bedrock: additionalModelRequestFields
};
inline constexpr std::size_t kMaxHomes = 8;

struct MaxSpelling {
  static constexpr std::uint64_t kNoDefault = std::numeric_limits<std::uint64_t>::max();

  MaxHome home = MaxHome::top;
  std::array<std::string_view, 2> keys;  // that the endpoint obeys; the first one is what is put in
  std::string_view home_key = {};        // where the home has to be put in; empty: top
  std::uint64_t least = 1;               // that the API accepts
  // What the API makes where nothing is said; more than it must not be put in.
  std::uint64_t unsaid = kNoDefault;
  bool put_in = true;                    // false: it can only be lowered where it is
  std::string_view why = {};             // no keys, or put_in false: why

  bool none() const { return keys[0].empty(); }
  bool obeys(std::string_view key) const {
    return !key.empty() && (key == keys[0] || key == keys[1]);
  }
};

// Which members the top level of a body has, where that tells APIs of one path apart.
struct BodyMarks {
  bool contents = false;  // Gemini
  bool prompt = false;    // llama.cpp, Anthropic's text completions
  bool agent = false;     // an agent's own settings count
};

MaxSpelling max_spelling(const Route& route, DialectName dialect, std::string_view model,
                         const BodyMarks& has);

}  // namespace farebox
