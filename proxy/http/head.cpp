#include "proxy/http/head.hpp"

#include <algorithm>
#include <cstring>

#include "proxy/http/head_parts.hpp"
#include "proxy/http/text.hpp"

namespace farebox::http {
namespace {

// RFC 9112, 5: field-name ":" OWS field-value OWS.
Result<void> parse_field(std::string_view line, bool blank_before_colon, Field& out) {
  // 5.2: a line folded onto the one before it. Refused rather than joined.
  if (line.front() == ' ' || line.front() == '\t') {
    return malformed("a header line begins with a blank (obsolete line folding)");
  }
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos) return malformed("a header line has no colon");
  out.name = line.substr(0, colon);
  // 5.1: no blank between name and colon, which the token check covers; in a response it
  // is removed.
  if (blank_before_colon) out.name = trim(out.name);
  if (!is_token(out.name)) return malformed("a header name holds a character it must not");
  out.value = trim(line.substr(colon + 1));
  // RFC 9110, 5.5: CR, LF, NUL and other controls in a value are refused.
  for (const char c : out.value) {
    if (!is_field_value_char(c)) return malformed("a header value holds a control character");
  }
  return {};
}

}  // namespace

Error malformed(const char* why) {
  return Error(ErrorCode::bad_request, Fault::client, Retry::no, why);
}

Result<void> parse_fields(Lines& lines, const HeadLimits& limits, bool blank_before_colon,
                          std::vector<Field>& out) {
  out.clear();
  std::string_view line;
  while (lines.next(line)) {
    if (line.empty()) return {};
    if (out.size() == limits.fields) {
      return Error(ErrorCode::headers_too_large, Fault::client, Retry::no,
                   "the request has more header fields than limits.header_fields allows");
    }
    Field field;
    if (const auto parsed = parse_field(line, blank_before_colon, field); !parsed) return parsed.error();
    out.push_back(field);
  }
  return malformed("the head ends too early");
}

bool parse_length(std::string_view text, std::uint64_t& out) {
  if (text.empty() || text.size() > 19) return false;
  out = 0;
  for (const char c : text) {
    if (!is_digit(c)) return false;
    out = out * 10 + static_cast<std::uint64_t>(c - '0');
  }
  return out <= static_cast<std::uint64_t>(INT64_MAX);
}

bool parse_version(std::string_view text, int& major, int& minor) {
  if (text.size() != 8 || !text.starts_with("HTTP/") || !is_digit(text[5]) || text[6] != '.' ||
      !is_digit(text[7])) {
    return false;
  }
  major = text[5] - '0';
  minor = text[7] - '0';
  return true;
}

bool is_chunked(std::string_view coding) { return equals_ignoring_case(coding, "chunked"); }

std::string_view first_value(const std::vector<Field>& fields, std::string_view name) {
  for (const Field& field : fields) {
    if (equals_ignoring_case(field.name, name)) return field.value;
  }
  return {};
}

namespace {

// Eight octets with A to Z as a to z, all at once.
std::uint64_t lower_word(const char* text) {
  constexpr std::uint64_t kOnes = 0x0101010101010101u, kHigh = 0x80 * kOnes;
  std::uint64_t word;
  std::memcpy(&word, text, sizeof word);
  const std::uint64_t low = word & ~kHigh;
  const std::uint64_t from_a = low + (0x80 - 'A') * kOnes, behind_z = low + (0x7f - 'Z') * kOnes;
  const std::uint64_t upper = ~word & (from_a ^ behind_z) & kHigh;
  return word | upper >> 2;
}

}  // namespace

bool same_size_equals_ignoring_case(const char* a, const char* b, std::size_t size) {
  constexpr std::size_t kWord = sizeof(std::uint64_t);
  if (size < kWord) {
    for (std::size_t i = 0; i < size; ++i) {
      if (lower(a[i]) != lower(b[i])) return false;
    }
    return true;
  }
  for (std::size_t i = 0; i + kWord < size; i += kWord) {
    if (lower_word(a + i) != lower_word(b + i)) return false;
  }
  return lower_word(a + size - kWord) == lower_word(b + size - kWord);
}

std::string_view trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

std::size_t list_size(std::string_view list) {
  return 1 + static_cast<std::size_t>(std::count(list.begin(), list.end(), ','));
}

bool list_holds(std::string_view list, std::string_view token) {
  while (true) {
    const std::size_t comma = list.find(',');
    if (equals_ignoring_case(trim(list.substr(0, comma)), token)) return true;
    if (comma == std::string_view::npos) return false;
    list.remove_prefix(comma + 1);
  }
}

Result<std::size_t> HeadScanner::find_end(std::string_view data) {
  while (seen_ < data.size()) {
    const void* found = std::memchr(data.data() + seen_, '\n', data.size() - seen_);
    const std::size_t at = found == nullptr
                               ? data.size()
                               : static_cast<std::size_t>(static_cast<const char*>(found) - data.data());
    if (in_first_line_ && at > limits_.line) {
      return Error(ErrorCode::uri_too_long, Fault::client, Retry::no,
                   "the request line is longer than limits.request_line allows");
    }
    if (at > limits_.head) {
      return Error(ErrorCode::headers_too_large, Fault::client, Retry::no,
                   "the request head is larger than limits.head allows");
    }
    if (found == nullptr) {
      seen_ = data.size();
      return std::size_t{0};
    }
    // RFC 9112, 2.2: a line ends with CRLF. A lone LF is read by some and not by
    // others, so it is refused.
    if (at == 0 || data[at - 1] != '\r') return malformed("a line ends with LF alone");
    seen_ = at + 1;
    in_first_line_ = false;
    if (at >= 3 && data[at - 2] == '\n') return seen_;
  }
  return std::size_t{0};
}

}  // namespace farebox::http
