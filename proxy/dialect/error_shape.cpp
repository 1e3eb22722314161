#include "proxy/dialect/error_shape.hpp"

#include <fmt/format.h>

namespace farebox {
namespace {

constexpr std::string_view kReplacement = "\xef\xbf\xbd";  // U+FFFD

// The length of the well-formed UTF-8 sequence at the front of `text`, or 0 (Unicode
// standard, table 3-7).
std::size_t sequence_length(std::string_view text) {
  const auto octet = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned first = octet(0);
  if (first < 0x80) return 1;
  const std::size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || text.size() < length) return 0;
  for (std::size_t i = 1; i < length; ++i) {
    if ((octet(i) & 0xc0) != 0x80) return 0;
  }
  const unsigned second = octet(1);
  if (first == 0xe0 && second < 0xa0) return 0;  // overlong
  if (first == 0xed && second > 0x9f) return 0;  // surrogates
  if (first == 0xf0 && second < 0x90) return 0;  // overlong
  if (first == 0xf4 && second > 0x8f) return 0;  // above U+10FFFF
  return length;
}

std::string_view anthropic_type(int status) {
  switch (status) {
    case 401: return "authentication_error";
    case 402: return "billing_error";
    case 403: return "permission_error";
    case 404: return "not_found_error";
    case 413: return "request_too_large";
    case 429: return "rate_limit_error";
    case 503: return "overloaded_error";
    case 504: return "timeout_error";
    default: return status >= 500 ? "api_error" : "invalid_request_error";
  }
}

std::string_view gemini_status(int status) {
  switch (status) {
    case 401: return "UNAUTHENTICATED";
    case 403: return "PERMISSION_DENIED";
    case 404: return "NOT_FOUND";
    case 402:
    case 429: return "RESOURCE_EXHAUSTED";
    case 503: return "UNAVAILABLE";
    case 504: return "DEADLINE_EXCEEDED";
    default: return status >= 500 ? "INTERNAL" : "INVALID_ARGUMENT";
  }
}

std::string json_string(std::string_view text) {
  std::string out;
  append_json_string(out, text);
  return out;
}

}  // namespace

void append_json_string(std::string& out, std::string_view text) {
  out.push_back('"');
  while (!text.empty()) {
    const std::size_t length = sequence_length(text);
    if (length == 0) {
      out.append(kReplacement);
      text.remove_prefix(1);
      continue;
    }
    const char octet = text.front();
    switch (octet) {
      case '"': out.append("\\\""); break;
      case '\\': out.append("\\\\"); break;
      case '\n': out.append("\\n"); break;
      case '\r': out.append("\\r"); break;
      case '\t': out.append("\\t"); break;
      default:
        if (static_cast<unsigned char>(octet) < 0x20) {
          fmt::format_to(std::back_inserter(out), "\\u{:04x}", static_cast<int>(octet));
        } else {
          out.append(text.substr(0, length));
        }
    }
    text.remove_prefix(length);
  }
  out.push_back('"');
}

ErrorShape openai_error(const Refusal& refusal) {
  return {fmt::format(
              R"({{"error":{{"message":{},"type":{},"param":null,"code":{},)"
              R"("farebox":{{"source":"gateway","requestId":{}}}}}}})",
              json_string(refusal.message), json_string(refusal.type),
              json_string(name_of(refusal.code)), json_string(refusal.request_id)),
          "x-request-id"};
}

ErrorShape anthropic_error(const Refusal& refusal) {
  return {fmt::format(
              R"({{"type":"error","error":{{"type":{},"message":{}}},"request_id":{}}})",
              json_string(anthropic_type(refusal.status)), json_string(refusal.message),
              json_string(refusal.request_id)),
          "request-id"};
}

ErrorShape gemini_error(const Refusal& refusal) {
  return {fmt::format(R"({{"error":{{"code":{},"message":{},"status":{}}}}})", refusal.status,
                      json_string(refusal.message), json_string(gemini_status(refusal.status))),
          "x-request-id"};
}

std::string openai_stream_error(const Refusal& refusal) {
  return "data: " + openai_error(refusal).body + "\n\n";
}

std::string anthropic_stream_error(const Refusal& refusal) {
  return "event: error\ndata: " + anthropic_error(refusal).body + "\n\n";
}

std::string gemini_stream_error(const Refusal& refusal) {
  return "data: " + gemini_error(refusal).body + "\n\n";
}

}  // namespace farebox
