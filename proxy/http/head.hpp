// Request and response heads of HTTP/1.1, read strictly.
//
// The guard in front of everything: what two parsers could read differently is
// refused here, so that what we write afresh behind it means one thing only. Rules
// and their order are RFC 9112's; each stands beside the lines that enforce it. A
// plain object without I/O; views point into the buffer that was given.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "config/base/result.hpp"

namespace farebox::http {

struct Field {
  std::string_view name;
  std::string_view value;  // without surrounding blanks
};

struct HeadLimits {
  std::size_t line = 16 << 10;    // request line
  std::size_t head = 32 << 10;    // whole head
  std::size_t fields = 200;
};

// How the content behind a head is delimited (RFC 9112, 6.3).
enum class Framing : std::uint8_t {
  none,         // no content
  length,       // Content-Length octets
  chunked,      // chunked transfer coding
  until_close,  // a response that ends with its connection
};

struct RequestHead {
  std::string_view method;
  std::string_view target;  // origin-form or "*"; an absolute-form is reduced to its path
  std::string rewritten_target;  // what `target` points into when it had to be rewritten
  std::string_view host;
  int minor_version = 1;
  std::vector<Field> fields;  // in order, spelled as received

  Framing framing = Framing::none;
  std::uint64_t content_length = 0;
  bool keep_alive = true;        // the client allows another request
  bool expects_continue = false;
  bool asks_websocket = false;   // a complete WebSocket handshake

  // Forgets everything; the vector keeps its memory.
  void clear();
  // First value of a field, or empty. `name` in lower case.
  std::string_view value(std::string_view name) const;
  bool has(std::string_view name) const;
};

struct ResponseHead {
  int status = 0;
  int minor_version = 1;
  std::string_view reason;
  std::vector<Field> fields;

  Framing framing = Framing::none;
  std::uint64_t content_length = 0;
  bool keep_alive = true;  // the connection may carry another request

  std::string_view value(std::string_view name) const;
};

// Looks for the end of a head as octets arrive, each octet once.
class HeadScanner {
 public:
  explicit HeadScanner(const HeadLimits& limits) : limits_(limits) {}

  // `data` is everything received so far, from the first octet of the head.
  // Returns the head's length with its empty line, or 0 while it is incomplete.
  // Errors: headers_too_large, uri_too_long, bad_request for a bare LF.
  Result<std::size_t> find_end(std::string_view data);
  void reset() { seen_ = 0; in_first_line_ = true; }

 private:
  HeadLimits limits_;
  std::size_t seen_ = 0;
  bool in_first_line_ = true;
};

// Is this a request line, as far as its first line goes? Without its CRLF.
Result<void> check_request_line(std::string_view line);

// Parses a complete head, empty line included. The same object is reused so that
// its vector keeps its memory. Error: bad_request, version_unsupported,
// headers_too_large.
Result<void> parse_request(std::string_view head, const HeadLimits& limits, RequestHead& out);

// The same for a response to a request of that method; any error is upstream_invalid.
Result<void> parse_response(std::string_view head, std::string_view method,
                            const HeadLimits& limits, ResponseHead& out);

// Field names and many values compare without case (ASCII).
bool same_size_equals_ignoring_case(const char* a, const char* b, std::size_t size);
inline bool equals_ignoring_case(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  // Most names differ in their first letter, and in more than its case.
  if (!a.empty() && ((a[0] ^ b[0]) & ~0x20) != 0) return false;
  return same_size_equals_ignoring_case(a.data(), b.data(), a.size());
}
// `list` is a comma-separated list; does it hold `token`, ignoring case?
std::size_t list_size(std::string_view list);  // elements, empty ones too
bool list_holds(std::string_view list, std::string_view token);
std::string_view trim(std::string_view text);  // SP and HTAB at both ends

}  // namespace farebox::http
