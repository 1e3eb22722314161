#include "proxy/dialect/paths.hpp"

#include <array>

#include "proxy/dialect/openai_paths.hpp"
#include "proxy/dialect/request_path.hpp"
#include "proxy/http/head.hpp"

namespace farebox {
namespace {

bool is_known(const Route& route) { return route.endpoint != Endpoint::unknown; }

bool is(const std::string& segment, std::string_view word) {
  return http::equals_ignoring_case(segment, word);
}

// What only one API can mean, whoever serves it: Gemini's verbs behind a colon, Ollama's
// ".../api/chat", Cohere's ".../v2/chat".
Route recognise_unmistakable(DialectName own, std::string_view method, Segments segments) {
  if (segments.size() < 2) return {};
  if (own != DialectName::gemini) {
    Route route = recognise_gemini_verb(method, segments);
    if (is_known(route)) return route;
  }
  const std::string& prefix = segments[segments.size() - 2];
  if (own != DialectName::ollama && is(prefix, "api")) {
    Route route = recognise_ollama(method, segments.last(2));
    if (is_known(route)) {
      route.speaks = DialectName::ollama;
      return route;
    }
  }
  if (own != DialectName::cohere && (is(prefix, "v2") || is(segments.back(), "generate"))) {
    Route route = is_version(prefix) ? recognise_cohere(method, segments.last(2)) : Route{};
    if (is_metered(route.endpoint)) {
      route.speaks = DialectName::cohere;
      return route;
    }
  }
  return {};
}

Route recognise_as(DialectName family, std::string_view method, Segments segments) {
  switch (family) {
    case DialectName::anthropic: return recognise_anthropic(method, segments);
    case DialectName::gemini: return recognise_gemini(method, segments);
    case DialectName::mistral: return recognise_mistral(method, segments);
    case DialectName::cohere: return recognise_cohere(method, segments);
    case DialectName::ollama: return recognise_ollama(method, segments);
    default: return recognise_openai(method, segments);
  }
}

// The paths of nearly all traffic, as clients write them. All that is said of them follows
// from the rules below as well, only not as fast.
struct UsualPath {
  DialectName own;
  std::string_view path;
  Endpoint endpoint;
};
constexpr UsualPath kUsualPaths[] = {
    {DialectName::openai, "/v1/chat/completions", Endpoint::chat_completions},
    {DialectName::openai, "/v1/responses", Endpoint::responses},
    {DialectName::openai, "/v1/embeddings", Endpoint::embeddings},
    {DialectName::anthropic, "/v1/messages", Endpoint::messages},
    {DialectName::mistral, "/v1/chat/completions", Endpoint::chat_completions},
};

}  // namespace

Route known_route(Endpoint endpoint) {
  Route route;
  route.endpoint = endpoint;
  route.reads_body = reads_body(endpoint);
  return route;
}

Route recognise_path(DialectName own, std::string_view method, std::string_view path) {
  for (const UsualPath& usual : kUsualPaths) {
    if (path == usual.path && own == usual.own && method == "POST") {
      return known_route(usual.endpoint);
    }
  }
  const RequestPath request(path);
  const Segments segments = request.segments();
  Route route = recognise_unmistakable(own, method, segments);
  if (is_known(route)) return route;
  route = recognise_as(own, method, segments);
  if (is_known(route)) return route;
  // A POST that another family lets pass may bill here.
  constexpr std::array kOthers = {DialectName::openai, DialectName::anthropic};
  for (const DialectName other : kOthers) {
    if (other == own) continue;
    route = recognise_as(other, method, segments);
    if (!is_known(route)) continue;
    if (route.endpoint != Endpoint::passthrough || method != "POST") return route;
  }
  return {};
}

}  // namespace farebox
