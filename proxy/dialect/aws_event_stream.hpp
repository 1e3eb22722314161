// AwsEventSplitter: cuts an AWS event stream into its frames (`application/
// vnd.amazon.eventstream`; smithy.io, "Amazon Event Stream Specification").
//
//   frame   := total length u32, headers length u32, CRC-32 of these 8 octets,
//              headers, payload, CRC-32 of everything before          (big endian)
//   header  := name length u8, name, type u8, value
//   value   := by type: 0 and 1 nothing, 2 one octet, 3 two, 4 four, 5 and 8 eight,
//              6 and 7 length u16 and as many octets, 9 sixteen
//
// Octets in, events out; no I/O. A frame that lies in one piece is given as views of it;
// only one that a piece boundary cuts is copied, as it arrives, so that a length that lies
// costs no memory. After a frame whose lengths or checksums are wrong nothing more is
// learned: what follows can't be trusted to begin where it says.
//
//   while (splitter.next(piece, event)) use(event);
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace farebox {

// Valid until the splitter's next call.
struct AwsEvent {
  // :message-type; an exception is one of the service's own, an error one of the transport.
  enum class Kind : std::uint8_t { event, exception, error };
  Kind kind = Kind::event;
  std::string_view type;  // :event-type, :exception-type or :error-code
  std::string_view payload;
};

class AwsEventSplitter {
 public:
  static constexpr std::size_t kMaxFrame = 16u << 20;
  static constexpr std::size_t kMaxHeaders = 128u << 10;

  // False: the piece is used up, and what is left of it is kept for the next one.
  bool next(std::string_view& piece, AwsEvent& event);

  bool broken() const { return broken_; }
  // The stream may end here: behind a whole frame, at least one.
  bool complete() const { return !broken_ && kept_.empty() && frames_ > 0; }
  std::uint64_t frames() const { return frames_; }

 private:
  std::size_t needed(std::string_view frame);
  bool take_frame(std::string_view frame, AwsEvent& event);

  std::string kept_;    // the beginning of a frame that a piece boundary cut
  std::size_t total_ = 0;  // of the frame in kept_, once its prelude was read and believed
  std::uint64_t frames_ = 0;
  bool broken_ = false;
  bool given_ = false;  // the last call handed out kept_
};

// The octets of a frame as Bedrock's events have it: of message-type event and content-type
// application/json. `type` has at most 255 octets.
std::string aws_event_frame(std::string_view type, std::string_view payload);

}  // namespace farebox
