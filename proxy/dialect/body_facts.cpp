#include "proxy/dialect/body_facts.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <string>

#include "proxy/dialect/body_walk.hpp"
#include "proxy/dialect/json_cursor.hpp"
#include "proxy/dialect/multipart.hpp"
#include "proxy/dialect/octet_scan.hpp"

namespace farebox {
namespace {

using Kind = JsonCursor::Kind;

// Only these two APIs keep their usage back unless the request asks for it.
bool wants_splice(Endpoint endpoint) {
  return endpoint == Endpoint::chat_completions || endpoint == Endpoint::completions;
}

Result<BodyFacts> read_json(const Route& route, std::string_view body, std::size_t start) {
  BodyFacts facts;
  facts.stream = speaks_ollama(route);
  facts.input_bytes = body.size();
  if (route.endpoint == Endpoint::conversations) facts.reach.elsewhere = true;  // goes on
  BodyWalk walk(route, body.substr(start), facts);
  if (!walk.run()) {
    BodyFacts unreadable;
    unreadable.input_bytes = body.size();
    return unreadable;
  }
  if (const std::string repeated = walk.repeated(); !repeated.empty()) {
    return Error(ErrorCode::bad_request, Fault::client, Retry::no,
                 "The request body repeats the key \"" + repeated +
                     "\". Send it once.");
  }
  facts.readable = true;
  if (!wants_splice(route.endpoint) || !facts.stream) return facts;
  if (!walk.has_options()) {
    facts.splice_at = start + 1;
    facts.splice_needs_comma = !walk.empty_object();
  } else if (walk.options_at() != std::string_view::npos && !walk.says_include_usage()) {
    facts.splice_at = start + walk.options_at();
    facts.splice_inside_options = true;
    facts.splice_needs_comma = !walk.options_empty();
  }
  return facts;
}

BodyFacts read_form(std::string_view content_type, std::string_view body) {
  BodyFacts facts;
  facts.input_bytes = body.size();
  const auto form = read_multipart(content_type, body);
  if (!form) return facts;
  facts.readable = true;
  facts.reach.media_inline = true;
  if (form->model.size() <= kMaxModel) facts.model = form->model;
  facts.stream = form->stream;
  facts.said.user = form->user;
  facts.size = form->size;
  facts.quality = form->quality;
  facts.choices = std::max<std::uint64_t>(1, form->choices);
  return facts;
}

}  // namespace

std::uint64_t read_bound(JsonCursor& cursor) {
  constexpr double kMost = 9007199254740992.0;
  std::string text;
  if (cursor.kind() == Kind::string) {
    if (const auto string = cursor.string()) text = string->decoded();
  } else if (const auto number = cursor.number()) {
    text = *number;
  }
  double value = 0;
  const char* last = text.data() + text.size();
  const auto parsed = std::from_chars(text.data(), last, value);
  if (parsed.ptr != last || text.empty()) return 0;
  if (parsed.ec == std::errc::result_out_of_range) {
    // Too large for a double, or so small that it is 0: 1e400, 1e-400.
    return text.find("e-") == text.npos && text.find("E-") == text.npos && text[0] != '-'
               ? static_cast<std::uint64_t>(kMost)
               : 0;
  }
  if (parsed.ec != std::errc() || !(value > 0)) return 0;
  return static_cast<std::uint64_t>(std::ceil(std::min(value, kMost)));
}

Result<BodyFacts> read_body_facts(const Route& route, std::string_view content_type,
                                  std::string_view body) {
  std::size_t start = body.starts_with(kByteOrderMark) ? kByteOrderMark.size() : 0;
  start = std::min(body.find_first_not_of(" \t\r\n", start), body.size());
  const bool is_json = start < body.size() && body[start] == '{';
  Result<BodyFacts> facts = is_json ? read_json(route, body, start)
                                    : Result<BodyFacts>(read_form(content_type, body));
  if (facts && !route.model.empty()) facts->model = route.model;
  return facts;
}

}  // namespace farebox
