// Replies of OpenAI's APIs and of the many servers that speak them (openai-openapi,
// openapi.yaml): chat, completions, responses, embeddings, images, audio.
#include <array>
#include <optional>
#include <string>
#include <utility>

#include "proxy/dialect/chat_choices.hpp"
#include "proxy/dialect/cohere_usage.hpp"
#include "proxy/dialect/complete_usage.hpp"
#include "proxy/dialect/error_member.hpp"
#include "proxy/dialect/framed_reader.hpp"
#include "proxy/dialect/json_cursor.hpp"
#include "proxy/dialect/openai_usage.hpp"
#include "proxy/dialect/readers.hpp"
#include "proxy/dialect/response_items.hpp"

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
  void read_rare(std::string_view key, JsonCursor& cursor, Message& message);
  void read_choices(JsonCursor& cursor);
  void read_usage(JsonCursor& cursor);
  void read_billed_units(JsonCursor& cursor);
  void read_duration(JsonCursor& cursor);
  void take_usage(OpenAiUsage usage, const JsonCursor& cursor);
  void settle_usage();

  bool transcribes() const {
    return endpoint_ == Endpoint::transcriptions || endpoint_ == Endpoint::translations;
  }

  Endpoint endpoint_;
  ReaderQuirks quirks_;
  OpenAiUsage usage_;
  ChatChoices choices_{reading_};
  ResponseItems items_;
  std::optional<std::uint64_t> duration_;  // microseconds, of a transcribed recording
  std::string size_, quality_;             // of images
  bool usage_came_ = false;                // in the message at hand
  bool told_all_ = false;                  // reason and usage came, and no text after them
};

struct OpenAiReader::Message {
  JsonString type;
  JsonString code;      // xAI, Mistral and Responses: beside the error, not inside
  bool failed = false;  // it is an error object itself
};

void assign_text(JsonCursor& cursor, std::string& to) {
  const auto text = cursor.string();
  if (!text || text->raw.empty()) return;
  if (text->escaped) {
    to = text->decoded();
  } else if (to != text->raw) {
    to.assign(text->raw);
  }
}

bool OpenAiReader::on_message(std::string_view event, std::string_view json) {
  JsonCursor cursor(json);
  Message message;
  items_.forget_one();
  usage_came_ = false;
  read_object(cursor, message);
  if (!cursor.at_end()) return false;
  if (usage_came_ && !reading_.finish_reason.empty() && !choices_.several()) told_all_ = true;

  const std::string_view type = message.type.raw;
  if (!type.empty()) {
    if (ends_stream(type)) {
      reading_.finished = true;
      if (endpoint_ == Endpoint::images) ++reading_.usage.images;
    } else if (type == "error") {  // ResponseErrorEvent
      reading_.error = true;
    } else if (type == "response.output_item.done") {
      items_.take_one();
    }
  }
  if (message.failed || event == "error") reading_.error = true;
  if (reading_.error && reading_.error_code.empty()) {
    reading_.error_code = message.code.decoded();
    if (reading_.error_code.empty() && message.failed) reading_.error_code = type;
  }
  return true;
}

// A whole reply, a chunk, or (under `response`) the object of a Responses event: their
// members have the same names where they mean the same. By length, since each of a
// stream's chunks comes by here.
void OpenAiReader::read_object(JsonCursor& cursor, Message& message) {
  cursor.each_member([&](std::string_view key) {
    switch (key.size()) {
      case 5:
        if (key == "model") {
          // Azure's first chunk has an empty name: the first one that says something counts.
          if (reading_.model.empty()) assign_text(cursor, reading_.model);
        } else if (key == "usage" || key == "stats") {  // stats: LM Studio's own API
          read_usage(cursor);
        } else if (key == "delta" || key == "value") {  // value: Writer's completions
          add_text(cursor, reading_);
        } else if (key == "error") {
          read_error_member(cursor, reading_);
        }
        break;
      case 7:
        if (key == "choices") {
          read_choices(cursor);
        } else if (key == "quality" && endpoint_ == Endpoint::images) {
          assign_text(cursor, quality_);
        }
        break;
      case 8:
        if (key == "response" && cursor.kind() == JsonCursor::Kind::object) {
          read_object(cursor, message);
        } else if (key == "duration" && transcribes()) {
          read_duration(cursor);
        } else if (key == "model_id" && reading_.model.empty()) {  // watsonx
          assign_text(cursor, reading_.model);
        }
        break;
      case 12:
        if (key == "service_tier") assign_text(cursor, reading_.usage.service_tier);
        break;
      case 4: case 6: case 10: case 17: read_rare(key, cursor, message); break;
      default: break;
    }
  });
}

void OpenAiReader::read_rare(std::string_view key, JsonCursor& cursor, Message& message) {
  const bool images = endpoint_ == Endpoint::images;
  if (key == "object") {  // Mistral's errors: {"object": "error", "message", ...}
    const auto kind = cursor.string();
    message.failed = message.failed || (kind && kind->raw == "error");
  } else if (key == "type") {
    if (const auto type = cursor.string()) message.type = *type;
  } else if (key == "item") {
    items_.read_one(cursor);
  } else if (key == "output") {
    items_.read_all(cursor);
  } else if (key == "status") {
    if (endpoint_ == Endpoint::responses) assign_text(cursor, reading_.finish_reason);
  } else if (key == "completion") {
    add_text(cursor, reading_);
  } else if (key == "code" || key == "error_code") {
    if (const auto code = cursor.string()) message.code = *code;
  } else if (key == "detail" || key == "errors") {
    // FastAPI's errors (Mistral, Voyage), and lists of them (watsonx).
    const auto kind = cursor.kind();
    const bool text = kind == JsonCursor::Kind::string && key == "detail";
    message.failed = message.failed || text || kind == JsonCursor::Kind::array;
  } else if (key == "data") {
    if (!images) return;
    reading_.usage.images = 0;
    cursor.each_element([&] { ++reading_.usage.images; });
  } else if (key == "size") {
    if (images) assign_text(cursor, size_);
  } else if (key == "x_groq") {  // Groq: usage in the last chunk, asked or not
    cursor.each_member([&](std::string_view inner) {
      if (inner == "usage") read_usage(cursor);
      else if (inner == "error") read_error_member(cursor, reading_);
    });
  } else if (key == "meta") {  // Cohere's place for usage, as rerankers copy it
    read_billed_units(cursor);
  } else if (key == "usage_info") {  // Mistral's OCR
    cursor.each_member([&](std::string_view inner) {
      if (inner == "pages_processed") reading_.usage.pages = cursor.count().value_or(0);
    });
  } else if (key == "input_token_count") {  // watsonx: embeddings and reranking
    if (const auto count = cursor.count()) usage_.input = count;
  } else if (key == "tool_usage") {
    items_.read_tool_usage(cursor);
  }
}

void OpenAiReader::read_choices(JsonCursor& cursor) {
  const std::uint64_t before = reading_.output_bytes;
  cursor.each_element([&] { choices_.read(cursor); });
  if (reading_.output_bytes != before) told_all_ = false;
  if (choices_.has_usage()) take_usage(*choices_.take_usage(), cursor);
}

// Rule 1: the last usage that says something counts; chunks are never added up.
void OpenAiReader::read_usage(JsonCursor& cursor) {
  if (cursor.kind() != JsonCursor::Kind::object) return;
  take_usage(OpenAiUsage::read(cursor), cursor);
}

void OpenAiReader::read_billed_units(JsonCursor& cursor) {
  const CohereUsage billed = CohereUsage::read(cursor);
  if (!billed.says_anything()) return;
  OpenAiUsage usage;
  usage.input = billed.billed_input ? billed.billed_input : billed.input;
  usage.output = billed.billed_output ? billed.billed_output : billed.output;
  usage.queries = billed.searches;
  take_usage(std::move(usage), cursor);
}

void OpenAiReader::take_usage(OpenAiUsage usage, const JsonCursor& cursor) {
  // A stream that was cut inside the object would give a number's first digits.
  if (cursor.failed()) return;
  if (!usage.says_anything()) {
    if (usage.cost) usage_.cost = usage.cost;
    if (usage.queries) usage_.queries = usage.queries;
    return;
  }
  if (!usage.cost) usage.cost = usage_.cost;
  usage_ = std::move(usage);
  usage_came_ = true;
}

// A number, or the same in a string; the length of what was transcribed, which is what is
// sold where no usage is said.
void OpenAiReader::read_duration(JsonCursor& cursor) {
  if (cursor.kind() == JsonCursor::Kind::string) {
    if (const auto text = cursor.string()) duration_ = microseconds_of(text->raw);
  } else if (const auto number = cursor.number()) {
    duration_ = microseconds_of(*number);
  }
}

void OpenAiReader::conclude() {
  // A stream that was cut in the middle has no status of its own yet.
  if (reading_.stream &&
      (reading_.finish_reason == "in_progress" || reading_.finish_reason == "queued")) {
    reading_.finish_reason.clear();
  }
  // Perplexity, Writer and others send no [DONE] behind the usage.
  const bool chat = endpoint_ == Endpoint::chat_completions || endpoint_ == Endpoint::completions;
  if (reading_.stream && chat) reading_.finished = reading_.finished || told_all_;
  reading_.tool_calls += items_.client_calls();
  if (is_metered(endpoint_)) settle_usage();
}

void OpenAiReader::settle_usage() {
  Usage& usage = reading_.usage;
  OpenAiUsage::Reckoning reckoning;
  reckoning.has_output = endpoint_ != Endpoint::embeddings && endpoint_ != Endpoint::rerank;
  reckoning.total_has_hidden_output = quirks_.total_has_hidden_output;
  reckoning.total_has_hidden_input = transcribes();
  reckoning.is_gemini = std::string_view(reading_.model).starts_with("gemini") ||
                        std::string_view(reading_.model).starts_with("google/gemini");
  const bool tokens = usage_.put_into(usage, reckoning);
  if (!usage_.microseconds && !tokens) usage.microseconds = duration_.value_or(0);
  // A refused transcription says "0 seconds" beside its error.
  const bool timed = usage_.microseconds || (duration_ && !tokens);
  const bool duration = timed && (usage.microseconds > 0 || !reading_.error);
  const bool searches = endpoint_ == Endpoint::rerank && usage_.queries;
  if (tokens || duration || searches || usage.images > 0 || usage.pages > 0) {
    usage.source = UsageSource::reported;
  }
  if (endpoint_ == Endpoint::images) usage.variant = image_variant(quality_, size_);

  ServerTools tools = items_.server_tools();
  tools.merge(usage_.tools);
  tools.put_into(usage);
}

}  // namespace

std::unique_ptr<UsageReader> openai_reader(Endpoint endpoint, ReaderQuirks quirks) {
  return std::make_unique<OpenAiReader>(endpoint, quirks);
}

}  // namespace farebox
