#include "proxy/http/body_reader.hpp"

#include <algorithm>
#include <charconv>

#include "proxy/http/text.hpp"

namespace farebox::http {
namespace {

// A size of sixteen hex digits fits 64 bits; longer ones are refused before they wrap.
constexpr std::size_t kMaxSizeDigits = 16;
constexpr std::size_t kMaxSizeLine = 1024;               // size and extensions of one chunk
constexpr std::uint32_t kMaxExtensionOctets = 16 << 10;  // of a whole body
constexpr std::uint32_t kMaxTrailerOctets = 8 << 10;

}  // namespace

BodyReader::BodyReader(Framing framing, std::uint64_t length) {
  switch (framing) {
    case Framing::none: state_ = State::done; break;
    case Framing::length:
      left_ = length;
      state_ = length == 0 ? State::done : State::length;
      break;
    case Framing::chunked: state_ = State::size; break;
    case Framing::until_close: state_ = State::until_close; break;
  }
}

BodyReader::Step BodyReader::next(std::string_view& input) {
  Step step;
  switch (state_) {
    case State::done:
      step.what = What::end;
      return step;
    case State::broken:
      step.what = What::broken;
      return step;
    case State::length:
    case State::data:
    case State::until_close: {
      if (input.empty()) return step;
      std::size_t take = input.size();
      if (state_ != State::until_close) {
        take = static_cast<std::size_t>(std::min<std::uint64_t>(take, left_));
        left_ -= take;
        if (left_ == 0) state_ = state_ == State::length ? State::done : State::data_end;
      }
      step.what = What::data;
      step.data = input.substr(0, take);
      input.remove_prefix(take);
      octets_ += take;
      return step;
    }
    case State::data_end:
      // RFC 9112, 7.1: CRLF follows the data.
      if (input.empty()) return step;
      if (input.front() != '\r') return break_off();
      if (input.size() < 2) return step;
      if (input[1] != '\n') return break_off();
      input.remove_prefix(2);
      state_ = State::size;
      step.what = What::chunk_end;
      return step;
    case State::size: return next_size(input);
    case State::trailer: return next_trailer(input);
  }
  return break_off();
}

BodyReader::Step BodyReader::next_size(std::string_view& input) {
  // chunk-size [ chunk-ext ] CRLF. The line is looked at again when more arrives.
  std::size_t at = 0;
  std::uint64_t size = 0;
  for (; at < input.size(); ++at) {
    const int digit = hex_value(input[at]);
    if (digit < 0) break;
    if (at == kMaxSizeDigits) return break_off();
    size = size << 4 | static_cast<std::uint64_t>(digit);
  }
  if (at == input.size()) return {};
  if (at == 0) return break_off();
  const std::size_t digits = at;

  // 7.1.1: *( BWS ";" BWS name [...] ); unknown extensions are ignored, within bounds.
  if (input[at] != '\r') {
    const std::size_t first = input.find_first_not_of(" \t", at);
    if (first != std::string_view::npos && input[first] != ';') return break_off();
    for (; at < input.size() && input[at] != '\r'; ++at) {
      if (at == kMaxSizeLine || !is_field_value_char(input[at])) return break_off();
    }
  }
  if (input.size() - at < 2) return {};
  if (input[at + 1] != '\n') return break_off();
  extension_octets_ += static_cast<std::uint32_t>(at - digits);
  if (extension_octets_ > kMaxExtensionOctets) return break_off();
  input.remove_prefix(at + 2);

  if (size == 0) {
    state_ = State::trailer;
    return next_trailer(input);
  }
  if (size > static_cast<std::uint64_t>(INT64_MAX)) return break_off();
  left_ = size;
  state_ = State::data;
  Step step;
  step.what = What::chunk_begin;
  step.size = size;
  step.canonical = at == digits;
  return step;
}

BodyReader::Step BodyReader::next_trailer(std::string_view& input) {
  // 7.1.2: *( field-line CRLF ) CRLF. Checked as fields are, then dropped: nothing a
  // trailer says may steer a connection or join the head.
  while (true) {
    const std::size_t end = input.find('\n');
    const std::size_t length = end == std::string_view::npos ? input.size() : end + 1;
    if (trailer_octets_ + length > kMaxTrailerOctets) return break_off();
    if (end == std::string_view::npos) return {};
    if (end == 0 || input[end - 1] != '\r') return break_off();
    const std::string_view line = input.substr(0, end - 1);
    input.remove_prefix(length);
    if (line.empty()) {
      state_ = State::done;
      Step step;
      step.what = What::end;
      return step;
    }
    trailer_octets_ += static_cast<std::uint32_t>(length);
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos || !is_token(line.substr(0, colon)) ||
        !std::all_of(line.begin() + static_cast<std::ptrdiff_t>(colon) + 1, line.end(),
                     is_field_value_char)) {
      return break_off();
    }
  }
}

BodyReader::Step BodyReader::break_off() {
  state_ = State::broken;
  Step step;
  step.what = What::broken;
  return step;
}

bool BodyReader::complete_at_close() {
  if (state_ == State::until_close) state_ = State::done;
  return state_ == State::done;
}

std::size_t write_chunk_size(std::uint64_t size, char* out) {
  char* end = std::to_chars(out, out + 16, size, 16).ptr;
  *end++ = '\r';
  *end++ = '\n';
  return static_cast<std::size_t>(end - out);
}

}  // namespace farebox::http
