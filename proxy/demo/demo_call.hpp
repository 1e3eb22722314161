// DemoCall: what the pretend provider understands of a request. Plain values.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "proxy/dialect/dialect.hpp"

namespace farebox {

// A request as it arrived.
struct DemoRequest {
  std::string method, target, content_type, body;
  bool speaks_anthropic = false;  // it has anthropic-version
};

struct DemoCall {
  DialectName dialect = DialectName::openai;
  Endpoint endpoint = Endpoint::unknown;
  std::string model;
  bool models = false;      // asks for the list of models
  bool readable = false;    // its body is a JSON object
  bool stream = false;
  bool event_stream = true; // Gemini without alt=sse: the stream is a JSON array
  bool asks_usage = false;  // OpenAI: the stream ends with a usage chunk
  bool base64 = false;      // embeddings: encoding_format
  std::uint64_t input_tokens = 0;
  std::uint64_t max_output_tokens = 0;  // 0: not said
  std::uint64_t inputs = 1;             // embeddings: so many vectors
  std::uint64_t dimensions = 0;         // 0: not said
  std::uint64_t number = 0;             // of this call, for ids
};

DemoCall understand(const DemoRequest& request);

// The pretend tokenizer: four tokens for three words, rounded up.
constexpr std::uint64_t tokens_of_words(std::uint64_t words) { return (words * 4 + 2) / 3; }

}  // namespace farebox
