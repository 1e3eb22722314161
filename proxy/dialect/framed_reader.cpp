#include "proxy/dialect/framed_reader.hpp"

#include <utility>

#include "proxy/dialect/octet_scan.hpp"

namespace farebox {

// Passes over a byte order mark and leading blanks (DeepSeek sends blank lines before a
// JSON body while the call waits in its queue), then decides by the first octet.
std::string_view FramedReader::sniff(std::string_view piece) {
  while (!piece.empty()) {
    const char octet = piece.front();
    if (mark_octets_ < kByteOrderMark.size() && octet == kByteOrderMark[mark_octets_]) {
      ++mark_octets_;
    } else if (!is_blank(octet)) {
      switch (octet) {
        case '{': case '[': framing_ = Framing::json; break;
        // The fields data, event, id and retry, and comments.
        case 'd': case 'e': case 'i': case 'r': case ':': framing_ = Framing::sse; break;
        default: framing_ = unknown_;
      }
      return piece;
    }
    piece.remove_prefix(1);
  }
  return piece;
}

void FramedReader::take_event(const SseEvent& event) {
  reading_.stream = true;
  // OpenAI's end mark is no JSON.
  if (event.data == "[DONE]") {
    reading_.finished = true;
    return;
  }
  on_message(event.name, event.data);
}

void FramedReader::feed(std::string_view piece) {
  if (ended_) return;
  octets_ += piece.size();
  if (framing_ == Framing::undecided) piece = sniff(piece);
  if (framing_ == Framing::sse) {
    SseEvent event;
    while (sse_.next(piece, event)) take_event(event);
  } else if (framing_ == Framing::json) {
    std::string_view value;
    while (json_.next(piece, value)) valid_ = on_message({}, value) && valid_;
  }
}

bool FramedReader::whole() const {
  switch (framing_) {
    case Framing::undecided: return false;
    case Framing::json: return json_.complete() && may_end();
    // Not every server sends its dialect's end mark behind the reason why it ended.
    case Framing::sse:
      return reading_.finished || reading_.error || !reading_.finish_reason.empty();
    case Framing::other: return true;
  }
  return true;
}

Reading FramedReader::finish() {
  if (ended_) return {};
  ended_ = true;
  if (framing_ == Framing::sse) {
    SseEvent event;
    if (sse_.finish(event)) take_event(event);
  } else if (framing_ == Framing::json) {
    reading_.stream = json_.array() || json_.values() > 1;
    reading_.finished = json_.complete() && valid_;
  }
  if (!reading_.stream) reading_.output_bytes = octets_;
  conclude();
  reading_.usage.clamp_parts();
  return std::move(reading_);
}

}  // namespace farebox
