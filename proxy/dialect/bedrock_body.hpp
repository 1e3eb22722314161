// The bodies that Bedrock's models answer with, walked over by the names of their members:
// Converse, Nova, Llama, Titan (text, embeddings, images), Mistral, Cohere, AI21, DeepSeek
// and Stability; whole, or as the events of a stream. What a stream says later counts over
// what it said before.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "proxy/dialect/bedrock_usage.hpp"
#include "proxy/dialect/usage_reader.hpp"

namespace farebox {

struct BedrockBody {
  // Whose reader a body is for besides this one.
  enum class Shape : std::uint8_t { own, anthropic, openai };

  // Reads the object at the cursor: a whole body, or the event of a model's own stream.
  void read(JsonCursor& cursor, Shape& shape);
  // Reads the payload of a frame of ConverseStream; Nova sends the same, each event as the
  // one member of an object. Unknown events are passed over.
  void read_event(std::string_view type, JsonCursor& cursor);

  Reading reading;             // its tool calls and octets of text only
  BedrockUsage usage;          // of the body
  BedrockUsage metrics;        // of amazon-bedrock-invocationMetrics
  std::string finish_reason;
  std::string service_tier;
  std::string speed;           // "optimized": latency-optimized inference has its own price
  std::string error_code;
  std::uint64_t images = 0;
  bool last_event = false;     // what only a stream's last event has was seen
  bool embeds = false;         // embeddings: there is no output
  bool error = false;

 private:
  void read_member(std::string_view key, JsonCursor& cursor, Shape& shape);
  void read_family_member(std::string_view key, JsonCursor& cursor);
  void read_alternatives(JsonCursor& cursor, Shape& shape);
  void read_titan_results(JsonCursor& cursor);
  void read_message(JsonCursor& cursor);
  void read_block(JsonCursor& cursor);
  void read_tool_use(JsonCursor& cursor);
  void read_usage(JsonCursor& cursor);
  void add_text(JsonCursor& cursor);

  bool read_terms(std::string_view key, JsonCursor& cursor);

  bool guarded_ = false;         // a guardrail put its own text in the model's place
  bool foreign_usage_ = false;   // an object named usage that isn't Bedrock's own
  bool said_titan_ = false;
  bool titan_event_ = false;     // as Titan streams, not as it answers whole
  std::optional<Tokens> titan_input_, titan_output_;
};

}  // namespace farebox
