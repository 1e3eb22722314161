#include "proxy/dialect/error_shape.hpp"

#include <cstdint>

#include "config/base/json_writer.hpp"

namespace farebox {
namespace {

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

// The exceptions of bedrock-runtime's service model; its SDKs make a class of each.
std::string_view bedrock_exception(int status) {
  switch (status) {
    case 401:
    case 403: return "AccessDeniedException";
    case 404: return "ResourceNotFoundException";
    case 402:
    case 429: return "ThrottlingException";
    case 504: return "ModelTimeoutException";
    case 502:
    case 503: return "ServiceUnavailableException";
    default: return status >= 500 ? "InternalServerException" : "ValidationException";
  }
}

}  // namespace

ErrorShape openai_error(const Refusal& refusal) {
  ErrorShape shape{{}, "x-request-id"};
  JsonWriter json(shape.body);
  json.begin_object().key("error").begin_object();
  json.key("message").string(refusal.message);
  json.key("type").string(refusal.type);
  json.key("param").null();
  json.key("code").string(name_of(refusal.code));
  json.key("farebox").begin_object();
  json.key("source").string("gateway");
  if (!refusal.budget.empty()) {
    json.key("budget").string(refusal.budget);
    json.key("limitUsd").string(refusal.limit.decimal());
    json.key("remainingUsd").string(refusal.remaining.decimal());
    if (!refusal.resets_at.empty()) json.key("resetAt").string(refusal.resets_at);
  }
  json.key("requestId").string(refusal.request_id);
  json.end_object().end_object().end_object();
  return shape;
}

ErrorShape anthropic_error(const Refusal& refusal) {
  ErrorShape shape{{}, "request-id"};
  JsonWriter json(shape.body);
  json.begin_object().key("type").string("error");
  json.key("error").begin_object();
  json.key("type").string(anthropic_type(refusal.status));
  json.key("message").string(refusal.message);
  json.end_object();
  json.key("request_id").string(refusal.request_id);
  json.end_object();
  return shape;
}

ErrorShape gemini_error(const Refusal& refusal) {
  ErrorShape shape{{}, "x-request-id"};
  JsonWriter json(shape.body);
  json.begin_object().key("error").begin_object();
  json.key("code").number(std::int64_t{refusal.status});
  json.key("message").string(refusal.message);
  json.key("status").string(gemini_status(refusal.status));
  json.end_object().end_object();
  return shape;
}

// client-python, models/sdkerror.py and recorded answers: {"object", "message", "type", "code"}.
ErrorShape mistral_error(const Refusal& refusal) {
  ErrorShape shape{{}, "x-request-id"};
  JsonWriter json(shape.body);
  json.begin_object().key("object").string("error");
  json.key("message").string(refusal.message);
  json.key("type").string(refusal.type);
  json.key("param").null();
  json.key("code").string(name_of(refusal.code));
  json.key("request_id").string(refusal.request_id);
  json.end_object();
  return shape;
}

// cohere-python, core/api_error.py: the SDK shows the body, whose `message` is its text.
ErrorShape cohere_error(const Refusal& refusal) {
  ErrorShape shape{{}, "x-request-id"};
  JsonWriter json(shape.body);
  json.begin_object().key("id").string(refusal.request_id);
  json.key("message").string(refusal.message);
  json.key("error_type").string(name_of(refusal.code));
  json.end_object();
  return shape;
}

// ollama, docs/api/errors.mdx: {"error": "text"}, alone or as the last line of a stream.
ErrorShape ollama_error(const Refusal& refusal) {
  ErrorShape shape{{}, "x-request-id"};
  JsonWriter json(shape.body);
  json.begin_object().key("error").string(refusal.message);
  json.key("code").string(name_of(refusal.code));
  json.key("request_id").string(refusal.request_id);
  json.end_object();
  return shape;
}

ErrorShape bedrock_error(const Refusal& refusal) {
  ErrorShape shape{{}, "x-amzn-requestid", bedrock_exception(refusal.status)};
  JsonWriter json(shape.body);
  json.begin_object().key("message").string(refusal.message).end_object();
  return shape;
}

std::string openai_stream_error(const Refusal& refusal) {
  return "data: " + openai_error(refusal).body + "\n\n";
}

std::string mistral_stream_error(const Refusal& refusal) {
  return "data: " + mistral_error(refusal).body + "\n\n";
}

std::string anthropic_stream_error(const Refusal& refusal) {
  return "event: error\ndata: " + anthropic_error(refusal).body + "\n\n";
}

// Google's SDKs raise on a chunk that is the error object alone; behind `data:` they take
// it for one more answer, an empty one. Readers of events skip a line without a field.
std::string gemini_stream_error(const Refusal& refusal) {
  return gemini_error(refusal).body + "\n\n";
}

}  // namespace farebox
