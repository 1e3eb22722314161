// Request heads: RFC 9112 in its order.
#include <arpa/inet.h>

#include <string>

#include "proxy/http/head_parts.hpp"
#include "proxy/http/text.hpp"

namespace farebox::http {
namespace {

// RFC 3986, 3.2.2: host [":" port], as far as a Host field may go: letters, digits,
// '-', '.', '_', '~' and percent, or an IP literal in brackets.
bool is_valid_host(std::string_view text) {
  if (text.empty()) return false;
  std::string_view port;
  if (text.front() == '[') {
    const std::size_t end = text.find(']');
    if (end == std::string_view::npos || end < 3) return false;
    const std::string literal(text.substr(1, end - 1));
    in6_addr address{};
    if (::inet_pton(AF_INET6, literal.c_str(), &address) != 1) return false;
    port = text.substr(end + 1);
    if (!port.empty() && port.front() != ':') return false;
  } else {
    const std::size_t colon = text.find(':');
    const std::string_view name = text.substr(0, colon);
    if (name.empty()) return false;
    for (std::size_t i = 0; i < name.size(); ++i) {
      const char c = name[i];
      if (is_digit(c) || is_alpha(c) || c == '-' || c == '.' || c == '_' || c == '~') continue;
      if (c != '%' || i + 2 >= name.size()) return false;
      if (hex_value(name[i + 1]) < 0 || hex_value(name[i + 2]) < 0) return false;
    }
    port = colon == std::string_view::npos ? std::string_view() : text.substr(colon);
  }
  if (port.empty()) return true;
  port.remove_prefix(1);
  if (port.size() > 5) return false;
  unsigned number = 0;
  for (const char c : port) {
    if (!is_digit(c)) return false;
    number = number * 10 + static_cast<unsigned>(c - '0');
  }
  return number <= 65535;
}

// RFC 9112, 3.2: the four forms of a target. Authority-form belongs to CONNECT.
Result<void> parse_target(RequestHead& head) {
  std::string_view target = head.target;
  if (target == "*") {
    if (head.method != "OPTIONS") return malformed("the target * is for OPTIONS only");
    return {};
  }
  if (head.method == "CONNECT") {
    // 9.3.6: host and port, both of them.
    const std::size_t colon = target.rfind(':');
    if (colon == std::string_view::npos || colon + 1 == target.size() || target.ends_with(']') ||
        !is_valid_host(target)) {
      return malformed("CONNECT needs a target of the form host:port");
    }
    return {};
  }
  if (target.front() == '/') return {};

  // 3.2.2: absolute-form. Its authority replaces Host; only http can come in clear.
  constexpr std::string_view kScheme = "http://";
  if (target.size() <= kScheme.size() ||
      !equals_ignoring_case(target.substr(0, kScheme.size()), kScheme)) {
    return malformed("the request target is neither a path nor an http URL");
  }
  target.remove_prefix(kScheme.size());
  const std::size_t end = target.find_first_of("/?");
  const std::string_view authority = target.substr(0, end);
  if (!is_valid_host(authority)) return malformed("the request target names no valid host");
  head.host = authority;
  if (end == std::string_view::npos) {
    head.target = "/";
  } else if (target[end] == '?') {
    // RFC 9112, 3.2.1: an empty path is sent as "/".
    head.rewritten_target = "/" + std::string(target.substr(end));
    head.target = head.rewritten_target;
  } else {
    head.target = target.substr(end);
  }
  return {};
}

// RFC 9112, 3: method SP request-target SP HTTP-version, single blanks.
Result<void> parse_request_line(std::string_view line, RequestHead& out) {
  const std::size_t first = line.find(' ');
  const std::size_t second = first == std::string_view::npos ? first : line.find(' ', first + 1);
  if (second == std::string_view::npos) {
    return malformed("the request line is not: method, blank, target, blank, version");
  }
  out.method = line.substr(0, first);
  out.target = line.substr(first + 1, second - first - 1);
  const std::string_view version = line.substr(second + 1);
  if (!is_token(out.method)) return malformed("the method holds a character it must not");
  int major = 0;
  if (!parse_version(version, major, out.minor_version)) {
    return malformed("the request line does not end with HTTP/1.1");
  }
  if (major != 1) {
    return Error(ErrorCode::version_unsupported, Fault::client, Retry::no,
                 "farebox speaks HTTP/1.1 and HTTP/1.0 here");
  }
  // RFC 9110, 2.5: a higher minor version is read as the highest we know.
  if (out.minor_version > 1) out.minor_version = 1;
  if (out.target.empty()) return malformed("the request target is empty");
  for (const char c : out.target) {
    if (!is_target_char(c) || c == '#') {
      return malformed("the request target holds a character it must not");
    }
  }
  return {};
}

// Codings that exist and end in chunked: understood as a request, not supported.
bool is_known_coding_list(std::string_view value) {
  std::size_t chunked = 0;
  std::string_view last;
  while (true) {
    const std::size_t comma = value.find(',');
    last = trim(value.substr(0, comma));
    if (is_chunked(last)) {
      ++chunked;
    } else if (!equals_ignoring_case(last, "gzip") && !equals_ignoring_case(last, "deflate") &&
               !equals_ignoring_case(last, "compress")) {
      return false;
    }
    if (comma == std::string_view::npos) break;
    value.remove_prefix(comma + 1);
  }
  return chunked == 1 && is_chunked(last);
}

// RFC 9112, 6.1 to 6.3, for requests. In doubt it is refused and the connection closed.
Result<void> frame_request(RequestHead& out) {
  const Field* length = nullptr;
  const Field* coding = nullptr;
  for (const Field& field : out.fields) {
    if (equals_ignoring_case(field.name, "content-length")) {
      // 6.3, 5: several lengths, equal ones too, are refused.
      if (length != nullptr) return malformed("more than one Content-Length");
      length = &field;
    } else if (equals_ignoring_case(field.name, "transfer-encoding")) {
      if (coding != nullptr) return malformed("more than one Transfer-Encoding");
      coding = &field;
    }
  }
  out.framing = Framing::none;
  out.content_length = 0;
  if (coding != nullptr) {
    // 6.1: both lengths may be an attack on whoever reads the other one.
    if (length != nullptr) return malformed("Content-Length and Transfer-Encoding together");
    // 6.1: a transfer coding in HTTP/1.0 is faulty framing.
    if (out.minor_version == 0) return malformed("Transfer-Encoding in an HTTP/1.0 request");
    if (!is_chunked(coding->value)) {
      if (is_known_coding_list(coding->value)) {
        return Error(ErrorCode::upgrade_unsupported, Fault::client, Retry::no,
                     "farebox reads no transfer coding but chunked");
      }
      return malformed("Transfer-Encoding is not chunked");
    }
    out.framing = Framing::chunked;
  } else if (length != nullptr) {
    if (!parse_length(length->value, out.content_length)) {
      return malformed("Content-Length is not a number farebox can hold");
    }
    out.framing = Framing::length;
  }
  return {};
}

// RFC 9112, 3.2: exactly one valid Host in HTTP/1.1, at most one in HTTP/1.0.
Result<void> check_host(RequestHead& out) {
  const Field* host = nullptr;
  for (const Field& field : out.fields) {
    if (!equals_ignoring_case(field.name, "host")) continue;
    if (host != nullptr) return malformed("more than one Host");
    host = &field;
  }
  if (host == nullptr) {
    if (out.minor_version >= 1) return malformed("Host is missing");
    return {};
  }
  if (!is_valid_host(host->value)) return malformed("Host is not a valid host name");
  if (out.host.empty()) out.host = host->value;
  return {};
}

// RFC 9112, 9.3 and RFC 9110, 10.1.1, 7.8: what the connection fields ask for.
Result<void> read_connection_fields(RequestHead& out) {
  bool close = false;
  bool keep_alive = false;
  bool upgrade = false;
  bool websocket = false;
  bool websocket_key = false;
  std::size_t options = 0;
  out.expects_continue = false;
  for (const Field& field : out.fields) {
    if (equals_ignoring_case(field.name, "connection")) {
      options += list_size(field.value);
      if (options > kMaxConnectionOptions) return malformed("Connection names too many fields");
      close |= list_holds(field.value, "close");
      keep_alive |= list_holds(field.value, "keep-alive");
      upgrade |= list_holds(field.value, "upgrade");
    } else if (equals_ignoring_case(field.name, "upgrade")) {
      websocket |= list_holds(field.value, "websocket");
    } else if (equals_ignoring_case(field.name, "sec-websocket-key")) {
      websocket_key = true;
    } else if (equals_ignoring_case(field.name, "expect")) {
      if (!equals_ignoring_case(field.value, "100-continue")) {
        return Error(ErrorCode::expectation_failed, Fault::client, Retry::no,
                     "the only expectation farebox can meet is 100-continue");
      }
      out.expects_continue = out.minor_version >= 1;
    }
  }
  out.keep_alive = !close && (out.minor_version >= 1 || keep_alive);
  // RFC 9110, 7.8: Upgrade in HTTP/1.0 is ignored.
  out.asks_websocket = upgrade && websocket && websocket_key && out.minor_version >= 1;
  return {};
}

}  // namespace

void RequestHead::clear() {
  auto kept = std::move(fields);
  kept.clear();
  *this = RequestHead();
  fields = std::move(kept);
}

std::string_view RequestHead::value(std::string_view name) const {
  return first_value(fields, name);
}

bool RequestHead::has(std::string_view name) const {
  for (const Field& field : fields) {
    if (equals_ignoring_case(field.name, name)) return true;
  }
  return false;
}

Result<void> check_request_line(std::string_view line) {
  RequestHead ignored;
  return parse_request_line(line, ignored);
}

Result<void> parse_request(std::string_view head, const HeadLimits& limits, RequestHead& out) {
  Lines lines{head};
  std::string_view line;
  if (!lines.next(line)) return malformed("the head has no request line");
  out.host = {};
  if (const auto done = parse_request_line(line, out); !done) return done.error();
  if (const auto done = parse_fields(lines, limits, false, out.fields); !done) return done.error();
  if (const auto done = parse_target(out); !done) return done.error();
  if (const auto done = check_host(out); !done) return done.error();
  if (const auto done = frame_request(out); !done) return done.error();
  return read_connection_fields(out);
}

}  // namespace farebox::http
