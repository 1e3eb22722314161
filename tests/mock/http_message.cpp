#include "tests/mock/http_message.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>

#include "tests/mock/octets.hpp"
#include "tests/mock/stream.hpp"

namespace farebox::mock {

namespace {

constexpr std::size_t kMostHead = 8 << 20;
constexpr std::size_t kMostLine = 64 << 10;
constexpr std::string_view kTokenMarks = "!#$%&'*+-.^_`|~";

bool is_token(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           kTokenMarks.find(c) != std::string_view::npos;
  });
}

bool is_visible(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(),
                                      [](unsigned char c) { return c > 0x20 && c < 0x7f; });
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

// RFC 9112 section 3: method SP target SP version, nothing else.
std::string read_request_line(std::string_view line, Request& request) {
  const auto first = line.find(' ');
  const auto last = line.rfind(' ');
  if (first == std::string_view::npos || first == last) return "request line without three parts";
  request.method = line.substr(0, first);
  request.target = line.substr(first + 1, last - first - 1);
  request.version = line.substr(last + 1);
  if (!is_token(request.method)) return "method is no token";
  if (!is_visible(request.target)) return "target with blanks or odd octets";
  if (request.version != "HTTP/1.1" && request.version != "HTTP/1.0") return "unknown version";
  return {};
}

// RFC 9112 section 5: name, colon, value; no folding, no odd octets.
std::string read_field_line(std::string_view line, std::vector<Field>& to) {
  if (line.front() == ' ' || line.front() == '\t') return "folded field line";
  const auto colon = line.find(':');
  if (colon == std::string_view::npos) return "field line without a colon";
  const auto name = line.substr(0, colon);
  const auto value = trimmed(line.substr(colon + 1));
  if (!is_token(name)) return "field name is no token";
  for (const unsigned char c : value) {
    if ((c < 0x20 && c != '\t') || c == 0x7f) return "control octet in a field value";
  }
  to.push_back({std::string(name), std::string(value)});
  return {};
}

// RFC 9112 section 6: one way to tell where the message ends, and only one.
std::string read_framing(Request& request) {
  int lengths = 0, encodings = 0, hosts = 0;
  for (const Field& field : request.fields) {
    const std::string name = lower(field.name);
    if (name == "host") ++hosts;
    if (name == "transfer-encoding") {
      ++encodings;
      request.framing = Framing::chunked;
      if (lower(field.value) != "chunked") return "transfer-encoding is not chunked";
    }
    if (name == "content-length") {
      ++lengths;
      const char* end = field.value.data() + field.value.size();
      const auto [stop, error] =
          std::from_chars(field.value.data(), end, request.content_length);
      if (error != std::errc() || stop != end) return "content-length is no number";
      if (request.framing == Framing::none) request.framing = Framing::length;
    }
  }
  if (encodings > 1 || lengths > 1) return "framing field repeated";
  if (encodings + lengths > 1) return "both content-length and transfer-encoding";
  if (encodings > 0 && request.version == "HTTP/1.0") return "transfer-encoding in HTTP/1.0";
  if (hosts != 1 && request.version == "HTTP/1.1") return "not exactly one host field";
  return {};
}

std::string read_lines(std::string_view text, Request& request) {
  bool first = true;
  while (!text.empty()) {
    const auto end = text.find("\r\n");
    const auto line = text.substr(0, end);
    text.remove_prefix(end + 2);
    if (line.find_first_of(std::string_view("\r\n\0", 3)) != std::string_view::npos) {
      return "bare CR, bare LF or NUL in the head";
    }
    if (line.empty()) break;
    std::string fault = first ? read_request_line(line, request)
                              : read_field_line(line, request.fields);
    if (!fault.empty()) return fault;
    first = false;
  }
  return first ? "no request line" : read_framing(request);
}

// RFC 9112 section 7.1: hexadecimal digits; a proxy has no use for extensions.
bool read_chunk_size(std::string_view line, std::uint64_t& size) {
  const auto [stop, error] = std::from_chars(line.data(), line.data() + line.size(), size, 16);
  return error == std::errc() && stop == line.data() + line.size();
}

void pause(Stream& stream, int pause_ms) {
  if (pause_ms > 0) stream.wait_with_peer(std::chrono::milliseconds(pause_ms));
}

}  // namespace

std::string_view Request::path() const {
  return std::string_view(target).substr(0, target.find('?'));
}

std::string_view Request::query() const {
  const auto mark = target.find('?');
  return mark == std::string::npos ? std::string_view() : std::string_view(target).substr(mark + 1);
}

std::string_view Request::field(std::string_view name) const {
  for (const Field& field : fields) {
    if (lower(field.name) == lower(name)) return field.value;
  }
  return {};
}

bool Inbox::fill() {
  std::array<char, 65536> room;
  const std::size_t n = stream_.read_some(room.data(), room.size());
  octets_.append(room.data(), n);
  return n > 0;
}

ReadEnd RequestReader::read_head(Request& request) {
  // Some octets say at once that no head will come of them: a TLS hello, LF LF.
  std::size_t end = std::string::npos;
  while ((end = inbox_.octets_.find("\r\n\r\n")) == std::string::npos) {
    const std::string& octets = inbox_.octets_;
    const bool binary = !octets.empty() && !is_visible(octets.substr(0, 1));
    if (binary || octets.size() > kMostHead || octets.find("\n\n") != std::string::npos) {
      request.head = inbox_.octets_.substr(0, kMostLine);
      request.fault = "head without an end";
      return ReadEnd::faulty;
    }
    if (!inbox_.fill()) {
      request.head = inbox_.octets_;
      return ReadEnd::cut_short;
    }
  }
  request.head = inbox_.octets_.substr(0, end + 4);
  inbox_.octets_.erase(0, end + 4);
  request.fault = read_lines(request.head, request);
  return request.fault.empty() ? ReadEnd::whole : ReadEnd::faulty;
}

ReadEnd RequestReader::read_body(Request& request, int pause_ms) {
  if (request.framing == Framing::none) return ReadEnd::whole;
  if (request.framing == Framing::chunked) return read_chunked(request, pause_ms);
  return take(request.content_length, request.body, pause_ms) ? ReadEnd::whole
                                                              : ReadEnd::cut_short;
}

ReadEnd RequestReader::read_chunked(Request& request, int pause_ms) {
  std::string line;
  while (true) {
    if (!take_line(line)) return ReadEnd::cut_short;
    std::uint64_t size = 0;
    if (!read_chunk_size(line, size)) {
      request.fault = "bad chunk size line";
      return ReadEnd::faulty;
    }
    if (size == 0) break;
    request.chunks.push_back(size);
    if (!take(size, request.body, pause_ms)) return ReadEnd::cut_short;
    if (!take_line(line)) return ReadEnd::cut_short;
    if (!line.empty()) {
      request.fault = "octets after a chunk's data";
      return ReadEnd::faulty;
    }
  }
  while (true) {
    if (!take_line(line)) return ReadEnd::cut_short;
    if (line.empty()) return ReadEnd::whole;
    request.fault = read_field_line(line, request.trailers);
    if (!request.fault.empty()) return ReadEnd::faulty;
  }
}

bool RequestReader::take(std::size_t size, std::string& to, int pause_ms) {
  while (size > 0) {
    if (inbox_.octets_.empty()) {
      pause(inbox_.stream_, pause_ms);
      if (!inbox_.fill()) return false;
    }
    const std::size_t part = std::min(size, inbox_.octets_.size());
    to.append(inbox_.octets_, 0, part);
    inbox_.octets_.erase(0, part);
    size -= part;
  }
  return true;
}

bool RequestReader::take_line(std::string& line) {
  std::size_t end = std::string::npos;
  while ((end = inbox_.octets_.find("\r\n")) == std::string::npos) {
    if (inbox_.octets_.size() > kMostLine || !inbox_.fill()) return false;
  }
  line = inbox_.octets_.substr(0, end);
  inbox_.octets_.erase(0, end + 2);
  return true;
}

}  // namespace farebox::mock
