#include "proxy/dialect/stream_end.hpp"

#include <utility>

#include "proxy/dialect/aws_event_stream.hpp"
#include "proxy/dialect/base64.hpp"
#include "proxy/dialect/end_events.hpp"
#include "proxy/dialect/json_stream.hpp"
#include "proxy/dialect/octet_scan.hpp"
#include "proxy/dialect/sse.hpp"

namespace farebox {
namespace {

// Where an event stream may be cut: behind an empty line (html.spec.whatwg.org, 9.2.6).
class SseCuts {
 public:
  // The octets of `piece` up to the last empty line that ends in it.
  std::size_t feed(std::string_view piece) {
    const char* const begin = piece.data();
    const char* const end = begin + piece.size();
    const char* at = begin;
    std::size_t cut = 0;
    if (after_cr_ && at != end) {
      after_cr_ = false;
      if (*at == '\n') {
        ++at;
        crlf_ = true;
        if (between_) cut = 1;
      }
    }
    while (at != end) {
      const char* const stop = find_line_end(at, end);
      if (stop != at) line_empty_ = between_ = after_cr_ = false;
      if (stop == end) break;
      at = stop + 1;
      after_cr_ = *stop == '\r';
      if (after_cr_ && at != end && *at == '\n') {
        ++at;
        after_cr_ = false;
        crlf_ = true;
      }
      between_ = line_empty_;
      if (between_) cut = static_cast<std::size_t>(at - begin);
      line_empty_ = true;
    }
    return cut;
  }

  bool between() const { return between_; }
  std::string_view line_end() const { return crlf_ ? "\r\n" : "\n"; }
  // A CR ended the last line, and its LF, which is on the way, won't come.
  bool owes_lf() const { return crlf_ && after_cr_; }

 private:
  bool line_empty_ = true;  // the line under way has no octets
  bool between_ = true;
  bool after_cr_ = false;
  bool crlf_ = false;
};

class FramedEnd final : public StreamEnd {
 public:
  enum class Frames : std::uint8_t { text, events, chunks };  // events, chunks: of AWS

  FramedEnd(std::unique_ptr<DialectEnd> dialect, Frames frames)
      : dialect_(std::move(dialect)), frames_(frames) {
    if (frames != Frames::text) framing_ = Framing::aws;
  }

  std::size_t feed(std::string_view piece) override;
  bool between_events() const override;
  bool ended() const override { return dialect_->ended(); }
  std::optional<std::string> end(const Usage& usage) const override;

 private:
  enum class Framing : std::uint8_t { undecided, sse, json, aws, other };

  std::size_t feed_sse(std::string_view piece);
  std::size_t feed_json(std::string_view piece);
  std::size_t feed_aws(std::string_view piece);
  void see_chunk(std::string_view payload);
  void append(const EndEvent& event, bool first, std::string& out) const;

  std::unique_ptr<DialectEnd> dialect_;
  const Frames frames_;
  Framing framing_ = Framing::undecided;
  SseSplitter sse_;
  SseCuts cuts_;
  JsonSplitter json_;
  AwsEventSplitter aws_;
  std::string decoded_;
  bool line_open_ = false;  // of JSON: the line end behind the last value hasn't come
  bool comma_ = false;      // of an array: one came behind the last value
  bool aws_between_ = true;
  bool begun_ = false;      // something but blanks came
};

std::size_t FramedEnd::feed(std::string_view piece) {
  std::size_t skipped = 0;
  if (framing_ == Framing::undecided) {
    while (skipped < piece.size() && is_blank(piece[skipped])) ++skipped;
    if (skipped == piece.size()) return skipped;
    switch (piece[skipped]) {
      case '{': case '[': framing_ = Framing::json; break;
      // The fields data, event, id and retry, comments and a byte order mark.
      case 'd': case 'e': case 'i': case 'r': case ':': case '\xef': framing_ = Framing::sse; break;
      default: framing_ = Framing::other;
    }
  }
  begun_ = begun_ || !piece.empty();
  switch (framing_) {
    case Framing::sse: return feed_sse(piece);
    case Framing::json: return feed_json(piece);
    case Framing::aws: return feed_aws(piece);
    default: return 0;
  }
}

std::size_t FramedEnd::feed_sse(std::string_view piece) {
  const std::size_t cut = cuts_.feed(piece);
  SseEvent event;
  while (sse_.next(piece, event)) dialect_->see(event.name, event.data);
  return cut;
}

// Behind each value, and the line end behind it if that came too. What lies between two values
// is no part of either.
std::size_t FramedEnd::feed_json(std::string_view piece) {
  const std::string_view whole = piece;
  const bool began_before = !json_.between();
  std::size_t cut = 0;
  std::string_view value;
  while (json_.next(piece, value)) {
    cut = whole.size() - piece.size();
    line_open_ = true;
    comma_ = false;
    dialect_->see({}, value);
  }
  std::string_view rest = whole.substr(cut);
  if (!json_.between()) {
    // The beginning of the next value is not to go.
    if (cut == 0 && began_before) return 0;
    const std::size_t line = rest.find_first_not_of("\r");
    if (line_open_ && line < rest.size() && rest[line] == '\n') {
      line_open_ = false;
      return cut + line + 1;
    }
    return cut;
  }
  if (rest.find('\n') != rest.npos) line_open_ = false;
  if (rest.find(',') != rest.npos) comma_ = true;
  return whole.size();
}

std::size_t FramedEnd::feed_aws(std::string_view piece) {
  const std::size_t size = piece.size();
  std::size_t cut = 0;
  AwsEvent event;
  while (aws_.next(piece, event)) {
    cut = size - piece.size();
    if (event.kind != AwsEvent::Kind::event) {
      dialect_->see("serviceException", event.payload);
    } else if (frames_ == Frames::chunks) {
      see_chunk(event.payload);
    } else {
      dialect_->see(event.type, event.payload);
    }
  }
  if (size != 0) aws_between_ = cut == size;
  return cut;
}

// {"bytes": base64 of a model's own event}
void FramedEnd::see_chunk(std::string_view payload) {
  JsonCursor cursor(payload);
  cursor.each_member([&](std::string_view key) {
    if (key != "bytes") return;
    const auto text = cursor.string();
    if (text && base64_decode(text->decoded(), decoded_)) dialect_->see("chunk", decoded_);
  });
}

bool FramedEnd::between_events() const {
  switch (framing_) {
    case Framing::undecided: return true;
    case Framing::sse: return cuts_.between();
    case Framing::json: return json_.between();
    case Framing::aws: return aws_between_ && !aws_.broken();
    case Framing::other: return false;
  }
  return false;
}

void FramedEnd::append(const EndEvent& event, bool first, std::string& out) const {
  if (framing_ == Framing::sse) {
    const std::string_view line_end = cuts_.line_end();
    if (!event.name.empty()) out.append("event: ").append(event.name).append(line_end);
    out.append("data: ").append(event.data).append(line_end).append(line_end);
  } else if (framing_ == Framing::aws) {
    const bool chunk = frames_ == Frames::chunks;
    out += chunk ? aws_event_frame("chunk", "{\"bytes\":\"" + base64_encode(event.data) + "\"}")
                 : aws_event_frame(event.name, event.data);
  } else if (json_.array()) {
    if (!first || !comma_) out += ",";
    out += event.data;
  } else {
    out.append(event.data).append("\n");
  }
}

std::optional<std::string> FramedEnd::end(const Usage& usage) const {
  const bool array = framing_ == Framing::json && json_.array();
  if (dialect_->ended()) return array && !json_.closed() ? "]" : std::string();
  if (framing_ == Framing::undecided || framing_ == Framing::other || aws_.broken()) {
    return std::nullopt;
  }
  if (framing_ == Framing::json && (json_.values() == 0 || json_.closed())) return std::nullopt;
  EndEvents events;
  if (!dialect_->write(usage, events)) return std::nullopt;
  std::string out;
  if (framing_ == Framing::sse && cuts_.owes_lf()) out += '\n';
  if (framing_ == Framing::json && !array && line_open_) out += '\n';
  bool first = true;
  for (const EndEvent& event : events) {
    append(event, first, out);
    first = false;
  }
  if (array) out += ']';
  return out;
}

std::unique_ptr<DialectEnd> end_of(const Route& route, DialectName own, const BodyFacts& facts) {
  const DialectName speaks = route.speaks.value_or(own);
  EndChoices choices;
  choices.count = facts.choices;
  choices.usage_asked = facts.asks_usage;
  choices.usage_inside = own == DialectName::mistral;
  switch (route.endpoint) {
    case Endpoint::completions:
      choices.text = true;
      choices.count = facts.choices > 128 ? facts.choices : facts.choices * facts.reach.inputs;
      [[fallthrough]];
    case Endpoint::chat_completions: return chat_end(choices);
    case Endpoint::responses: return responses_end();
    case Endpoint::messages:
    case Endpoint::complete: return anthropic_end();
    case Endpoint::generate_content: return gemini_end();
    case Endpoint::chat:
      return speaks == DialectName::ollama ? ollama_end() : cohere_end();
    case Endpoint::generate:
      if (speaks == DialectName::ollama) return ollama_end();
      return speaks == DialectName::cohere ? cohere_end() : nullptr;
    case Endpoint::converse: return converse_end();
    case Endpoint::invoke: return bedrock_invoke_end();
    default: return nullptr;
  }
}

}  // namespace

std::unique_ptr<StreamEnd> stream_end(const Route& route, DialectName own, const BodyFacts& facts) {
  if (route.described) return nullptr;
  std::unique_ptr<DialectEnd> dialect = end_of(route, own, facts);
  if (!dialect) return nullptr;
  using Frames = FramedEnd::Frames;
  const Frames frames = route.endpoint == Endpoint::converse ? Frames::events
                        : route.endpoint == Endpoint::invoke ? Frames::chunks
                                                             : Frames::text;
  return std::make_unique<FramedEnd>(std::move(dialect), frames);
}

}  // namespace farebox
