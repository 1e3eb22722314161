// The usage object of OpenAI's APIs (openai-openapi: CompletionUsage, ResponseUsage,
// ImageGenUsage, TranscriptTextUsageTokens and -Duration), in all of its spellings, with
// what the many servers that speak them add: Mistral, Groq, DeepSeek, OpenRouter, xAI,
// Perplexity, Databricks, the Vercel gateway, Writer, LM Studio ...
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "policy/usage.hpp"
#include "proxy/dialect/json_cursor.hpp"
#include "proxy/dialect/server_tools.hpp"

namespace farebox {

// As sent; nothing means the provider did not say, or said something unusable (negative,
// fractional, above 2^53, no number). Of a key that comes twice the last one counts, as
// JSON parsers have it; where the last one is unusable, nothing was said.
struct OpenAiUsage {
  std::optional<Tokens> input, output, total;
  std::optional<Tokens> cached, cache_write, audio_input, image_input;
  std::optional<Tokens> reasoning, audio_output, image_output;
  std::optional<Tokens> connector;       // Mistral: what tools put into the prompt; not in `input`
  std::optional<Tokens> reasoning_apart;  // Perplexity: not in `output`
  std::optional<Tokens> citation;
  std::optional<std::uint64_t> queries;
  std::optional<std::uint64_t> microseconds;
  std::optional<Money> cost;
  bool unusable = false;     // a part was said, but is no count
  std::string service_tier;  // Mistral's place for it
  std::string search_context;
  ServerTools tools;
  bool cache_apart = false;     // the cache's counts are spelled as Anthropic spells them
  bool anthropic_names = false;  // and so is the input
  bool from_vercel = false;      // `market_cost` is said by the Vercel gateway alone

  // Reads the object at the cursor; null and other kinds leave everything unsaid.
  static OpenAiUsage read(JsonCursor& cursor);

  struct Reckoning {
    bool has_output = true;                // false: embeddings, reranking
    bool total_has_hidden_output = false;  // the total knows of output that `output` leaves out
    bool total_has_hidden_input = false;   // and of input (Mistral's transcriptions: the audio)
    bool is_gemini = false;                // as far as the model's name tells
  };

  // The counts as farebox means them; false when one side of the tokens is missing.
  bool put_into(Usage& usage, Reckoning reckoning) const;

  // An object named `usage` without counts must not overwrite one with counts.
  bool says_anything() const { return input || output || total || microseconds; }

 private:
  void read_rare(std::string_view key, JsonCursor& cursor);
};

// "2", "36.71" -> microseconds, rounded to the nearest; nothing unless it is a plain
// decimal from 0 to 2^53 microseconds.
std::optional<std::uint64_t> microseconds_of(std::string_view seconds);

}  // namespace farebox
