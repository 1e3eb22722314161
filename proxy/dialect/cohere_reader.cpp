// Replies of Cohere's API, v1 (docs.cohere.com/v1: streams are lines of JSON, usage in
// `meta`) and v2 (events, usage in `usage` of message-end): chat, generate, embed, rerank,
// classify.
#include <algorithm>
#include <string>

#include "proxy/dialect/cohere_usage.hpp"
#include "proxy/dialect/error_member.hpp"
#include "proxy/dialect/framed_reader.hpp"
#include "proxy/dialect/readers.hpp"

namespace farebox {
namespace {

using Kind = JsonCursor::Kind;

class CohereReader final : public FramedReader {
 private:
  struct Message;  // what one JSON object said

  bool on_message(std::string_view event, std::string_view json) override;
  bool may_end() const override { return !lines_ || ended_ || reading_.error; }
  void conclude() override;

  void read_object(JsonCursor& cursor, Message& message);
  void read_delta(JsonCursor& cursor, Message& message);
  void read_content(JsonCursor& cursor);
  void read_usage(JsonCursor& cursor);
  void assign(JsonCursor& cursor, std::string& to);

  CohereUsage usage_;
  std::uint64_t listed_calls_ = 0;   // in a whole message
  std::uint64_t started_calls_ = 0;  // tool-call-start events of v2
  bool lines_ = false;               // a stream of v1
  bool ended_ = false;               // v1's last line, v2's last event
};

struct CohereReader::Message {
  JsonString type;          // v2 `type`, v1 `event_type`
  bool is_line = false;
  std::string error_code;
  std::uint64_t calls = 0;
  bool has_text_message = false;  // an error: {"id", "message": "text"}
  bool has_answer = false;
};

bool CohereReader::on_message(std::string_view, std::string_view json) {
  JsonCursor cursor(json);
  Message message;
  read_object(cursor, message);
  if (!cursor.at_end()) return false;
  const std::string_view type = message.type.raw;
  lines_ = lines_ || message.is_line;
  if (type == "tool-call-start") ++started_calls_;
  if (type == "message-end" || type == "stream-end") ended_ = true;
  listed_calls_ = std::max(listed_calls_, message.calls);
  if (message.has_text_message && !message.has_answer) {
    reading_.error = true;
    reading_.error_code = message.error_code;
  }
  return true;
}

// A whole reply, an event of v2, or a line of v1, which holds a whole reply under
// `response` when it is the last.
void CohereReader::read_object(JsonCursor& cursor, Message& message) {
  cursor.each_member([&](std::string_view key) {
    if (key == "type" || key == "event_type") {
      message.is_line = message.is_line || key == "event_type";
      if (const auto type = cursor.string()) message.type = *type;
    } else if (key == "delta") {
      read_delta(cursor, message);
    } else if (key == "message") {
      if (cursor.kind() == Kind::object) {
        message.has_answer = true;
        read_delta(cursor, message);
      } else {
        message.has_text_message = cursor.string().has_value();
      }
    } else if (key == "text") {  // v1; the last line repeats what the lines before said
      message.has_answer = true;
      const auto text = cursor.string();
      if (text && !ended_) reading_.add_output(*text);
    } else if (key == "response") {
      if (cursor.kind() != Kind::object) return;
      const std::uint64_t before = reading_.output_bytes;
      const std::size_t text_before = reading_.output_text.size();
      read_object(cursor, message);
      reading_.output_bytes = std::max(before, reading_.output_bytes - before);
      if (text_before > 0) reading_.output_text.resize(text_before);
    } else if (key == "generations") {
      message.has_answer = true;
      cursor.each_element([&] {
        cursor.each_member([&](std::string_view inner) {
          if (inner == "finish_reason") assign(cursor, reading_.finish_reason);
        });
      });
    } else if (key == "finish_reason") {
      assign(cursor, reading_.finish_reason);
    } else if (key == "usage" || key == "meta") {
      read_usage(cursor);
    } else if (key == "tool_calls") {
      cursor.each_element([&] { ++message.calls; });
    } else if (key == "model") {
      if (reading_.model.empty()) assign(cursor, reading_.model);
    } else if (key == "error_type") {
      assign(cursor, message.error_code);
    } else if (key == "error") {
      read_error_member(cursor, reading_);
    }
  });
}

// v2: `delta` of an event, or `message` of a whole reply or inside a delta.
void CohereReader::read_delta(JsonCursor& cursor, Message& message) {
  cursor.each_member([&](std::string_view key) {
    if (key == "message") {
      if (cursor.kind() == Kind::object) read_delta(cursor, message);
    } else if (key == "content") {
      read_content(cursor);
    } else if (key == "tool_plan") {
      if (const auto plan = cursor.string()) reading_.add_output(*plan);
    } else if (key == "tool_calls") {
      if (cursor.kind() == Kind::array) {
        cursor.each_element([&] { ++message.calls; });
      } else {  // a fragment of one
        cursor.each_member([&](std::string_view inner) {
          if (inner != "function") return;
          cursor.each_member([&](std::string_view part) {
            if (part != "arguments" && part != "name") return;
            if (const auto text = cursor.string()) reading_.add_output(*text);
          });
        });
      }
    } else if (key == "usage") {
      read_usage(cursor);
    } else if (key == "finish_reason") {
      assign(cursor, reading_.finish_reason);
    } else if (key == "error") {
      read_error_member(cursor, reading_);
    }
  });
}

// One part of a content, or a list of them.
void CohereReader::read_content(JsonCursor& cursor) {
  if (cursor.kind() == Kind::array) {
    cursor.each_element([&] { read_content(cursor); });
    return;
  }
  if (cursor.kind() != Kind::object) return;
  cursor.each_member([&](std::string_view key) {
    if (key != "text" && key != "thinking") return;
    if (const auto text = cursor.string()) reading_.add_output(*text);
  });
}

void CohereReader::read_usage(JsonCursor& cursor) {
  CohereUsage usage = CohereUsage::read(cursor);
  // A stream that was cut inside the object would give a number's first digits.
  if (usage.says_anything() && !cursor.failed()) usage_ = usage;
}

void CohereReader::assign(JsonCursor& cursor, std::string& to) {
  const auto text = cursor.string();
  if (text && !text->raw.empty()) to = text->decoded();
}

void CohereReader::conclude() {
  // v1's lines may end only with stream-end, v2's events with message-end and [DONE].
  if (lines_) {
    reading_.stream = true;
    reading_.finished = reading_.finished && (ended_ || reading_.error);
  } else if (reading_.stream) {
    reading_.finished = reading_.finished || ended_;
  }
  reading_.tool_calls = std::max(listed_calls_, started_calls_);
  // v2: an answer that failed on the way ends with this word and with usage.
  if (reading_.finish_reason == "ERROR" || reading_.finish_reason == "ERROR_TOXIC") {
    reading_.error = true;
    if (reading_.error_code.empty()) reading_.error_code = reading_.finish_reason;
  }
  if (usage_.says_anything()) usage_.put_into(reading_.usage);
}

}  // namespace

std::unique_ptr<UsageReader> cohere_reader() { return std::make_unique<CohereReader>(); }

}  // namespace farebox
