// Response heads: the same rules towards the provider. A provider is trusted no more
// than a client.
#include "proxy/http/head_parts.hpp"
#include "proxy/http/text.hpp"

namespace farebox::http {
namespace {

// RFC 9112, 6.3, for responses, in its order.
Result<void> frame_response(std::string_view method, ResponseHead& out) {
  bool close = false;
  bool keep_alive = false;
  const Field* coding = nullptr;
  bool has_length = false;
  std::size_t options = 0;
  std::uint64_t length = 0;
  for (const Field& field : out.fields) {
    if (equals_ignoring_case(field.name, "connection")) {
      options += list_size(field.value);
      if (options > kMaxConnectionOptions) return malformed("Connection names too many fields");
      close |= list_holds(field.value, "close");
      keep_alive |= list_holds(field.value, "keep-alive");
    } else if (equals_ignoring_case(field.name, "transfer-encoding")) {
      if (coding != nullptr) return malformed("more than one Transfer-Encoding");
      coding = &field;
    } else if (equals_ignoring_case(field.name, "content-length")) {
      // 6.3, 5: equal values in a list or in several lines count as one.
      std::string_view list = field.value;
      while (true) {
        const std::size_t comma = list.find(',');
        std::uint64_t value = 0;
        if (!parse_length(trim(list.substr(0, comma)), value) || (has_length && value != length)) {
          return malformed("Content-Length is not one number");
        }
        length = value;
        has_length = true;
        if (comma == std::string_view::npos) break;
        list.remove_prefix(comma + 1);
      }
    }
  }
  out.keep_alive = !close && (out.minor_version >= 1 || keep_alive);
  out.content_length = 0;
  if (coding != nullptr) {
    if (out.minor_version == 0) return malformed("Transfer-Encoding in an HTTP/1.0 answer");
    if (has_length) return malformed("Content-Length and Transfer-Encoding together");
    if (!is_chunked(coding->value)) return malformed("Transfer-Encoding is not chunked");
  }
  // 6.3, 1: these never have content, whatever their fields say.
  if (method == "HEAD" || out.status == 204 || out.status == 304 || out.status < 200) {
    out.framing = Framing::none;
    out.content_length = length;
  } else if (coding != nullptr) {
    out.framing = Framing::chunked;
  } else if (has_length) {
    out.framing = Framing::length;
    out.content_length = length;
  } else {
    out.framing = Framing::until_close;
    out.keep_alive = false;
  }
  return {};
}

// RFC 9112, 4: HTTP-version SP status-code SP [reason-phrase].
Result<void> parse_status_line(std::string_view line, ResponseHead& out) {
  int major = 0;
  if (line.size() < 12 || !parse_version(line.substr(0, 8), major, out.minor_version) ||
      major != 1 || line[8] != ' ' || !is_digit(line[9]) || !is_digit(line[10]) ||
      !is_digit(line[11]) || (line.size() > 12 && line[12] != ' ')) {
    return malformed("the status line is not HTTP's");
  }
  out.status = (line[9] - '0') * 100 + (line[10] - '0') * 10 + (line[11] - '0');
  // RFC 9110, 15: outside 100 to 599 a client can't tell what it means.
  if (out.status < 100 || out.status > 599) return malformed("the status is not one of HTTP's");
  out.reason = line.size() > 13 ? line.substr(13) : std::string_view();
  for (const char c : out.reason) {
    if (!is_field_value_char(c)) return malformed("the reason phrase holds a control character");
  }
  return {};
}

Error from_upstream(const Error& error) {
  return Error(ErrorCode::upstream_invalid, Fault::provider, Retry::unknown, error.context);
}

}  // namespace

std::string_view ResponseHead::value(std::string_view name) const {
  return first_value(fields, name);
}

Result<void> parse_response(std::string_view head, std::string_view method,
                            const HeadLimits& limits, ResponseHead& out) {
  Lines lines{head};
  std::string_view line;
  if (!lines.next(line)) return from_upstream(malformed("the head has no status line"));
  if (const auto done = parse_status_line(line, out); !done) return from_upstream(done.error());
  if (const auto done = parse_fields(lines, limits, true, out.fields); !done) {
    return from_upstream(done.error());
  }
  if (const auto done = frame_response(method, out); !done) return from_upstream(done.error());
  return {};
}

}  // namespace farebox::http
