// FramedReader: what all usage readers share. It finds out from the first octets how the
// reply is framed (JSON, NDJSON, JSON array, event stream), cuts it into messages, and
// hands each to the dialect's reader. A reply that is none of these teaches nothing.
#pragma once

#include "proxy/dialect/json_stream.hpp"
#include "proxy/dialect/sse.hpp"
#include "proxy/dialect/usage_reader.hpp"

namespace farebox {

class FramedReader : public UsageReader {
 public:
  FramedReader() = default;
  void feed(std::string_view piece) final;
  bool whole() const final;
  Reading finish() final;
  const Reading* so_far() const final { return &reading_; }

 protected:
  enum class Framing : std::uint8_t { undecided, json, sse, other };

  // `unknown` is what a reply is whose first octet tells nothing.
  explicit FramedReader(Framing unknown) : unknown_(unknown) {}

  // One message of the reply: the data of an event, or one whole JSON value. False: it was
  // not valid JSON. `event` is the event's name, empty outside event streams.
  virtual bool on_message(std::string_view event, std::string_view json) = 0;

  // For lines of JSON, of which any may be followed by one more: may the last one that was
  // read be the last one there is?
  virtual bool may_end() const { return true; }

  // Everything was seen; usage may be worked out now.
  virtual void conclude() {}

  Reading reading_;

 private:
  std::string_view sniff(std::string_view piece);
  void take_event(const SseEvent& event);

  SseSplitter sse_;
  JsonSplitter json_;
  std::uint64_t octets_ = 0;
  Framing framing_ = Framing::undecided;
  Framing unknown_ = Framing::other;
  std::uint8_t mark_octets_ = 0;  // of a byte order mark seen so far
  bool valid_ = true;             // every JSON value so far was valid
  bool ended_ = false;
};

}  // namespace farebox
