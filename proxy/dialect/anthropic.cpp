// Anthropic (anthropic-sdk-python): the Messages API, the legacy Text Completions API, and
// the OpenAI-compatible endpoint beside them.
#include <array>

#include "proxy/dialect/body_facts.hpp"
#include "proxy/dialect/error_shape.hpp"
#include "proxy/dialect/families.hpp"
#include "proxy/dialect/paths.hpp"
#include "proxy/dialect/readers.hpp"
#include "proxy/dialect/request_path.hpp"

namespace farebox {
namespace {

// Heads of paths that no single request bills: batches of messages are billed by their
// results, `api` is Claude Code's telemetry and login.
constexpr std::array<std::string_view, 8> kPassed = {
    "messages", "complete", "models", "files", "organizations", "skills", "api", "oauth",
};

}  // namespace

Route recognise_anthropic(std::string_view method, Segments segments) {
  while (!segments.empty() && is_version(segments[0])) segments = segments.subspan(1);
  if (method == "POST") {
    if (matches(segments, "messages")) return known_route(Endpoint::messages);
    if (matches(segments, "messages/count_tokens")) return known_route(Endpoint::count_tokens);
    if (matches(segments, "complete")) return known_route(Endpoint::complete);
  }
  const bool batch = begins_with(segments, "messages/batches");
  for (const std::string_view head : kPassed) {
    if (!begins_with(segments, head)) continue;
    const bool is_api = head == "messages" || head == "complete";
    if (!is_api || batch || method != "POST") return known_route(Endpoint::passthrough);
  }
  return {};
}

namespace {

class AnthropicDialect final : public Dialect {
 public:
  DialectName name() const override { return DialectName::anthropic; }

  Route recognise(std::string_view method, std::string_view path) const override {
    return recognise_path(name(), method, path);
  }

  Result<BodyFacts> read_body(const Route& route, std::string_view content_type,
                              std::string_view body) const override {
    return read_body_facts(route, content_type, body);
  }

  Credential credential() const override { return {"x-api-key", ""}; }

  std::unique_ptr<UsageReader> reader(const Route& route, const BodyFacts&) const override {
    return reader_for(route, name());
  }

  ErrorShape shape_error(const Refusal& refusal) const override {
    return anthropic_error(refusal);
  }

  std::string stream_error(const Refusal& refusal) const override {
    return anthropic_stream_error(refusal);
  }
};

}  // namespace

const Dialect& anthropic_dialect() {
  static const AnthropicDialect dialect;
  return dialect;
}

}  // namespace farebox
