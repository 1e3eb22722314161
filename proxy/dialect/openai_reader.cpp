// Replies of OpenAI's APIs and of the many servers that speak them (openai-openapi,
// openapi.yaml): chat, completions, responses, embeddings, images, audio.
#include <algorithm>
#include <array>

#include "proxy/dialect/framed_reader.hpp"
#include "proxy/dialect/json_cursor.hpp"
#include "proxy/dialect/openai_usage.hpp"
#include "proxy/dialect/readers.hpp"
#include "proxy/dialect/tool_call_counter.hpp"

namespace farebox {
namespace {

// Events that end a stream which has no [DONE].
constexpr std::array<std::string_view, 7> kLastEvents = {
    "response.completed",        "response.incomplete",        "response.failed",
    "transcript.text.done",      "speech.audio.done",
    "image_generation.completed", "image_edit.completed",
};

bool ends_stream(std::string_view type) {
  for (const std::string_view last : kLastEvents) {
    if (type == last) return true;
  }
  return false;
}

class OpenAiReader final : public FramedReader {
 public:
  OpenAiReader(Endpoint endpoint, ReaderQuirks quirks) : endpoint_(endpoint), quirks_(quirks) {}

 private:
  struct Message;  // what one JSON object said beside what goes straight into reading_

  bool on_message(std::string_view event, std::string_view json) override;
  void conclude() override;

  void read_object(JsonCursor& cursor, Message& message);
  void read_choice(JsonCursor& cursor);
  void read_delta(JsonCursor& cursor, std::uint64_t choice);
  void read_tool_calls(JsonCursor& cursor, std::uint64_t choice);
  void read_output(JsonCursor& cursor);
  void read_usage(JsonCursor& cursor);
  void read_error(JsonCursor& cursor);
  void count_server_tool(std::string_view item_type);
  void settle_usage();

  Endpoint endpoint_;
  ReaderQuirks quirks_;
  OpenAiUsage usage_;
  ToolCallCounter tool_calls_;
  std::uint64_t web_searches_ = 0, file_searches_ = 0, code_runs_ = 0;
};

struct OpenAiReader::Message {
  JsonString type;
  JsonString code;            // xAI and Responses: beside the error, not inside
  JsonString item_type;       // of response.output_item.*
  bool item_is_search = true;  // false: a web search item that opened a page
};

// A call the client has to run; all other calls run at the provider.
bool is_client_call(std::string_view item_type) {
  return item_type == "function_call" || item_type == "custom_tool_call";
}

// Adds the octets of text in a string, or in Mistral's and others' arrays of text parts.
void add_text(JsonCursor& cursor, std::uint64_t& octets) {
  switch (cursor.kind()) {
    case JsonCursor::Kind::string:
      if (const auto text = cursor.string()) octets += text->decoded_size();
      break;
    case JsonCursor::Kind::array:
      cursor.each_element([&] {
        cursor.each_member([&](std::string_view key) {
          if (key != "text") return;
          if (const auto text = cursor.string()) octets += text->decoded_size();
        });
      });
      break;
    default: break;
  }
}

void assign_text(JsonCursor& cursor, std::string& to) {
  const auto text = cursor.string();
  if (!text || text->raw.empty()) return;
  if (text->escaped) {
    to = text->decoded();
  } else if (to != text->raw) {
    to.assign(text->raw);
  }
}

void assign_string(JsonCursor& cursor, JsonString& to) {
  if (const auto text = cursor.string()) to = *text;
}

bool OpenAiReader::on_message(std::string_view, std::string_view json) {
  JsonCursor cursor(json);
  Message message;
  read_object(cursor, message);
  if (!cursor.at_end()) return false;

  const std::string_view type = message.type.raw;
  if (!type.empty()) {
    if (ends_stream(type)) {
      reading_.finished = true;
      if (endpoint_ == Endpoint::images) ++reading_.usage.images;
    } else if (type == "error") {  // ResponseErrorEvent
      reading_.error = true;
    } else if (type == "response.output_item.done") {
      if (is_client_call(message.item_type.raw)) ++reading_.tool_calls;
    }
  }
  if (reading_.error && reading_.error_code.empty()) {
    reading_.error_code = message.code.decoded();
  }
  return true;
}

// A whole reply, a chunk, or (under `response`) the object of a Responses event: their
// members have the same names where they mean the same.
void OpenAiReader::read_object(JsonCursor& cursor, Message& message) {
  cursor.each_member([&](std::string_view key) {
    if (key == "choices") {
      cursor.each_element([&] { read_choice(cursor); });
    } else if (key == "usage") {
      read_usage(cursor);
    } else if (key == "model") {
      // Azure's first chunk has an empty name: the first one that says something counts.
      if (reading_.model.empty()) assign_text(cursor, reading_.model);
    } else if (key == "service_tier") {
      assign_text(cursor, reading_.usage.service_tier);
    } else if (key == "type") {
      assign_string(cursor, message.type);
    } else if (key == "delta" || key == "completion") {
      add_text(cursor, reading_.output_bytes);
    } else if (key == "response") {
      if (cursor.kind() == JsonCursor::Kind::object) read_object(cursor, message);
    } else if (key == "status") {
      if (endpoint_ == Endpoint::responses) assign_text(cursor, reading_.finish_reason);
    } else if (key == "output") {
      read_output(cursor);
    } else if (key == "item") {
      cursor.each_member([&](std::string_view inner) {
        if (inner == "type") assign_string(cursor, message.item_type);
      });
    } else if (key == "error") {
      read_error(cursor);
    } else if (key == "code") {
      assign_string(cursor, message.code);
    } else if (key == "data") {
      if (endpoint_ == Endpoint::images) {
        reading_.usage.images = 0;
        cursor.each_element([&] { ++reading_.usage.images; });
      }
    } else if (key == "x_groq") {  // Groq: usage in the last chunk, asked or not
      cursor.each_member([&](std::string_view inner) {
        if (inner == "usage") read_usage(cursor);
      });
    }
  });
}

void OpenAiReader::read_choice(JsonCursor& cursor) {
  std::uint64_t index = 0;
  JsonString finish;
  cursor.each_member([&](std::string_view key) {
    if (key == "index") {
      index = cursor.count().value_or(0);
    } else if (key == "delta" || key == "message") {
      read_delta(cursor, index);
    } else if (key == "text") {
      add_text(cursor, reading_.output_bytes);
    } else if (key == "finish_reason") {
      assign_string(cursor, finish);
    } else if (key == "usage") {  // Moonshot
      read_usage(cursor);
    }
  });
  if (!finish.raw.empty() && (index == 0 || reading_.finish_reason.empty())) {
    reading_.finish_reason = finish.decoded();
  }
}

void OpenAiReader::read_delta(JsonCursor& cursor, std::uint64_t choice) {
  cursor.each_member([&](std::string_view key) {
    if (key == "content" || key == "reasoning_content" || key == "reasoning" ||
        key == "refusal") {
      add_text(cursor, reading_.output_bytes);
    } else if (key == "tool_calls") {
      read_tool_calls(cursor, choice);
    } else if (key == "function_call") {
      const bool is_call = cursor.each_member([&](std::string_view inner) {
        if (inner == "arguments" || inner == "name") add_text(cursor, reading_.output_bytes);
      });
      // The old API has one call at most, and its fragments have no index.
      if (is_call) reading_.tool_calls += tool_calls_.add({choice, ~0ull, {}});
    } else if (key == "audio") {
      cursor.each_member([&](std::string_view inner) {
        if (inner == "transcript") add_text(cursor, reading_.output_bytes);
      });
    }
  });
}

void OpenAiReader::read_tool_calls(JsonCursor& cursor, std::uint64_t choice) {
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
            add_text(cursor, reading_.output_bytes);
          }
        });
      }
    });
    reading_.tool_calls += tool_calls_.add(fragment);
  });
}

void OpenAiReader::count_server_tool(std::string_view item_type) {
  if (item_type == "web_search_call") ++web_searches_;
  else if (item_type == "file_search_call") ++file_searches_;
  else if (item_type == "code_interpreter_call") ++code_runs_;
}

// The output items of a Responses object; the last one, in response.completed, has all.
void OpenAiReader::read_output(JsonCursor& cursor) {
  std::uint64_t calls = 0;
  web_searches_ = file_searches_ = code_runs_ = 0;
  cursor.each_element([&] {
    JsonString type, action;
    cursor.each_member([&](std::string_view key) {
      if (key == "type") {
        assign_string(cursor, type);
      } else if (key == "action") {
        cursor.each_member([&](std::string_view inner) {
          if (inner == "type") assign_string(cursor, action);
        });
      }
    });
    if (is_client_call(type.raw)) ++calls;
    // Opening a page and finding text in it are steps of a search that is billed once.
    if (action.raw != "open_page" && action.raw != "find_in_page") count_server_tool(type.raw);
  });
  reading_.tool_calls = std::max(reading_.tool_calls, calls);
}

// Rule 1: the last usage that says something counts; chunks are never added up.
void OpenAiReader::read_usage(JsonCursor& cursor) {
  if (cursor.kind() != JsonCursor::Kind::object) return;
  OpenAiUsage usage = OpenAiUsage::read(cursor);
  // A stream that was cut inside the object would give a number's first digits.
  if (usage.says_anything() && !cursor.failed()) usage_ = std::move(usage);
}

void OpenAiReader::read_error(JsonCursor& cursor) {
  std::string code, type, status;
  switch (cursor.kind()) {
    case JsonCursor::Kind::string:  // xAI, Ollama
      reading_.error = true;
      return;
    case JsonCursor::Kind::object: break;
    default: return;
  }
  cursor.each_member([&](std::string_view key) {
    reading_.error = true;
    if (key == "type") {
      assign_text(cursor, type);
    } else if (key == "code") {
      if (cursor.kind() == JsonCursor::Kind::number) {
        code = cursor.number().value_or("");
      } else {
        assign_text(cursor, code);
      }
    } else if (key == "status") {
      assign_text(cursor, status);
    }
  });
  reading_.error_code = !status.empty() ? status : !code.empty() ? code : type;
}

void OpenAiReader::conclude() {
  // A stream that was cut in the middle has no status of its own yet.
  if (reading_.stream &&
      (reading_.finish_reason == "in_progress" || reading_.finish_reason == "queued")) {
    reading_.finish_reason.clear();
  }
  if (is_metered(endpoint_)) settle_usage();
}

void OpenAiReader::settle_usage() {
  Usage& usage = reading_.usage;
  OpenAiUsage::Reckoning reckoning;
  reckoning.has_output = endpoint_ != Endpoint::embeddings;
  reckoning.total_has_hidden_output = quirks_.total_has_hidden_output;
  const bool tokens = usage_.put_into(usage, reckoning);
  // A refused transcription says "0 seconds" beside its error.
  const bool duration = usage_.microseconds && (usage.microseconds > 0 || !reading_.error);
  if (tokens || duration || usage.images > 0) usage.source = UsageSource::reported;

  const auto add_extra = [&usage](std::string_view type, std::uint64_t count) {
    if (count == 0) return;
    UsageExtra extra;
    extra.type = type;
    extra.count = count;
    usage.extras.push_back(std::move(extra));
  };
  add_extra("web_search", web_searches_);
  add_extra("file_search", file_searches_);
  add_extra("code_interpreter", code_runs_);
}

}  // namespace

std::unique_ptr<UsageReader> openai_reader(Endpoint endpoint, ReaderQuirks quirks) {
  return std::make_unique<OpenAiReader>(endpoint, quirks);
}

}  // namespace farebox
