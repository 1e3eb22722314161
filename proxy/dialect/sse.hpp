// SseSplitter: cuts an event stream into events, as the WHATWG standard says
// (html.spec.whatwg.org, "9.2.6 Interpreting an event stream").
//
// Octets in, events out; no I/O. Events that lie in one piece are given as views of that
// piece; only an event that a piece boundary cuts is copied. One event is kept at most,
// and one above kMaxEvent octets is dropped as a whole.
//
//   while (splitter.next(piece, event)) use(event);
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace farebox {

// Valid until the splitter's next call.
struct SseEvent {
  std::string_view name;  // of the `event` field; empty: "message"
  std::string_view data;  // several `data` lines are joined with LF
};

class SseSplitter {
 public:
  static constexpr std::size_t kMaxEvent = 8u << 20;

  // Takes octets off the front of `piece` until an event is complete. False: the piece is
  // used up, and what is left of it is kept for the next one.
  bool next(std::string_view& piece, SseEvent& event);

  // The stream ended. AD-HOC: the standard throws away an event without a closing blank
  // line; some Gemini streams end that way, and their last event carries the usage.
  bool finish(SseEvent& event);

 private:
  void begin_event();
  void keep(std::string_view part);
  bool take_line(std::string_view line);
  void take_data(std::string_view value);
  bool dispatch(SseEvent& event);

  std::string line_;         // a line that a piece boundary cut
  std::string name_;
  std::string owned_data_;   // data that can't be a view of the piece
  std::string_view view_;    // data that can
  bool has_data_ = false;
  bool is_view_ = false;     // view_ holds the data, not owned_data_
  bool cut_line_ = false;    // a piece ended inside the line that is under way
  bool line_in_piece_ = false;  // the line being taken lies in the caller's piece
  bool skip_lf_ = false;     // a CR ended the last line: an LF next belongs to it
  bool first_line_ = true;   // a byte order mark may stand before it
  bool oversized_ = false;   // the event is above kMaxEvent
  bool dispatched_ = false;  // the event was handed out; the next call begins afresh
};

}  // namespace farebox
