// ChatChoices: the `choices` of OpenAI's chat and completion replies (openai-openapi:
// CreateChatCompletionResponse, CreateChatCompletionStreamResponse), whole or in chunks.
#pragma once

#include <cstdint>
#include <optional>
#include <utility>

#include "proxy/dialect/json_cursor.hpp"
#include "proxy/dialect/openai_usage.hpp"
#include "proxy/dialect/tool_call_counter.hpp"
#include "proxy/dialect/usage_reader.hpp"

namespace farebox {

class ChatChoices {
 public:
  // What it finds goes into `reading`, which must outlive it.
  explicit ChatChoices(Reading& reading) : reading_(reading) {}

  // The choice at the cursor.
  void read(JsonCursor& cursor);

  // Moonshot puts the usage inside of the choice.
  bool has_usage() const { return usage_.has_value(); }
  std::optional<OpenAiUsage> take_usage() { return std::exchange(usage_, std::nullopt); }

  // More than one answer was asked for: a finish reason is not the end of all.
  bool several() const { return several_; }

 private:
  void read_delta(JsonCursor& cursor, std::uint64_t choice);
  void read_tool_calls(JsonCursor& cursor, std::uint64_t choice);

  Reading& reading_;
  ToolCallCounter tool_calls_;
  std::optional<OpenAiUsage> usage_;
  bool several_ = false;
};

// Adds the text of a string, or of Mistral's and others' arrays of text parts.
void add_text(JsonCursor& cursor, Reading& reading);

}  // namespace farebox
