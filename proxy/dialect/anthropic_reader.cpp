// Replies of Anthropic's Messages API, whole and streamed, and of the legacy Text
// Completions API (docs.claude.com/en/api/messages-streaming).
#include "proxy/dialect/anthropic_usage.hpp"
#include "proxy/dialect/framed_reader.hpp"
#include "proxy/dialect/readers.hpp"

namespace farebox {
namespace {

class AnthropicReader final : public FramedReader {
 private:
  bool on_message(std::string_view event, std::string_view json) override;
  void conclude() override;

  void read_object(JsonCursor& cursor, JsonString& type);
  void read_delta(JsonCursor& cursor);
  void read_block(JsonCursor& cursor);
  void read_error(JsonCursor& cursor);
  void add_text(JsonCursor& cursor);
  void assign_stop_reason(JsonCursor& cursor);

  AnthropicUsage usage_;
  bool output_told_ = true;  // by the last event that says anything of usage
};

bool AnthropicReader::on_message(std::string_view, std::string_view json) {
  JsonCursor cursor(json);
  JsonString type;
  read_object(cursor, type);
  if (!cursor.at_end()) return false;
  // Unknown types of event must be ignored, and are.
  if (type.raw == "message_stop") reading_.finished = true;
  // The legacy API has no closing event: its last one has a stop reason.
  if (type.raw == "completion" && !reading_.finish_reason.empty()) reading_.finished = true;
  return true;
}

// A whole Message, an event, or the Message inside message_start: their members have the
// same names where they mean the same.
void AnthropicReader::read_object(JsonCursor& cursor, JsonString& type) {
  cursor.each_member([&](std::string_view key) {
    if (key == "type") {
      if (const auto text = cursor.string()) type = *text;
    } else if (key == "delta") {
      read_delta(cursor);
    } else if (key == "usage") {
      AnthropicUsage merged = usage_;
      merged.output.reset();
      merged.merge(cursor);
      output_told_ = merged.output.has_value();
      if (!output_told_) merged.output = usage_.output;
      // A stream that was cut inside the object would give a number's first digits.
      if (!cursor.failed()) usage_ = std::move(merged);
    } else if (key == "content_block") {
      read_block(cursor);
    } else if (key == "content") {
      if (cursor.kind() == JsonCursor::Kind::array) {
        cursor.each_element([&] { read_block(cursor); });
      }
    } else if (key == "message") {
      JsonString inner_type;
      if (cursor.kind() == JsonCursor::Kind::object) read_object(cursor, inner_type);
    } else if (key == "model") {
      const auto model = cursor.string();
      if (model && reading_.model.empty()) reading_.model = model->decoded();
    } else if (key == "stop_reason") {
      assign_stop_reason(cursor);
    } else if (key == "completion") {
      add_text(cursor);
    } else if (key == "error") {
      read_error(cursor);
    }
  });
}

// Of content_block_delta (text_delta, thinking_delta, input_json_delta) or message_delta.
void AnthropicReader::read_delta(JsonCursor& cursor) {
  cursor.each_member([&](std::string_view key) {
    if (key == "text" || key == "thinking" || key == "partial_json") {
      add_text(cursor);
    } else if (key == "stop_reason") {
      assign_stop_reason(cursor);
    }
  });
}

// `tool_use` blocks are for the client; `server_tool_use` and `mcp_tool_use` are not.
void AnthropicReader::read_block(JsonCursor& cursor) {
  cursor.each_member([&](std::string_view key) {
    if (key == "type") {
      const auto type = cursor.string();
      if (type && type->raw == "tool_use") ++reading_.tool_calls;
    } else if (key == "text" || key == "thinking") {
      add_text(cursor);
    }
  });
}

void AnthropicReader::read_error(JsonCursor& cursor) {
  cursor.each_member([&](std::string_view key) {
    reading_.error = true;
    if (key != "type") return;
    if (const auto type = cursor.string()) reading_.error_code = type->decoded();
  });
}

void AnthropicReader::add_text(JsonCursor& cursor) {
  if (const auto text = cursor.string()) reading_.add_output(*text);
}

void AnthropicReader::assign_stop_reason(JsonCursor& cursor) {
  const auto reason = cursor.string();
  if (reason && !reason->raw.empty()) reading_.finish_reason = reason->decoded();
}

void AnthropicReader::conclude() {
  usage_.put_into(reading_.usage);
  // The first event counts a few tokens; all of them stand in the last. Without that nobody knows.
  if (reading_.stream && reading_.finished && !output_told_) {
    reading_.usage = Usage();
  }
  if (!usage_.serving_model.empty()) reading_.model = usage_.serving_model;
}

}  // namespace

std::unique_ptr<UsageReader> anthropic_reader() {
  return std::make_unique<AnthropicReader>();
}

}  // namespace farebox
