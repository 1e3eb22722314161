// Replies of Bedrock's Converse and InvokeModel, whole and as an AWS event stream
// (botocore bedrock-runtime service model: ConverseStreamOutput, ResponseStream, and the
// inference parameters of each model family in the Bedrock user guide).
//
// Which family wrote a body is told by its members, not by the model's name: the name of an
// application inference profile says nothing. Bodies of Anthropic's and OpenAI's shape go
// to those families' readers as well.
#include <algorithm>

#include "proxy/dialect/aws_event_stream.hpp"
#include "proxy/dialect/base64.hpp"
#include "proxy/dialect/bedrock_body.hpp"
#include "proxy/dialect/json_stream.hpp"
#include "proxy/dialect/octet_scan.hpp"
#include "proxy/dialect/readers.hpp"

namespace farebox {
namespace {

class BedrockReader final : public UsageReader {
 public:
  void head(const http::ResponseHead& head) override;
  void feed(std::string_view piece) override;
  bool whole() const override;
  Reading finish() override;

 private:
  enum class Framing : std::uint8_t { undecided, json, frames, other };

  void sniff(std::string_view& piece);
  void take_frame(const AwsEvent& event);
  void take_chunk(std::string_view payload);
  void take_json(std::string_view json);
  bool ended() const;
  void merge_family(Reading family);

  Framing framing_ = Framing::undecided;
  AwsEventSplitter frames_;
  JsonSplitter json_;
  BedrockBody body_;
  BedrockUsage head_usage_;
  std::unique_ptr<UsageReader> family_;   // of Anthropic's or OpenAI's shape
  std::string decoded_;                   // a chunk's content; kept for its memory
  std::string error_code_;
  std::uint64_t octets_ = 0;
  int status_ = 200;
  bool error_ = false;
  bool valid_ = true;   // every JSON value so far was valid
  bool closed_ = false;
};

// "ThrottlingException:http://...", "com.amazon.coral#ThrottlingException": the word.
std::string_view bare_error_type(std::string_view type) {
  type = type.substr(0, type.find(':'));
  const std::size_t hash = type.rfind('#');
  return hash == type.npos ? type : type.substr(hash + 1);
}

void BedrockReader::head(const http::ResponseHead& head) {
  status_ = head.status;
  head_usage_ = BedrockUsage::read(head);
  body_.service_tier = head.value("x-amzn-bedrock-service-tier");
  body_.speed = head.value("x-amzn-bedrock-performanceconfig-latency");
  error_code_ = bare_error_type(head.value("x-amzn-errortype"));
}

// A frame begins with the high octet of a length of 16 MiB at most.
void BedrockReader::sniff(std::string_view& piece) {
  while (!piece.empty() && is_blank(piece.front())) piece.remove_prefix(1);
  if (piece.empty()) return;
  switch (piece.front()) {
    case '{': framing_ = Framing::json; break;
    case 0: case 1: framing_ = Framing::frames; break;
    default: framing_ = Framing::other;
  }
}

void BedrockReader::feed(std::string_view piece) {
  if (closed_) return;
  octets_ += piece.size();
  if (framing_ == Framing::undecided) sniff(piece);
  if (framing_ == Framing::frames) {
    AwsEvent event;
    while (frames_.next(piece, event)) take_frame(event);
  } else if (framing_ == Framing::json) {
    std::string_view value;
    while (json_.next(piece, value)) take_json(value);
  }
}

void BedrockReader::take_frame(const AwsEvent& event) {
  if (event.kind != AwsEvent::Kind::event) {
    error_ = true;
    error_code_ = event.type;
  } else if (event.type == "chunk") {
    take_chunk(event.payload);
  } else {
    JsonCursor cursor(event.payload);
    body_.read_event(event.type, cursor);
    if (!cursor.at_end()) valid_ = false;
  }
}

// {"bytes": base64 of a family's own event, "p": padding against eavesdroppers}
void BedrockReader::take_chunk(std::string_view payload) {
  JsonCursor cursor(payload);
  JsonString bytes;
  cursor.each_member([&](std::string_view key) {
    if (key != "bytes") return;
    if (const auto text = cursor.string()) bytes = *text;
  });
  const bool decodes = bytes.escaped ? base64_decode(bytes.decoded(), decoded_)
                                     : base64_decode(bytes.raw, decoded_);
  if (!cursor.at_end() || !decodes) {
    valid_ = false;
    return;
  }
  take_json(decoded_);
}

void BedrockReader::take_json(std::string_view json) {
  JsonCursor cursor(json);
  BedrockBody::Shape shape = BedrockBody::Shape::own;
  body_.read(cursor, shape);
  if (!cursor.at_end()) {
    valid_ = false;
    return;
  }
  if (!family_ && shape == BedrockBody::Shape::anthropic) family_ = anthropic_reader();
  if (!family_ && shape == BedrockBody::Shape::openai) {
    family_ = openai_reader(Endpoint::chat_completions, {});
  }
  // Objects one behind the other are a framing those readers know.
  if (family_) family_->feed(json);
}

// Was the API's own end of a stream seen?
bool BedrockReader::ended() const {
  return body_.last_event ||
         (body_.usage.says_anything() && !body_.finish_reason.empty());
}

bool BedrockReader::whole() const {
  switch (framing_) {
    case Framing::undecided: return false;
    case Framing::json: return json_.complete();
    case Framing::frames: return frames_.complete() && (error_ || ended());
    case Framing::other: return true;
  }
  return true;
}

// The family's reader knows more of its own shape than the walk over all families.
void BedrockReader::merge_family(Reading family) {
  Reading& reading = body_.reading;
  reading.model = std::move(family.model);
  if (!family.finish_reason.empty()) body_.finish_reason = std::move(family.finish_reason);
  reading.tool_calls = std::max(reading.tool_calls, family.tool_calls);
  if (reading.output_text.empty()) reading.output_text = std::move(family.output_text);
  reading.output_bytes = std::max(reading.output_bytes, family.output_bytes);
  if (family.error) {
    error_ = true;
    if (error_code_.empty()) error_code_ = std::move(family.error_code);
  }
  // Its tier, tools and place are told even where its counts are not.
  reading.usage = std::move(family.usage);
}

Reading BedrockReader::finish() {
  if (closed_) return {};
  closed_ = true;
  Reading& reading = body_.reading;
  if (family_) merge_family(family_->finish());
  reading.stream = framing_ == Framing::frames;
  if (reading.stream) {
    reading.finished = frames_.complete() && !error_ && ended();
  } else {
    reading.finished = framing_ == Framing::json && json_.complete() && valid_;
    reading.output_bytes = octets_;
  }
  reading.finish_reason = std::move(body_.finish_reason);
  error_ = error_ || body_.error || status_ >= 400;
  reading.error = error_;
  if (error_) {
    reading.error_code = !error_code_.empty()
                             ? error_code_
                             : std::string(bare_error_type(body_.error_code));
  }
  // An error costs nothing, whatever stands beside it.
  if (status_ >= 400) {
    reading.usage = {};
    return std::move(reading);
  }
  // The body's own usage wins; the chunk of metrics and the head fill in.
  if (reading.usage.source != UsageSource::reported) {
    BedrockUsage counts = std::move(body_.usage);
    counts.fill_from(body_.metrics);
    counts.fill_from(head_usage_);
    counts.put_into(reading.usage, !body_.embeds);
  }
  if (body_.images > 0) {
    reading.usage.images = body_.images;
    reading.usage.source = UsageSource::reported;
  }
  if (!body_.service_tier.empty()) reading.usage.service_tier = std::move(body_.service_tier);
  if (reading.usage.speed.empty()) reading.usage.speed = std::move(body_.speed);
  reading.usage.clamp_parts();
  return std::move(reading);
}

}  // namespace

std::unique_ptr<UsageReader> bedrock_reader() { return std::make_unique<BedrockReader>(); }

}  // namespace farebox
