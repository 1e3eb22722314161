#include "proxy/demo/demo_call.hpp"

#include <algorithm>

#include "proxy/dialect/json_cursor.hpp"
#include "proxy/headers.hpp"

namespace farebox {
namespace {

constexpr int kDeepest = 32;  // no request nests its text deeper
constexpr std::uint64_t kMostVectors = 2048, kMostDimensions = 4096;

// Where requests of all dialects keep what a model reads.
constexpr std::string_view kTexts[] = {"messages", "input",        "prompt",            "contents",
                                       "system",   "instructions", "systemInstruction", "content"};
// Words of the protocol, not of the caller.
constexpr std::string_view kNoText[] = {"role", "type", "id", "name", "data", "media_type", "mimeType"};

template <std::size_t N>
bool is_one_of(std::string_view word, const std::string_view (&words)[N]) {
  return std::find(std::begin(words), std::end(words), word) != std::end(words);
}

std::uint64_t words_in(std::string_view text) {
  std::uint64_t words = 0;
  bool within = false;
  for (const char c : text) {
    const bool blank = c == ' ' || c == '\n' || c == '\t' || c == '\r';
    words += !blank && !within ? 1 : 0;
    within = !blank;
  }
  return words;
}

std::uint64_t count_words(JsonCursor& at, int depth = 0) {
  std::uint64_t words = 0;
  switch (at.kind()) {
    case JsonCursor::Kind::string:
      if (const auto text = at.string()) words = words_in(text->decoded());
      break;
    case JsonCursor::Kind::array:
      if (depth < kDeepest) at.each_element([&] { words += count_words(at, depth + 1); });
      break;
    case JsonCursor::Kind::object:
      if (depth < kDeepest) {
        at.each_member([&](std::string_view key) {
          if (!is_one_of(key, kNoText)) words += count_words(at, depth + 1);
        });
      }
      break;
    default: break;
  }
  return words;
}

// An embeddings call gives one text or a list of them.
std::uint64_t count_inputs(JsonCursor at) {
  std::uint64_t inputs = 0;
  const bool list = at.kind() == JsonCursor::Kind::array;
  if (list) at.each_element([&] { inputs += at.kind() == JsonCursor::Kind::string ? 1 : 0; });
  return std::clamp<std::uint64_t>(inputs, 1, kMostVectors);
}

void read_body(std::string_view body, DemoCall& call) {
  JsonCursor at(body);
  std::uint64_t words = 0;
  at.each_member([&](std::string_view key) {
    if (key == "input") call.inputs = count_inputs(at);
    if (key == "dimensions") call.dimensions = std::min(at.count().value_or(0), kMostDimensions);
    if (key == "encoding_format") {
      const auto format = at.string();
      call.base64 = format && format->raw == "base64";
    }
    if (is_one_of(key, kTexts)) words += count_words(at);
  });
  call.input_tokens = std::max<std::uint64_t>(1, tokens_of_words(words));
}

DialectName dialect_of(const DemoRequest& request) {
  const std::string_view path = std::string_view(request.target).substr(0, request.target.find('?'));
  if (path.find("/v1beta") != path.npos || path.find("enerateContent") != path.npos ||
      path.ends_with(":countTokens")) {
    return DialectName::gemini;
  }
  if (path.find("/messages") != path.npos || request.speaks_anthropic) return DialectName::anthropic;
  return DialectName::openai;
}

bool asks_for_models(const DemoRequest& request) {
  const std::string_view path = std::string_view(request.target).substr(0, request.target.find('?'));
  return (request.method == "GET" || request.method == "HEAD") && path.ends_with("/models");
}

}  // namespace

DemoCall understand(const DemoRequest& request) {
  DemoCall call;
  call.dialect = dialect_of(request);
  call.models = asks_for_models(request);
  const Dialect& dialect = dialect_for(call.dialect);
  const Route route = dialect.recognise(request.method, request.target);
  call.endpoint = route.endpoint;
  call.event_stream = call.dialect != DialectName::gemini ||
                      query_parameter(request.target, "alt") == "sse";
  const auto facts = dialect.read_body(route, request.content_type, request.body);
  // Counting endpoints aren't read by farebox; their bodies are JSON all the same.
  call.readable = (facts && facts->readable) || call.endpoint == Endpoint::count_tokens;
  if (facts) {
    call.model = facts->model;
    call.stream = facts->stream;
    call.asks_usage = facts->asks_usage;
    call.max_output_tokens = facts->max_output_tokens;
  }
  if (!route.model.empty()) call.model = route.model;
  call.stream |= route.stream;
  read_body(request.body, call);
  return call;
}

}  // namespace farebox
