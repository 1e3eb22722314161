#include "proxy/dialect/chat_choices.hpp"

#include <string_view>

namespace farebox {

// Adds the text of a string, or in Mistral's and others' arrays of text parts.
void add_text(JsonCursor& cursor, Reading& reading) {
  switch (cursor.kind()) {
    case JsonCursor::Kind::string:
      if (const auto text = cursor.string()) reading.add_output(*text);
      break;
    case JsonCursor::Kind::array:
      cursor.each_element([&] {
        cursor.each_member([&](std::string_view key) {
          if (key == "text") {
            if (const auto text = cursor.string()) reading.add_output(*text);
          } else if (key == "thinking") {  // Mistral: text parts inside
            add_text(cursor, reading);
          }
        });
      });
      break;
    default: break;
  }
}

void ChatChoices::read(JsonCursor& cursor) {
  std::uint64_t index = 0;
  JsonString finish;
  cursor.each_member([&](std::string_view key) {
    if (key == "index") {
      index = cursor.count().value_or(0);
      several_ = several_ || index > 0;
    } else if (key == "delta" || key == "message") {
      read_delta(cursor, index);
    } else if (key == "text") {
      add_text(cursor, reading_);
    } else if (key == "finish_reason") {
      if (const auto reason = cursor.string()) finish = *reason;
    } else if (key == "usage") {  // Moonshot
      if (cursor.kind() == JsonCursor::Kind::object) usage_ = OpenAiUsage::read(cursor);
    }
  });
  if (!finish.raw.empty() && (index == 0 || reading_.finish_reason.empty())) {
    reading_.finish_reason = finish.decoded();
  }
}

void ChatChoices::read_delta(JsonCursor& cursor, std::uint64_t choice) {
  cursor.each_member([&](std::string_view key) {
    if (key == "content" || key == "reasoning_content" || key == "reasoning" ||
        key == "refusal") {
      add_text(cursor, reading_);
    } else if (key == "tool_calls") {
      read_tool_calls(cursor, choice);
    } else if (key == "function_call") {
      // The old API has one call at most, and its fragments have no index. Snowflake sends
      // an empty one where there is none.
      const std::uint64_t before = reading_.output_bytes;
      cursor.each_member([&](std::string_view inner) {
        if (inner == "arguments" || inner == "name") add_text(cursor, reading_);
      });
      if (reading_.output_bytes != before) reading_.tool_calls += tool_calls_.add({choice, ~0ull, {}});
    } else if (key == "audio") {
      cursor.each_member([&](std::string_view inner) {
        if (inner == "transcript") add_text(cursor, reading_);
      });
    }
  });
}

void ChatChoices::read_tool_calls(JsonCursor& cursor, std::uint64_t choice) {
  std::uint64_t position = 0;
  cursor.each_element([&] {
    ToolCallCounter::Fragment fragment{choice, position++, {}};
    cursor.each_member([&](std::string_view key) {
      if (key == "index") {
        fragment.index = cursor.count().value_or(fragment.index);
      } else if (key == "id") {
        if (const auto id = cursor.string()) fragment.id = id->raw;
      } else if (key == "function" || key == "custom") {
        cursor.each_member([&](std::string_view inner) {
          if (inner == "arguments" || inner == "name" || inner == "input") {
            add_text(cursor, reading_);
          }
        });
      }
    });
    reading_.tool_calls += tool_calls_.add(fragment);
  });
}

}  // namespace farebox
