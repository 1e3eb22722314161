// What request and response heads share, inside proxy/http only.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "proxy/http/head.hpp"

namespace farebox::http {

Error malformed(const char* why);

// One line of a head, without its CRLF. The scanner has made sure that every LF
// stands behind a CR, so only a CR on its own is left to be refused.
struct Lines {
  std::string_view rest;

  bool next(std::string_view& line) {
    const std::size_t end = rest.find("\r\n");
    if (end == std::string_view::npos) return false;
    line = rest.substr(0, end);
    rest.remove_prefix(end + 2);
    return true;
  }
};

// Reads field lines up to the empty line (RFC 9112, 5).
Result<void> parse_fields(Lines& lines, const HeadLimits& limits, bool blank_before_colon,
                          std::vector<Field>& out);

// RFC 9110, 8.6: 1*DIGIT, and it must fit.
bool parse_length(std::string_view text, std::uint64_t& out);

// RFC 9112, 2.3: HTTP-version = "HTTP/" DIGIT "." DIGIT, in capitals.
bool parse_version(std::string_view text, int& major, int& minor);

// Every field is looked up in what Connection names, so that list is short.
constexpr std::size_t kMaxConnectionOptions = 64;

bool is_chunked(std::string_view coding);

// The value of the first field of that name, or empty.
std::string_view first_value(const std::vector<Field>& fields, std::string_view name);

}  // namespace farebox::http
