#include "proxy/repacker.hpp"

#include <algorithm>

namespace farebox {
namespace {

using http::Framing;
using What = http::BodyReader::What;

constexpr std::size_t kEventEnd = 4;  // octets of the longest end of an event, CRLF CRLF

}  // namespace

OutgoingFraming choose_framing(const http::ResponseHead& head, int client_minor, bool rewritten) {
  switch (head.framing) {
    case Framing::none: return {};
    case Framing::length:
      if (!rewritten) return {Framing::length, head.content_length};
      break;
    case Framing::chunked:
    case Framing::until_close: break;
  }
  // HTTP/1.0 knows no chunks: the end of the connection is the end of the content.
  return {client_minor >= 1 ? Framing::chunked : Framing::until_close, 0};
}

Repacker::Repacker(const http::ResponseHead& head, OutgoingFraming out, bool filter)
    : reader_(head.framing, head.content_length),
      in_(head.framing),
      out_(out.kind),
      raw_(!filter && head.framing == out.kind) {
  if (filter) filter_.emplace();
}

Repacker::State Repacker::take(std::string_view& input, Metering& meter, Pieces& pieces) {
  scratch_.clear();
  const char* const run = input.data();  // start of what passes as it lies
  const char* passed = run;              // end of it
  while (true) {
    const auto step = reader_.next(input);
    if (step.what == What::need_more || step.what == What::broken || step.what == What::end) {
      if (raw_ && passed != run) {
        pieces.emplace_back(run, static_cast<std::size_t>(passed - run));
      }
      if (step.what == What::end) close_content();
      if (!scratch_.empty()) pieces.push_back(boost::asio::buffer(scratch_));
      if (step.what == What::end) return State::whole;
      return step.what == What::broken ? State::broken : State::open;
    }
    if (step.what == What::data) {
      meter.feed(step.data);
      note(step.data);
    }
    if (raw_ && step.canonical) {
      passed = input.data();
      inside_chunk_ = step.what == What::chunk_begin ||
                      (inside_chunk_ && step.what != What::chunk_end);
      continue;
    }
    if (raw_) {
      // An extension came: from here on everything is written afresh.
      raw_ = false;
      scratch_.append(run, passed);
    }
    write_step(step);
  }
}

Repacker::State Repacker::at_close(Pieces& pieces) {
  if (!reader_.complete_at_close()) return State::broken;
  scratch_.clear();
  close_content();
  if (!scratch_.empty()) pieces.push_back(boost::asio::buffer(scratch_));
  return State::whole;
}

bool Repacker::at_event_end() const {
  return !inside_chunk_ && (last_data_.ends_with("\n\n") || last_data_.ends_with("\r\n\r\n"));
}

void Repacker::note(std::string_view content) {
  last_data_.assign(content.substr(content.size() - std::min(kEventEnd, content.size())));
  if (first_ != 0) return;
  const std::size_t at = content.find_first_not_of(" \t\r\n");
  if (at != std::string_view::npos) first_ = content[at];
}

void Repacker::write_step(const http::BodyReader::Step& step) {
  const bool chunks = out_ == Framing::chunked;
  // With the provider's chunks and nothing filtered, ours begin and end with them.
  const bool same_chunks = chunks && in_ == Framing::chunked && !filter_;
  if (step.what == What::chunk_begin && same_chunks) {
    append_size(step.size);
    inside_chunk_ = true;
  }
  if (step.what == What::chunk_end && same_chunks) {
    scratch_ += "\r\n";
    inside_chunk_ = false;
  }
  if (step.what != What::data) return;
  if (filter_) {
    filtered_.clear();
    filter_->feed(step.data, filtered_);
    append_filtered();
    return;
  }
  if (chunks && !same_chunks) append_size(step.data.size());
  scratch_ += step.data;
  if (chunks && !same_chunks) scratch_ += "\r\n";
}

void Repacker::append_filtered() {
  if (filtered_.empty()) return;
  if (out_ == Framing::chunked) append_size(filtered_.size());
  scratch_ += filtered_;
  if (out_ == Framing::chunked) scratch_ += "\r\n";
}

void Repacker::close_content() {
  if (filter_) {
    filtered_.clear();
    filter_->finish(filtered_);
    append_filtered();
  }
  if (out_ == Framing::chunked) scratch_ += "0\r\n\r\n";
}

void Repacker::append_size(std::uint64_t size) {
  char text[20];
  scratch_.append(text, http::write_chunk_size(size, text));
}

}  // namespace farebox
