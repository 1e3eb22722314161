// The usage object of OpenAI's APIs (openai-openapi: CompletionUsage, ResponseUsage,
// ImageGenUsage, TranscriptTextUsageTokens and -Duration), in all of its spellings.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "policy/usage.hpp"
#include "proxy/dialect/json_cursor.hpp"

namespace farebox {

// As sent; nothing means the provider did not say, or said something unusable.
struct OpenAiUsage {
  std::optional<Tokens> input, output, total;
  std::optional<Tokens> cached, cache_write, audio_input, image_input;
  std::optional<Tokens> reasoning, audio_output, image_output;
  std::optional<std::uint64_t> microseconds;
  std::string service_tier;  // Mistral's place for it

  // Reads the object at the cursor; null and other kinds leave everything unsaid.
  static OpenAiUsage read(JsonCursor& cursor);

  struct Reckoning {
    bool has_output = true;                // false: embeddings
    bool total_has_hidden_output = false;  // the total knows of output that `output` leaves out
  };

  // The counts as farebox means them; false when one side of the tokens is missing.
  bool put_into(Usage& usage, Reckoning reckoning) const;

  // An object named `usage` without counts must not overwrite one with counts.
  bool says_anything() const { return input || output || total || microseconds; }
};

// "2", "36.71" -> microseconds, rounded to the nearest; nothing unless it is a plain
// decimal from 0 to 2^53 microseconds.
std::optional<std::uint64_t> microseconds_of(std::string_view seconds);

}  // namespace farebox
