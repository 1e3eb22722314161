// Cohere (cohere-python: client.py, v2/client.py): /v1 and /v2 side by side, and OpenAI's
// API under /compatibility/v1.
#include <array>

#include "proxy/dialect/body_facts.hpp"
#include "proxy/dialect/error_shape.hpp"
#include "proxy/dialect/families.hpp"
#include "proxy/dialect/paths.hpp"
#include "proxy/dialect/readers.hpp"
#include "proxy/dialect/request_path.hpp"

namespace farebox {
namespace {

struct Row {
  std::string_view path;
  Endpoint endpoint;
};

constexpr std::array kCreates = {
    Row{"chat", Endpoint::chat},
    Row{"generate", Endpoint::generate},
    Row{"summarize", Endpoint::generate},  // of old, billed like generate
    Row{"embed", Endpoint::embed},
    Row{"rerank", Endpoint::rerank},
    Row{"classify", Endpoint::classify},
    Row{"tokenize", Endpoint::count_tokens},
    Row{"detokenize", Endpoint::count_tokens},
    Row{"check-api-key", Endpoint::passthrough},
};

// What no single request bills: embed jobs and training are billed by their results.
constexpr std::array<std::string_view, 6> kPassed = {
    "models", "datasets", "embed-jobs", "connectors", "finetuning", "batches",
};

class CohereDialect final : public Dialect {
 public:
  DialectName name() const override { return DialectName::cohere; }

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

  ErrorShape shape_error(const Refusal& refusal) const override { return cohere_error(refusal); }

  // v2 tells a failure by an answer's last event, v1 by its last line; neither has an event
  // for errors, and a stream that just ends is one to its SDKs.
  std::string stream_error(const Refusal&) const override { return {}; }
};

}  // namespace

Route recognise_cohere(std::string_view method, Segments segments) {
  while (!segments.empty() && is_version(segments[0])) segments = segments.subspan(1);
  if (segments.empty()) return {};
  const bool post = method == "POST";
  for (const Row& row : kCreates) {
    if (matches(segments, row.path)) {
      return post ? known_route(row.endpoint) : known_route(Endpoint::passthrough);
    }
  }
  for (const std::string_view head : kPassed) {
    if (begins_with(segments, head)) return known_route(Endpoint::passthrough);
  }
  return {};
}

const Dialect& cohere_dialect() {
  static const CohereDialect dialect;
  return dialect;
}

}  // namespace farebox
