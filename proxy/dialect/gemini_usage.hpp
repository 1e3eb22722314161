// Gemini's usageMetadata (python-genai: types.py, GenerateContentResponseUsageMetadata) and
// the usage object of its Interactions API.
#pragma once

#include <optional>
#include <string>

#include "policy/usage.hpp"
#include "proxy/dialect/json_cursor.hpp"

namespace farebox {

// As sent. Counts of zero are left out on the wire (proto3), so what is absent is 0 as
// soon as anything is said at all.
struct GeminiUsage {
  std::optional<Tokens> prompt;      // cached content included, tool use not
  std::optional<Tokens> candidates;  // thinking not included
  std::optional<Tokens> thoughts, tool_use, cached, total;
  Tokens audio_input = 0, image_input = 0, audio_output = 0, image_output = 0;
  std::string service_tier;          // `serviceTier`, or Vertex's `trafficType`
  bool unusable = false;             // a count was said, but is none: negative, fractional ...
  bool part_unusable = false;        // the same of one that is part of another

  static GeminiUsage read(JsonCursor& cursor);
  static GeminiUsage read_interaction(JsonCursor& cursor);

  // Vertex sends {"trafficType": ...} alone in early chunks: that is no usage.
  bool says_anything() const {
    return !unusable && (prompt || candidates || thoughts || tool_use);
  }

  void put_into(Usage& usage) const;

 private:
  std::optional<Tokens> take(JsonCursor& cursor);
};

}  // namespace farebox
