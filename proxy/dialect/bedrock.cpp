// Amazon Bedrock (botocore bedrock-runtime service model): /model/{modelId}/{operation}, and
// OpenAI's and Anthropic's paths as bedrock-runtime and bedrock-mantle serve them.
//
// The model is a part of the path, percent-encoded, and often an ARN: of a foundation
// model, an inference profile or provisioned throughput. Clients that don't encode the
// slash of an ARN are understood too.
//
// Credentials: an API key travels as `Authorization: Bearer`, and farebox replaces it by its
// own as everywhere. AD-HOC: a request that the client signed itself (AWS4-HMAC-SHA256)
// passes as it is, and Bedrock will refuse it: the signature covers `host`, which is
// farebox's towards the client and the provider's behind it. Such a client has to sign
// for the provider's host, or use an API key.
#include <array>

#include "proxy/dialect/body_facts.hpp"
#include "proxy/dialect/error_shape.hpp"
#include "proxy/dialect/families.hpp"
#include "proxy/dialect/openai_paths.hpp"
#include "proxy/dialect/readers.hpp"
#include "proxy/dialect/request_path.hpp"
#include "proxy/http/head.hpp"

namespace farebox {
namespace {

using Segments = std::span<const std::string>;
using http::equals_ignoring_case;

struct Operation {
  std::string_view name;
  Endpoint endpoint;
  bool stream = false;
};

constexpr std::array kOperations = {
    Operation{"converse", Endpoint::converse},
    Operation{"converse-stream", Endpoint::converse, true},
    Operation{"invoke", Endpoint::invoke},
    Operation{"invoke-with-response-stream", Endpoint::invoke, true},
    Operation{"count-tokens", Endpoint::count_tokens},
};

// Reading these bills nothing: lists of models and profiles, and the state of jobs, which
// are billed by their results.
constexpr std::array<std::string_view, 6> kListed = {
    "foundation-models", "inference-profiles", "async-invoke",
    "provisioned-model-throughputs", "model-invocation-jobs", "guardrails",
};

// "model", the segments of the model's id, the operation.
Route recognise_operation(Segments segments) {
  if (segments.size() < 3 || !equals_ignoring_case(segments[0], "model")) return {};
  for (const Operation& operation : kOperations) {
    if (!equals_ignoring_case(segments.back(), operation.name)) continue;
    Route route;
    route.endpoint = operation.endpoint;
    route.stream = operation.stream;
    route.reads_body = reads_body(operation.endpoint);
    for (const std::string& part : segments.subspan(1, segments.size() - 2)) {
      if (!route.model.empty()) route.model += '/';
      route.model += part;
    }
    return route;
  }
  return {};
}

class BedrockDialect final : public Dialect {
 public:
  DialectName name() const override { return DialectName::bedrock; }

  Route recognise(std::string_view method, std::string_view path) const override {
    const RequestPath request(path);
    const Segments segments = request.segments();
    if (segments.empty()) return {};
    if (equals_ignoring_case(segments[0], "model")) {
      return method == "POST" ? recognise_operation(segments) : Route{};
    }
    for (const std::string_view listed : kListed) {
      if (method != "GET" || !equals_ignoring_case(segments[0], listed)) continue;
      Route route;
      route.endpoint = Endpoint::passthrough;
      return route;
    }
    return recognise_openai(method, segments);
  }

  Result<BodyFacts> read_body(const Route& route, std::string_view content_type,
                              std::string_view body) const override {
    auto facts = read_body_facts(route, content_type, body);
    // `stream` is no member of Bedrock's bodies: the path says it.
    const bool own = route.endpoint == Endpoint::converse || route.endpoint == Endpoint::invoke;
    if (facts && own) facts->stream = route.stream;
    return facts;
  }

  Credential credential() const override { return {"authorization", "Bearer "}; }

  std::unique_ptr<UsageReader> reader(const Route& route, const BodyFacts&) const override {
    return reader_for(route.endpoint);
  }

  ErrorShape shape_error(const Refusal& refusal) const override { return bedrock_error(refusal); }

  // AD-HOC: an exception frame would have to begin where a frame does, and the relay can't
  // tell that; SDKs take a stream without its end for an error by themselves.
  std::string stream_error(const Refusal&) const override { return {}; }
};

}  // namespace

const Dialect& bedrock_dialect() {
  static const BedrockDialect dialect;
  return dialect;
}

}  // namespace farebox
