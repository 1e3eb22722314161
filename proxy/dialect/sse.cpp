#include "proxy/dialect/sse.hpp"

#include "proxy/dialect/octet_scan.hpp"

namespace farebox {

void SseSplitter::begin_event() {
  name_.clear();
  owned_data_.clear();
  view_ = {};
  has_data_ = is_view_ = oversized_ = dispatched_ = false;
}

void SseSplitter::keep(std::string_view part) {
  cut_line_ = true;
  if (oversized_) return;
  if (line_.size() + owned_data_.size() + part.size() > kMaxEvent) {
    oversized_ = true;
    std::string().swap(line_);
    std::string().swap(owned_data_);
    return;
  }
  line_.append(part);
}

bool SseSplitter::next(std::string_view& piece, SseEvent& event) {
  if (dispatched_) begin_event();
  while (!piece.empty()) {
    if (skip_lf_) {
      skip_lf_ = false;
      if (piece.front() == '\n') piece.remove_prefix(1);
      continue;
    }
    // A line ends with CR LF, LF or CR.
    const char* end = piece.data() + piece.size();
    const char* stop = find_line_end(piece.data(), end);
    std::string_view line = piece.substr(0, static_cast<std::size_t>(stop - piece.data()));
    if (stop == end) {
      keep(line);
      piece = {};
      break;
    }
    skip_lf_ = *stop == '\r';
    piece.remove_prefix(line.size() + 1);

    line_in_piece_ = !cut_line_;
    if (!line_in_piece_) {
      keep(line);
      line = line_;
    }
    const bool complete = take_line(line);
    line_.clear();
    cut_line_ = false;
    if (complete && dispatch(event)) return true;
  }
  if (is_view_) {
    owned_data_.assign(view_);
    view_ = {};
    is_view_ = false;
  }
  return false;
}

bool SseSplitter::finish(SseEvent& event) {
  if (dispatched_) begin_event();
  if (!line_.empty()) {
    line_in_piece_ = false;
    take_line(line_);
    line_.clear();
  }
  return dispatch(event);
}

// True when the line ends an event.
bool SseSplitter::take_line(std::string_view line) {
  // "One leading U+FEFF BYTE ORDER MARK character must be ignored if any are present."
  if (first_line_) {
    first_line_ = false;
    if (line.starts_with(kByteOrderMark)) line.remove_prefix(kByteOrderMark.size());
  }
  // "If the line is empty: dispatch the event." A line that a boundary cut had octets,
  // even if they were dropped as too many.
  if (line.empty()) return line_in_piece_;
  // "If the line starts with a U+003A COLON character (:): ignore the line."
  const std::size_t colon = line.find(':');
  if (colon == 0) return false;
  // "Collect the characters on the line before the first colon as field, those after it
  // as value; if value starts with a U+0020 SPACE character, remove it."
  const std::string_view field = line.substr(0, colon);
  std::string_view value = colon == line.npos ? std::string_view() : line.substr(colon + 1);
  if (value.starts_with(' ')) value.remove_prefix(1);
  if (field == "data") {
    take_data(value);
  } else if (field == "event") {
    name_.assign(value);
  }
  // `id` and `retry` are for clients that reconnect; all other fields are ignored.
  return false;
}

void SseSplitter::take_data(std::string_view value) {
  if (oversized_) return;
  if (owned_data_.size() + view_.size() + value.size() > kMaxEvent) {
    oversized_ = true;
    std::string().swap(owned_data_);
    return;
  }
  if (!has_data_ && line_in_piece_) {
    view_ = value;
    has_data_ = is_view_ = true;
    return;
  }
  if (is_view_) {
    owned_data_.assign(view_);
    view_ = {};
    is_view_ = false;
  }
  // "Append the field value to the data buffer, then append a LINE FEED": the last LF is
  // taken off again at dispatch, so it is put between lines only.
  if (has_data_) owned_data_.push_back('\n');
  has_data_ = true;
  owned_data_.append(value);
}

// False when there is nothing to hand out: "If the data buffer is an empty string, set the
// data buffer and the event type buffer to the empty string and return."
bool SseSplitter::dispatch(SseEvent& event) {
  const std::string_view data = is_view_ ? view_ : std::string_view(owned_data_);
  if (oversized_ || data.empty()) {
    begin_event();
    return false;
  }
  event = {name_, data};
  dispatched_ = true;
  return true;
}

}  // namespace farebox
