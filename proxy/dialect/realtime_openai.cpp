// The server and client events of OpenAI's Realtime API that tell what a session uses
// (openai-python types/realtime: RealtimeResponse, RealtimeResponseUsage,
// ConversationItemInputAudioTranscriptionCompletedEvent), as OpenAI, Azure and xAI send them.
#include <functional>
#include <utility>

#include "proxy/dialect/openai_usage.hpp"
#include "proxy/dialect/realtime_reader.hpp"

namespace farebox {
namespace {

using Kind = JsonCursor::Kind;

std::size_t hash_of(JsonCursor& cursor) {
  const auto id = cursor.string();
  return id ? std::hash<std::string_view>()(id->raw) : 0;
}

void assign_word(JsonCursor& cursor, std::string& to) {
  const auto text = cursor.string();
  if (text && !text->raw.empty()) to = text->decoded();
}

// xAI bills audio by time beside its tokens; its other seconds are no more than a length.
std::uint64_t billed_microseconds(JsonCursor cursor) {
  std::uint64_t microseconds = 0;
  cursor.each_member([&](std::string_view key) {
    if (key != "billable_audio_seconds") return;
    const auto seconds = cursor.number();
    if (seconds) microseconds = microseconds_of(*seconds).value_or(0);
  });
  return microseconds;
}

// A usage that says nothing, as null and {} don't, leaves what was said before.
void read_usage(JsonCursor& cursor, Usage& into) {
  if (cursor.kind() != Kind::object) return;
  const std::uint64_t billed = billed_microseconds(cursor);
  const OpenAiUsage said = OpenAiUsage::read(cursor);
  if (!said.says_anything() || cursor.failed()) return;
  Usage usage;
  const bool tokens = said.put_into(usage, {});
  if (tokens || said.microseconds) usage.source = UsageSource::reported;
  usage.microseconds += billed;
  into = std::move(usage);
}

// [item ...]: the calls that the client has to run.
std::uint64_t count_calls(JsonCursor& cursor) {
  std::uint64_t calls = 0;
  if (cursor.kind() != Kind::array) return calls;
  cursor.each_element([&] {
    cursor.each_member([&](std::string_view key) {
      if (key != "type") return;
      const auto type = cursor.string();
      if (type && type->raw == "function_call") ++calls;
    });
  });
  return calls;
}

}  // namespace

// Null: no response of that id was begun, or too many were.
RealtimeReader::Open* RealtimeReader::find_open(std::size_t id) {
  for (Open& each : open_) {
    if (each.used && each.id == id) return &each;
  }
  return nullptr;
}

void RealtimeReader::begin_response(std::size_t id) {
  if (find_open(id) != nullptr) return;
  for (Open& each : open_) {
    if (each.used) continue;
    each = Open();
    each.used = true;
    each.id = id;
    return;
  }
}

void RealtimeReader::take_openai(Direction direction, JsonCursor cursor, std::string_view type) {
  if (type == "session.update" || type == "session.created" || type == "session.updated" ||
      type == "transcription_session.created" || type == "transcription_session.updated") {
    cursor.each_member([&](std::string_view key) {
      if (key == "session") read_session(direction, cursor);
    });
  }
  if (direction == Direction::sent) return;
  if (type == "response.created") {
    cursor.each_member([&](std::string_view key) {
      if (key != "response") return;
      cursor.each_member([&](std::string_view inner) {
        if (inner == "id") begin_response(hash_of(cursor));
      });
    });
  } else if (type == "response.done") {
    read_response_done(cursor);
  } else if (type == "conversation.item.input_audio_transcription.completed") {
    read_transcription(cursor);
  } else if (type == "error") {
    read_error(cursor);
  } else if (type.starts_with("response.") && type.ends_with(".delta")) {
    // The API's first version says response.audio.delta.
    read_delta(cursor, type == "response.output_audio.delta" || type == "response.audio.delta");
  }
}

// Of a session: its model, and the one that writes down what the user says, at
// audio.input.transcription, or at input_audio_transcription in the API's first version.
void RealtimeReader::read_session(Direction direction, JsonCursor& cursor) {
  cursor.each_member([&](std::string_view key) {
    if (key == "model") {
      const bool told = direction == Direction::received;
      if (model_told_ && !told) return;
      assign_word(cursor, model_);
      model_told_ = model_told_ || told;
    } else if (key == "input_audio_transcription") {
      read_transcription_model(cursor);
    } else if (key == "audio") {
      cursor.each_member([&](std::string_view side) {
        if (side != "input") return;
        cursor.each_member([&](std::string_view inner) {
          if (inner == "transcription") read_transcription_model(cursor);
        });
      });
    }
  });
}

// What the client asks for stands until the provider says what became of it.
void RealtimeReader::read_transcription_model(JsonCursor& cursor) {
  if (cursor.kind() != Kind::object) return;
  cursor.each_member([&](std::string_view key) {
    if (key == "model") assign_word(cursor, transcription_model_);
  });
}

void RealtimeReader::read_delta(JsonCursor cursor, bool is_audio) {
  std::size_t id = 0;
  std::uint64_t octets = 0;
  cursor.each_member([&](std::string_view key) {
    if (key == "response_id") {
      id = hash_of(cursor);
    } else if (key == "delta") {
      if (const auto text = cursor.string()) octets = text->decoded_size();
    }
  });
  Open* const opened = find_open(id);
  if (opened == nullptr) return;
  if (is_audio) {
    opened->unit.audio_octets += octets / 4 * 3;  // base64
  } else {
    opened->unit.reading.output_bytes += octets;
  }
}

// xAI's usage stands beside the response, and the one inside is an empty object.
void RealtimeReader::read_response_done(JsonCursor cursor) {
  std::size_t id = 0;
  Reading said;
  cursor.each_member([&](std::string_view key) {
    if (key == "usage") return read_usage(cursor, said.usage);
    if (key != "response") return;
    cursor.each_member([&](std::string_view inner) {
      if (inner == "id") {
        id = hash_of(cursor);
      } else if (inner == "usage") {
        read_usage(cursor, said.usage);
      } else if (inner == "model") {
        assign_word(cursor, said.model);
      } else if (inner == "status") {
        assign_word(cursor, said.finish_reason);
      } else if (inner == "output") {
        said.tool_calls = count_calls(cursor);
      } else if (inner == "status_details") {
        cursor.each_member([&](std::string_view detail) {
          if (detail != "error" || cursor.kind() != Kind::object) return;
          said.error = true;
          cursor.each_member([&](std::string_view part) {
            if (part == "code" || (part == "type" && said.error_code.empty())) {
              assign_word(cursor, said.error_code);
            }
          });
        });
      }
    });
  });
  RealtimeUnit unit;
  if (Open* const opened = find_open(id)) {
    unit = std::move(opened->unit);
    *opened = Open();
  }
  said.output_bytes = unit.reading.output_bytes;
  said.error = said.error || said.finish_reason == "failed";
  said.finished = true;
  unit.reading = std::move(said);
  emit(std::move(unit));
}

void RealtimeReader::read_transcription(JsonCursor cursor) {
  RealtimeUnit unit;
  unit.kind = RealtimeUnit::Kind::transcription;
  cursor.each_member([&](std::string_view key) {
    if (key == "usage") {
      read_usage(cursor, unit.reading.usage);
    } else if (key == "transcript") {
      if (const auto text = cursor.string()) unit.reading.output_bytes = text->decoded_size();
    }
  });
  unit.reading.finished = true;
  emit(std::move(unit));
}

void RealtimeReader::read_error(JsonCursor cursor) {
  cursor.each_member([&](std::string_view key) {
    if (key != "error") return;
    last_error_ = "error";
    std::string code, type;
    cursor.each_member([&](std::string_view inner) {
      if (inner == "code") assign_word(cursor, code);
      else if (inner == "type") assign_word(cursor, type);
    });
    if (!type.empty()) last_error_ = std::move(type);
    if (!code.empty()) last_error_ = std::move(code);
  });
}

}  // namespace farebox
