// Ollama (ollama: docs/api, server/routes.go): its own API under /api, and beside it
// OpenAI's and Anthropic's under /v1.
#include <array>

#include "proxy/dialect/body_facts.hpp"
#include "proxy/dialect/error_shape.hpp"
#include "proxy/dialect/families.hpp"
#include "proxy/dialect/paths.hpp"
#include "proxy/dialect/readers.hpp"
#include "proxy/dialect/request_path.hpp"
#include "proxy/http/head.hpp"

namespace farebox {
namespace {

struct Row {
  std::string_view path;
  Endpoint endpoint;
};

constexpr std::array kCreates = {
    Row{"chat", Endpoint::chat},
    Row{"generate", Endpoint::generate},
    Row{"embed", Endpoint::embed},
    Row{"embeddings", Endpoint::embed},  // the old name, which reports no counts
};

// Care of the server's models; none of it runs one.
constexpr std::array<std::string_view, 10> kPassed = {
    "tags", "show", "ps", "version", "pull", "push", "create", "copy", "delete", "blobs",
};

class OllamaDialect final : public Dialect {
 public:
  DialectName name() const override { return DialectName::ollama; }

  Route recognise(std::string_view method, std::string_view path) const override {
    return recognise_path(name(), method, path);
  }

  Result<BodyFacts> read_body(const Route& route, std::string_view content_type,
                              std::string_view body) const override {
    Route own = route;
    if (!own.speaks) own.speaks = name();
    return read_body_facts(own, content_type, body);
  }

  // None on one's own machine; ollama.com wants it.
  Credential credential() const override { return {"authorization", "Bearer "}; }

  std::unique_ptr<UsageReader> reader(const Route& route, const BodyFacts&) const override {
    return reader_for(route, name());
  }

  ErrorShape shape_error(const Refusal& refusal) const override { return ollama_error(refusal); }

  std::string stream_error(const Refusal& refusal) const override {
    return ollama_error(refusal).body + "\n";
  }
};

}  // namespace

Route recognise_ollama(std::string_view method, Segments segments) {
  // "Ollama is running": what its clients ask to see whether it is.
  const bool post = method == "POST";
  if (segments.empty()) return post ? Route{} : known_route(Endpoint::passthrough);
  const bool api = http::equals_ignoring_case(segments[0], "api");
  if (api) segments = segments.subspan(1);
  if (segments.empty()) return {};
  for (const Row& row : kCreates) {
    // Where the base URL ends with /api, "embeddings" could be OpenAI's too, without its /v1.
    if (!matches(segments, row.path) || (!api && row.path == "embeddings")) continue;
    return post ? known_route(row.endpoint) : Route{};
  }
  for (const std::string_view head : kPassed) {
    if (begins_with(segments, head)) return known_route(Endpoint::passthrough);
  }
  return {};
}

const Dialect& ollama_dialect() {
  static const OllamaDialect dialect;
  return dialect;
}

}  // namespace farebox
