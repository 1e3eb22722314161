#include "proxy/dialect/realtime_reader.hpp"

#include <functional>
#include <utility>

namespace farebox {

void RealtimeReader::take(Direction direction, std::string_view message) {
  // A type may stand behind what it is the type of (xAI): a first walk looks for it, and
  // finds out whether the message is JSON at all.
  JsonCursor cursor(message);
  JsonString type;
  const bool is_object = cursor.each_member([&](std::string_view key) {
    if (key != "type") return;
    if (const auto text = cursor.string()) type = *text;
  });
  if (!is_object || !cursor.at_end()) return;
  if (protocol_ == RealtimeProtocol::openai) {
    take_openai(direction, JsonCursor(message), type.raw);
  } else {
    take_gemini(direction, JsonCursor(message));
  }
}

bool RealtimeReader::next(RealtimeUnit& unit) {
  if (finished_.empty()) return false;
  unit = std::move(finished_.front());
  finished_.pop_front();
  return true;
}

void RealtimeReader::finish() {
  for (Open& each : open_) {
    if (each.used) emit(std::move(each.unit));
    each = Open();
  }
  if (turn_complete_ || turn_has_content_ || turn_.reading.usage.source != UsageSource::none) {
    end_turn();
  }
}

void RealtimeReader::emit(RealtimeUnit unit) {
  Reading& reading = unit.reading;
  reading.stream = true;
  reading.usage.clamp_parts();
  const bool said = reading.usage.source == UsageSource::reported;
  if (unit.kind == RealtimeUnit::Kind::transcription) {
    ++totals_.transcriptions;
    if (reading.model.empty()) reading.model = transcription_model_;
  } else {
    ++totals_.responses;
    if (reading.model.empty()) reading.model = model_;
    if (said) {
      totals_.input += reading.usage.input;
      totals_.output += reading.usage.output;
    } else {
      ++totals_.unsaid;
    }
  }
  finished_.push_back(std::move(unit));
}

}  // namespace farebox
