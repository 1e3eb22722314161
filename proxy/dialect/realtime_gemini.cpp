// The messages of Gemini's Live API that tell what a session uses (python-genai types.py:
// LiveServerMessage, LiveServerContent, UsageMetadata), on AI Studio and on Vertex AI.
//
// A turn is the billable unit. Its usage comes with the message that completes it, or
// before, then cumulative: the last one counts. Where it comes behind the end, the turn
// waits for it until the next one begins.
#include <utility>

#include "proxy/dialect/gemini_usage.hpp"
#include "proxy/dialect/realtime_reader.hpp"

namespace farebox {
namespace {

using Kind = JsonCursor::Kind;

bool is(std::string_view key, std::string_view camel, std::string_view snake) {
  return key == camel || key == snake;
}

}  // namespace

void RealtimeReader::end_turn() {
  turn_.reading.finished = turn_complete_;
  emit(std::exchange(turn_, RealtimeUnit()));
  turn_has_content_ = turn_complete_ = false;
}

void RealtimeReader::take_gemini(Direction direction, JsonCursor cursor) {
  if (direction == Direction::sent) {
    cursor.each_member([&](std::string_view key) {
      if (key != "setup") return;
      cursor.each_member([&](std::string_view inner) {
        if (inner != "model") return;
        const auto model = cursor.string();
        if (model && !model->raw.empty()) model_ = model->decoded();
      });
    });
    return;
  }
  // The usage may stand before or behind the content it belongs to.
  GeminiUsage said;
  cursor.each_member([&](std::string_view key) {
    if (is(key, "serverContent", "server_content")) {
      read_server_content(cursor);
    } else if (is(key, "toolCall", "tool_call")) {
      if (turn_complete_) end_turn();
      turn_has_content_ = true;
      cursor.each_member([&](std::string_view inner) {
        if (!is(inner, "functionCalls", "function_calls") || cursor.kind() != Kind::array) return;
        cursor.each_element([&] { ++turn_.reading.tool_calls; });
      });
    } else if (is(key, "usageMetadata", "usage_metadata")) {
      if (cursor.kind() == Kind::object) said = GeminiUsage::read(cursor);
    } else if (key == "error") {
      turn_.reading.error = true;
      cursor.each_member([&](std::string_view inner) {
        if (inner != "status") return;
        if (const auto status = cursor.string()) last_error_ = status->decoded();
      });
    }
  });
  if (said.says_anything()) {
    Usage usage;
    said.put_into(usage);
    turn_.reading.usage = std::move(usage);
  }
  if (turn_complete_ && turn_.reading.usage.source != UsageSource::none) end_turn();
}

void RealtimeReader::read_server_content(JsonCursor& cursor) {
  cursor.each_member([&](std::string_view key) {
    const bool completes = is(key, "turnComplete", "turn_complete");
    const bool speaks = is(key, "modelTurn", "model_turn");
    const bool transcribes = is(key, "outputTranscription", "output_transcription");
    // Content of the next turn: the usage of the last one won't come any more.
    if ((speaks || transcribes) && turn_complete_) end_turn();
    if (completes) {
      turn_complete_ = cursor.boolean().value_or(false) || turn_complete_;
    } else if (transcribes) {
      turn_has_content_ = true;
      cursor.each_member([&](std::string_view inner) {
        if (inner != "text") return;
        if (const auto text = cursor.string()) turn_.reading.output_bytes += text->decoded_size();
      });
    } else if (speaks) {
      turn_has_content_ = true;
      cursor.each_member([&](std::string_view inner) {
        if (inner != "parts" || cursor.kind() != Kind::array) return;
        cursor.each_element([&] {
          cursor.each_member([&](std::string_view part) {
            if (part == "text") {
              if (const auto text = cursor.string()) {
                turn_.reading.output_bytes += text->decoded_size();
              }
            } else if (is(part, "inlineData", "inline_data")) {
              cursor.each_member([&](std::string_view data) {
                if (data != "data") return;
                if (const auto text = cursor.string()) {
                  turn_.audio_octets += text->raw.size() / 4 * 3;
                }
              });
            }
          });
        });
      });
    }
  });
}

}  // namespace farebox
