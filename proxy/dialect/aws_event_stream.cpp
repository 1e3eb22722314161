#include "proxy/dialect/aws_event_stream.hpp"

#include <zlib.h>

#include <algorithm>
#include <optional>

namespace farebox {
namespace {

constexpr std::size_t kPrelude = 12;  // both lengths and their checksum
constexpr std::size_t kChecksum = 4;
constexpr std::size_t kSpare = 1u << 20;  // octets of memory kept from one large frame to the next

std::uint32_t big_endian(std::string_view octets, std::size_t size) {
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < size; ++i) {
    value = value << 8 | static_cast<unsigned char>(octets[i]);
  }
  return value;
}

std::uint32_t checksum_of(std::string_view octets) {
  return static_cast<std::uint32_t>(
      crc32(0, reinterpret_cast<const Bytef*>(octets.data()), static_cast<uInt>(octets.size())));
}

// Takes `size` octets off the front, or nothing when there are fewer.
std::optional<std::string_view> take(std::string_view& from, std::size_t size) {
  if (from.size() < size) return std::nullopt;
  const std::string_view taken = from.substr(0, size);
  from.remove_prefix(size);
  return taken;
}

// A number of `size` octets, and as many octets as it says.
std::optional<std::string_view> take_counted(std::string_view& from, std::size_t size) {
  const auto length = take(from, size);
  return length ? take(from, big_endian(*length, size)) : std::nullopt;
}

struct Header {
  std::string_view name;
  std::string_view text;  // of a string; empty for every other type
};

// False: the octets are no header.
bool take_header(std::string_view& from, Header& header) {
  const auto name = take_counted(from, 1);
  const auto type = take(from, 1);
  if (!name || name->empty() || !type) return false;
  header = {*name, {}};
  switch (type->front()) {
    case 0: case 1: return true;  // true and false
    case 2: return take(from, 1).has_value();
    case 3: return take(from, 2).has_value();
    case 4: return take(from, 4).has_value();
    case 5: case 8: return take(from, 8).has_value();  // a long, a time
    case 9: return take(from, 16).has_value();         // a UUID
    case 6: return take_counted(from, 2).has_value();  // octets
    case 7: {
      const auto text = take_counted(from, 2);
      if (text) header.text = *text;
      return text.has_value();
    }
    default: return false;
  }
}

// False: the headers don't fill the room that was said to be theirs.
bool read_headers(std::string_view headers, AwsEvent& event) {
  while (!headers.empty()) {
    Header header;
    if (!take_header(headers, header)) return false;
    if (header.name == ":message-type") {
      if (header.text == "exception") event.kind = AwsEvent::Kind::exception;
      if (header.text == "error") event.kind = AwsEvent::Kind::error;
    } else if (header.name == ":event-type" || header.name == ":exception-type" ||
               header.name == ":error-code") {
      event.type = header.text;
    }
  }
  return true;
}

}  // namespace

// How long the frame is that begins here, or 0 when its prelude isn't whole yet. Lengths
// and a checksum that can't be right break the stream.
std::size_t AwsEventSplitter::needed(std::string_view frame) {
  if (frame.size() < kPrelude) return 0;
  const std::size_t total = big_endian(frame, 4);
  const std::size_t headers = big_endian(frame.substr(4), 4);
  broken_ = total < kPrelude + kChecksum || total > kMaxFrame || headers > kMaxHeaders ||
            headers > total - kPrelude - kChecksum ||
            checksum_of(frame.substr(0, 8)) != big_endian(frame.substr(8), 4);
  return broken_ ? 0 : total;
}

bool AwsEventSplitter::take_frame(std::string_view frame, AwsEvent& event) {
  const std::string_view body = frame.substr(0, frame.size() - kChecksum);
  const std::size_t headers = big_endian(frame.substr(4), 4);
  event = {};
  event.payload = body.substr(kPrelude + headers);
  broken_ = checksum_of(body) != big_endian(frame.substr(body.size()), kChecksum) ||
            !read_headers(body.substr(kPrelude, headers), event);
  if (broken_) event = {};
  frames_ += broken_ ? 0 : 1;
  return !broken_;
}

bool AwsEventSplitter::next(std::string_view& piece, AwsEvent& event) {
  if (given_) {
    given_ = false;
    kept_.clear();
    total_ = 0;
    if (kept_.capacity() > kSpare) kept_.shrink_to_fit();
  }
  while (!broken_ && !piece.empty()) {
    if (kept_.empty()) {
      const std::size_t total = needed(piece);
      if (broken_) break;
      if (total != 0 && piece.size() >= total) {
        const std::string_view frame = piece.substr(0, total);
        piece.remove_prefix(total);
        if (take_frame(frame, event)) return true;
        break;
      }
    }
    // The prelude first: only then is it known how much more belongs to the frame.
    const std::size_t target = total_ != 0 ? total_ : kPrelude;
    const std::size_t more = std::min(target - kept_.size(), piece.size());
    kept_.append(piece.substr(0, more));
    piece.remove_prefix(more);
    if (kept_.size() < target) break;
    if (total_ == 0) {
      total_ = needed(kept_);
    } else if (take_frame(kept_, event)) {
      given_ = true;
      return true;
    }
  }
  if (broken_) {
    piece = {};
    std::string().swap(kept_);
  }
  return false;
}

namespace {

void append_big_endian(std::string& out, std::size_t value, int octets) {
  for (int shift = 8 * (octets - 1); shift >= 0; shift -= 8) {
    out.push_back(static_cast<char>(value >> shift & 0xff));
  }
}

void append_header(std::string& out, std::string_view name, std::string_view text) {
  constexpr std::size_t kString = 7;
  append_big_endian(out, name.size(), 1);
  out += name;
  append_big_endian(out, kString, 1);
  append_big_endian(out, text.size(), 2);
  out += text;
}

}  // namespace

std::string aws_event_frame(std::string_view type, std::string_view payload) {
  std::string headers;
  append_header(headers, ":event-type", type);
  append_header(headers, ":content-type", "application/json");
  append_header(headers, ":message-type", "event");
  std::string frame;
  append_big_endian(frame, kPrelude + headers.size() + payload.size() + kChecksum, 4);
  append_big_endian(frame, headers.size(), 4);
  append_big_endian(frame, checksum_of(frame), 4);
  frame += headers;
  frame += payload;
  append_big_endian(frame, checksum_of(frame), 4);
  return frame;
}

}  // namespace farebox
