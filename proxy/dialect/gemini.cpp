// Google Gemini on AI Studio and on Vertex AI (python-genai: _api_client.py): the verb
// stands behind a colon in the last segment, the model before it.
#include <array>

#include "proxy/dialect/body_facts.hpp"
#include "proxy/dialect/error_shape.hpp"
#include "proxy/dialect/families.hpp"
#include "proxy/dialect/openai_paths.hpp"
#include "proxy/dialect/paths.hpp"
#include "proxy/dialect/readers.hpp"
#include "proxy/dialect/request_path.hpp"
#include "proxy/http/head.hpp"

namespace farebox {
namespace {

struct Verb {
  std::string_view name;
  Endpoint endpoint;
  bool stream = false;
};

constexpr std::array kVerbs = {
    Verb{"generateContent", Endpoint::generate_content},
    Verb{"streamGenerateContent", Endpoint::generate_content, true},
    Verb{"countTokens", Endpoint::count_tokens},
    Verb{"computeTokens", Endpoint::count_tokens},
    Verb{"embedContent", Endpoint::embed_content},
    Verb{"batchEmbedContents", Endpoint::embed_content},
    // Batches are billed by their results.
    Verb{"batchGenerateContent", Endpoint::passthrough},
    Verb{"asyncBatchEmbedContent", Endpoint::passthrough},
    Verb{"predict", Endpoint::predict},
    // Mistral's and AI21's models on Vertex, whose bodies are OpenAI's in shape.
    Verb{"rawPredict", Endpoint::chat_completions},
    Verb{"streamRawPredict", Endpoint::chat_completions, true},
};

// Claude on Vertex: an Anthropic body under a Google path (anthropic-sdk-python lib/vertex).
constexpr std::array kAnthropicVerbs = {
    Verb{"rawPredict", Endpoint::messages},
    Verb{"streamRawPredict", Endpoint::messages, true},
};

// Heads of paths that no single request bills: cached content and stores are billed by time.
constexpr std::array<std::string_view, 10> kPassed = {
    "models",     "tunedModels", "files",      "upload",  "cachedContents",
    "operations", "batches",     "fileSearchStores", "corpora", "download",
};

const Verb* find_verb(std::span<const Verb> verbs, std::string_view name) {
  for (const Verb& verb : verbs) {
    if (verb.name == name) return &verb;
  }
  return nullptr;
}

bool is(const std::string& segment, std::string_view word) {
  return http::equals_ignoring_case(segment, word);
}

// ".../models/{model}:{verb}", ".../tunedModels/{model}:{verb}", and on Vertex also
// ".../endpoints/{endpoint}:{verb}".
Route recognise_verb(Segments segments) {
  // The Gemini CLI's own server: "v1internal:generateContent", the model in the body.
  constexpr std::string_view kInternal = "v1internal:";
  if (segments.size() == 1 && segments[0].starts_with(kInternal)) {
    const Verb* verb = find_verb(kVerbs, std::string_view(segments[0]).substr(kInternal.size()));
    if (verb == nullptr) return {};
    Route route = known_route(verb->endpoint);
    route.stream = verb->stream;
    return route;
  }
  if (segments.size() < 2) return {};
  const std::string& last = segments.back();
  const std::string& collection = segments[segments.size() - 2];
  const std::size_t colon = last.rfind(':');
  if (colon == last.npos) return {};
  if (!is(collection, "models") && !is(collection, "tunedModels") && !is(collection, "endpoints")) {
    return {};
  }
  const std::string_view verb_name = std::string_view(last).substr(colon + 1);
  const bool anthropic = segments.size() >= 4 && is(segments[segments.size() - 3], "anthropic") &&
                         is(segments[segments.size() - 4], "publishers");
  const Verb* verb =
      anthropic ? find_verb(kAnthropicVerbs, verb_name) : find_verb(kVerbs, verb_name);
  if (verb == nullptr) return {};
  std::string model = last.substr(0, colon);
  if (anthropic && model == "count-tokens") return known_route(Endpoint::count_tokens);
  Route route = known_route(verb->endpoint);
  route.model = std::move(model);
  route.stream = verb->stream;
  return route;
}

}  // namespace

Route recognise_gemini_verb(std::string_view method, Segments segments) {
  return method == "POST" ? recognise_verb(segments) : Route{};
}

Route recognise_gemini(std::string_view method, Segments segments) {
  Segments rest = segments;
  while (!rest.empty() && is_version(rest[0])) rest = rest.subspan(1);
  // The OpenAI-compatible endpoint: /v1beta/openai/..., on Vertex .../endpoints/openapi/...
  if (rest.size() > 1 && is(rest[0], "openai")) {
    return recognise_openai(method, rest.subspan(1));
  }
  for (std::size_t i = 0; i + 2 < rest.size(); ++i) {
    if (is(rest[i], "endpoints") && is(rest[i + 1], "openapi")) {
      return recognise_openai(method, rest.subspan(i + 2));
    }
  }
  const bool post = method == "POST";
  if (post) {
    Route route = recognise_verb(rest);
    if (route.endpoint != Endpoint::unknown) return route;
    if (matches(rest, "interactions")) return known_route(Endpoint::interactions);
  }
  if (rest.empty()) return {};
  // A POST with a verb that isn't known (predictLongRunning ...) may bill anything.
  if (post && is(rest[0], "models")) return {};
  for (const std::string_view head : kPassed) {
    if (is(rest[0], head)) return known_route(Endpoint::passthrough);
  }
  if (!post && is(rest[0], "interactions")) return known_route(Endpoint::passthrough);
  if (!post && is(rest[0], "projects")) return known_route(Endpoint::passthrough);
  return {};
}

namespace {

class GeminiDialect final : public Dialect {
 public:
  DialectName name() const override { return DialectName::gemini; }

  Route recognise(std::string_view method, std::string_view path) const override {
    return recognise_path(name(), method, path);
  }

  Result<BodyFacts> read_body(const Route& route, std::string_view content_type,
                              std::string_view body) const override {
    return read_body_facts(route, content_type, body);
  }

  Credential credential() const override { return {"x-goog-api-key", ""}; }

  std::unique_ptr<UsageReader> reader(const Route& route, const BodyFacts&) const override {
    ReaderQuirks quirks;
    quirks.total_has_hidden_output = true;
    return reader_for(route, name(), quirks);
  }

  ErrorShape shape_error(const Refusal& refusal) const override { return gemini_error(refusal); }

  std::string stream_error(const Refusal& refusal) const override {
    return gemini_stream_error(refusal);
  }
};

}  // namespace

const Dialect& gemini_dialect() {
  static const GeminiDialect dialect;
  return dialect;
}

}  // namespace farebox
