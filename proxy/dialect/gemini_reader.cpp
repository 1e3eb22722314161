// Replies of Gemini's generateContent family on AI Studio and Vertex (whole, as an event
// stream, or as one JSON array sent piece by piece) and of its Interactions API.
#include <algorithm>

#include "proxy/dialect/framed_reader.hpp"
#include "proxy/dialect/gemini_usage.hpp"
#include "proxy/dialect/readers.hpp"

namespace farebox {
namespace {

using Kind = JsonCursor::Kind;

class GeminiReader final : public FramedReader {
 public:
  void head(const http::ResponseHead& head) override {
    header_tier_ = head.value("x-gemini-service-tier");
  }

 private:
  bool on_message(std::string_view event, std::string_view json) override;
  void conclude() override;

  void read_object(JsonCursor& cursor);
  void read_candidate(JsonCursor& cursor);
  void read_part(JsonCursor& cursor);
  void read_step(JsonCursor& cursor);
  void read_error(JsonCursor& cursor);
  void take_usage(const JsonCursor& cursor, GeminiUsage usage);
  void add_text(JsonCursor& cursor);

  GeminiUsage usage_;
  std::string header_tier_;          // said there where the body doesn't
  std::string block_reason_;         // of a prompt that was refused: there is no candidate then
  std::uint64_t searches_ = 0;       // queries of grounding with a search engine
  std::uint64_t message_calls_ = 0;  // client calls in the message being read
  bool stopped_ = false;             // a finish reason came, and no content after it
  bool completed_ = false;           // interaction.completed
};

// Takes a word such as a finish reason, which is a number when the call asked for
// `$alt=json;enum-encoding=int`.
void assign_word(JsonCursor& cursor, std::string& to) {
  if (cursor.kind() == Kind::number) {
    to = cursor.number().value_or("");
  } else if (const auto text = cursor.string(); text && !text->raw.empty()) {
    to = text->decoded();
  }
}


bool GeminiReader::on_message(std::string_view event, std::string_view json) {
  JsonCursor cursor(json);
  message_calls_ = 0;
  read_object(cursor);
  if (!cursor.at_end()) return false;
  if (event == "interaction.completed") {
    // It may list again what step.start has told.
    completed_ = true;
    reading_.tool_calls = std::max(reading_.tool_calls, message_calls_);
  } else {
    reading_.tool_calls += message_calls_;
  }
  return true;
}

// A GenerateContentResponse, an embedding response, an interaction or one of its events:
// their members have the same names where they mean the same.
void GeminiReader::read_object(JsonCursor& cursor) {
  cursor.each_member([&](std::string_view key) {
    if (key == "candidates") {
      cursor.each_element([&] { read_candidate(cursor); });
    } else if (key == "usageMetadata") {
      if (cursor.kind() == Kind::object) take_usage(cursor, GeminiUsage::read(cursor));
    } else if (key == "modelVersion" || key == "model") {
      if (reading_.model.empty()) assign_word(cursor, reading_.model);
    } else if (key == "error") {
      read_error(cursor);
    } else if (key == "usage") {
      if (cursor.kind() != Kind::object) return;
      take_usage(cursor, GeminiUsage::read_interaction(cursor));
    } else if (key == "interaction" || key == "response") {
      // `response` wraps what the Gemini CLI gets from Code Assist (v1internal).
      if (cursor.kind() == Kind::object) read_object(cursor);
    } else if (key == "promptFeedback") {
      cursor.each_member([&](std::string_view inner) {
        if (inner == "blockReason") assign_word(cursor, block_reason_);
      });
    } else if (key == "status") {
      assign_word(cursor, reading_.finish_reason);
    } else if (key == "service_tier") {
      assign_word(cursor, reading_.usage.service_tier);
    } else if (key == "step") {
      read_step(cursor);
    } else if (key == "steps" || key == "outputs") {
      cursor.each_element([&] { read_step(cursor); });
    } else if (key == "delta") {
      read_part(cursor);
    }
  });
}

void GeminiReader::read_candidate(JsonCursor& cursor) {
  std::string reason;
  bool content = false;
  cursor.each_member([&](std::string_view key) {
    if (key == "content") {
      content = true;
      cursor.each_member([&](std::string_view inner) {
        if (inner == "parts") cursor.each_element([&] { read_part(cursor); });
      });
    } else if (key == "finishReason") {
      assign_word(cursor, reason);
    } else if (key == "groundingMetadata") {
      cursor.each_member([&](std::string_view inner) {
        if (inner != "webSearchQueries") return;
        std::uint64_t queries = 0;
        cursor.each_element([&] { ++queries; });
        searches_ = std::max(searches_, queries);
      });
    }
  });
  if (!reason.empty()) {
    stopped_ = true;
    reading_.finish_reason = std::move(reason);
  } else if (content) {
    stopped_ = false;
  }
}

void GeminiReader::read_part(JsonCursor& cursor) {
  cursor.each_member([&](std::string_view key) {
    if (key == "text") {
      add_text(cursor);
    } else if (key == "functionCall") {
      const std::size_t start = cursor.offset();
      if (cursor.kind() != Kind::object) return;
      ++message_calls_;
      cursor.skip();
      reading_.add_output({cursor.since(start)});
    } else if (key == "arguments" || key == "partial_arguments") {
      add_text(cursor);
    }
  });
}

// A step of an interaction. `function_call` is for the client to run.
void GeminiReader::read_step(JsonCursor& cursor) {
  bool is_search = false;
  std::uint64_t queries = 0;
  cursor.each_member([&](std::string_view key) {
    if (key == "type") {
      const auto type = cursor.string();
      if (!type) return;
      if (type->raw == "function_call") ++message_calls_;
      is_search = type->raw == "google_search_call";
    } else if (key == "arguments") {
      cursor.each_member([&](std::string_view inner) {
        if (inner == "queries") cursor.each_element([&] { ++queries; });
      });
    }
  });
  if (is_search) searches_ += queries;
}

void GeminiReader::read_error(JsonCursor& cursor) {
  std::string code, status;
  cursor.each_member([&](std::string_view key) {
    reading_.error = true;
    if (key == "code") assign_word(cursor, code);
    else if (key == "status") assign_word(cursor, status);
  });
  if (reading_.error) reading_.error_code = status.empty() ? code : status;
}

void GeminiReader::take_usage(const JsonCursor& cursor, GeminiUsage usage) {
  // A stream that was cut inside the object would give a number's first digits.
  if (usage.says_anything() && !cursor.failed()) usage_ = std::move(usage);
}

void GeminiReader::add_text(JsonCursor& cursor) {
  if (const auto text = cursor.string()) reading_.add_output(*text);
}

void GeminiReader::conclude() {
  // There is no [DONE]: an event stream ends with a finish reason.
  const bool blocked = !block_reason_.empty() && reading_.finish_reason.empty();
  if (reading_.stream) reading_.finished = reading_.finished || stopped_ || completed_ || blocked;
  if (reading_.stream && reading_.finish_reason == "in_progress") reading_.finish_reason.clear();
  if (reading_.finish_reason.empty()) reading_.finish_reason = block_reason_;
  if (usage_.says_anything()) usage_.put_into(reading_.usage);
  if (reading_.usage.service_tier.empty()) reading_.usage.service_tier = header_tier_;
  if (searches_ > 0) {
    UsageExtra search;
    search.type = "web_search";
    search.count = searches_;
    reading_.usage.extras.push_back(std::move(search));
  }
}

}  // namespace

std::unique_ptr<UsageReader> gemini_reader() { return std::make_unique<GeminiReader>(); }

}  // namespace farebox
