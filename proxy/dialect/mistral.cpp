// Mistral (mistralai client-python: the SDK's methods): OpenAI's shapes, with paths for code
// (fim), agents, conversations, OCR and classifiers of its own.
#include <array>

#include "proxy/dialect/body_facts.hpp"
#include "proxy/dialect/error_shape.hpp"
#include "proxy/dialect/families.hpp"
#include "proxy/dialect/openai_paths.hpp"
#include "proxy/dialect/paths.hpp"
#include "proxy/dialect/readers.hpp"
#include "proxy/dialect/request_path.hpp"

namespace farebox {
namespace {

// What no single request bills: describing an agent, batches, training.
constexpr std::array<std::string_view, 5> kPassed = {
    "agents", "batch", "fine_tuning", "files", "models",
};

class MistralDialect final : public Dialect {
 public:
  DialectName name() const override { return DialectName::mistral; }

  Route recognise(std::string_view method, std::string_view path) const override {
    return recognise_path(name(), method, path);
  }

  Result<BodyFacts> read_body(const Route& route, std::string_view content_type,
                              std::string_view body) const override {
    return read_body_facts(route, content_type, body);
  }

  Credential credential() const override { return {"authorization", "Bearer "}; }

  std::unique_ptr<UsageReader> reader(const Route& route, const BodyFacts&) const override {
    return reader_for(route, name());
  }

  ErrorShape shape_error(const Refusal& refusal) const override { return mistral_error(refusal); }

  std::string stream_error(const Refusal& refusal) const override {
    return mistral_stream_error(refusal);
  }
};

}  // namespace

Route recognise_mistral(std::string_view method, Segments segments) {
  Segments rest = segments;
  while (!rest.empty() && is_version(rest[0])) rest = rest.subspan(1);
  if (rest.empty()) return {};
  const bool post = method == "POST";
  if (begins_with(rest, "conversations")) {
    // Beginning one, going on with one, or going on from an earlier entry of it.
    const bool goes_on = rest.size() <= 2 || (rest.size() == 3 && rest[2] == "restart");
    if (!post) return known_route(Endpoint::passthrough);
    return goes_on ? known_route(Endpoint::conversations) : Route{};
  }
  if (post && (matches(rest, "classifications") || matches(rest, "chat/classifications"))) {
    return known_route(Endpoint::classify);
  }
  if (post && matches(rest, "chat/moderations")) return known_route(Endpoint::moderations);
  if (!post || !matches(rest, "agents/completions")) {
    for (const std::string_view head : kPassed) {
      if (begins_with(rest, head)) return known_route(Endpoint::passthrough);
    }
  }
  if (!post && begins_with(rest, "libraries")) return known_route(Endpoint::passthrough);
  return recognise_openai(method, segments);
}

const Dialect& mistral_dialect() {
  static const MistralDialect dialect;
  return dialect;
}

}  // namespace farebox
