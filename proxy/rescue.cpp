// rescue: the only table from codes to statuses (design, section 6), shaped by the
// dialect the caller speaks.
#include <fmt/format.h>

#include "proxy/stages/stages.hpp"

namespace farebox {
namespace {

enum class ShouldRetry : std::uint8_t { no, yes, unset };

struct Reply {
  ErrorCode code;
  int status;
  std::string_view type;      // OpenAI's error.type
  std::string_view reason;    // the reason phrase
  ShouldRetry should_retry;   // x-should-retry, which SDKs obey (conventions, section 4)
  int retry_after_seconds;    // 0: not said
};

// Whose status the operator chooses (enforcement.budget_status).
constexpr std::string_view kQuota = "insufficient_quota";

constexpr Reply kAnswers[] = {
    {ErrorCode::bad_request, 400, "invalid_request_error", "Bad Request", ShouldRetry::no, 0},
    {ErrorCode::not_found, 404, "invalid_request_error", "Not Found", ShouldRetry::no, 0},
    {ErrorCode::method_not_allowed, 405, "invalid_request_error", "Method Not Allowed", ShouldRetry::no, 0},
    {ErrorCode::request_timeout, 408, "invalid_request_error", "Request Timeout", ShouldRetry::unset, 0},
    {ErrorCode::request_too_large, 413, "invalid_request_error", "Content Too Large", ShouldRetry::no, 0},
    {ErrorCode::uri_too_long, 414, "invalid_request_error", "URI Too Long", ShouldRetry::no, 0},
    {ErrorCode::expectation_failed, 417, "invalid_request_error", "Expectation Failed", ShouldRetry::no, 0},
    {ErrorCode::headers_too_large, 431, "invalid_request_error", "Request Header Fields Too Large", ShouldRetry::no, 0},
    {ErrorCode::upgrade_unsupported, 501, "invalid_request_error", "Not Implemented", ShouldRetry::no, 0},
    {ErrorCode::version_unsupported, 505, "invalid_request_error", "HTTP Version Not Supported", ShouldRetry::no, 0},
    {ErrorCode::loop_detected, 508, "invalid_request_error", "Loop Detected", ShouldRetry::no, 0},
    {ErrorCode::cross_site, 403, "permission_error", "Forbidden", ShouldRetry::no, 0},
    {ErrorCode::invalid_api_key, 401, "authentication_error", "Unauthorized", ShouldRetry::no, 0},
    {ErrorCode::provider_key_missing, 401, "authentication_error", "Unauthorized", ShouldRetry::no, 0},
    {ErrorCode::scope_mismatch, 403, "permission_error", "Forbidden", ShouldRetry::no, 0},
    {ErrorCode::provider_not_allowed, 403, "permission_error", "Forbidden", ShouldRetry::no, 0},
    {ErrorCode::dialect_not_allowed, 403, "permission_error", "Forbidden", ShouldRetry::no, 0},
    {ErrorCode::model_not_allowed, 403, "permission_error", "Forbidden", ShouldRetry::no, 0},
    {ErrorCode::model_not_priced, 403, "permission_error", "Forbidden", ShouldRetry::no, 0},
    {ErrorCode::endpoint_not_metered, 403, "permission_error", "Forbidden", ShouldRetry::no, 0},
    {ErrorCode::budget_exceeded, 429, kQuota, "Too Many Requests", ShouldRetry::no, 0},
    {ErrorCode::budget_held, 429, kQuota, "Too Many Requests", ShouldRetry::yes, 1},
    {ErrorCode::rate_limited, 429, "rate_limit_error", "Too Many Requests", ShouldRetry::yes, 1},
    {ErrorCode::ledger_unavailable, 503, "server_error", "Service Unavailable", ShouldRetry::yes, 1},
    {ErrorCode::circuit_open, 503, "server_error", "Service Unavailable", ShouldRetry::yes, 1},
    {ErrorCode::overloaded, 503, "server_error", "Service Unavailable", ShouldRetry::yes, 1},
    {ErrorCode::draining, 503, "server_error", "Service Unavailable", ShouldRetry::yes, 1},
    // RFC 9111, 5.2.1.7: what only-if-cached is answered with.
    {ErrorCode::not_cached, 504, "invalid_request_error", "Gateway Timeout", ShouldRetry::no, 0},
    {ErrorCode::upstream_unreachable, 502, "server_error", "Bad Gateway", ShouldRetry::unset, 0},
    {ErrorCode::upstream_invalid, 502, "server_error", "Bad Gateway", ShouldRetry::unset, 0},
    {ErrorCode::upstream_timeout, 504, "server_error", "Gateway Timeout", ShouldRetry::unset, 0},
};

const Reply& answer_to(ErrorCode code) {
  for (const Reply& answer : kAnswers) {
    if (answer.code == code) return answer;
  }
  static constexpr Reply kBug{ErrorCode::internal, 500,  "server_error", "Internal Server Error",
                               ShouldRetry::unset,  0};
  return kBug;
}

// RFC 9110, 10.2.1: what this resource can do.
constexpr std::string_view kAllow = "Allow: GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS\r\n";

}  // namespace

int status_of(const Error& error) { return answer_to(error.code).status; }

int status_of(const Error& error, const Settings& settings) {
  const Reply& answer = answer_to(error.code);
  return answer.type == kQuota ? static_cast<int>(settings.enforcement.budget_status)
                               : answer.status;
}

Outcome outcome_of(const Error& error) {
  switch (error.code) {
    case ErrorCode::client_closed: return Outcome::client_closed;
    case ErrorCode::upstream_timeout: return Outcome::timeout;
    case ErrorCode::draining: return Outcome::drained;
    case ErrorCode::upstream_unreachable:
    case ErrorCode::upstream_invalid: return Outcome::upstream_error;
    default: return Outcome::refused;
  }
}

awaitable<bool> rescue(ClientConnection& client, const http::RequestHead& head, const Call& call,
                       const Error& error, bool request_read) {
  if (error.code == ErrorCode::client_closed) co_return false;
  Reply answer = answer_to(error.code);
  if (answer.type == kQuota) {
    answer.status = status_of(error, client.services().settings);
    if (answer.status == 402) answer.reason = "Payment Required";
  }
  const Dialect& dialect = dialect_for(call.dialect);
  const RefusalFacts& facts = call.refusal;
  const std::string resets_at = facts.resets == WallTime::max() ? "" : rfc3339(facts.resets);
  const ErrorShape shape = dialect.shape_error({answer.status, error.code, answer.type,
                                                error.context, call.request_id, facts.budget,
                                                facts.limit, facts.remaining, resets_at});

  const bool keep = request_read && head.keep_alive && !client.draining() &&
                    head.method != "CONNECT";
  std::string out = fmt::format(
      "HTTP/1.1 {} {}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n"
      "x-farebox-request-id: {}\r\n{}: {}\r\n",
      answer.status, answer.reason, shape.body.size(), call.request_id, shape.id_header,
      call.request_id);
  // Nothing was sent upstream, so another try can't be billed twice.
  ShouldRetry retry = answer.should_retry;
  if (retry == ShouldRetry::unset && error.retry == Retry::yes) retry = ShouldRetry::yes;
  // A proxy that refused a password would be asked with it again and lock the account, and a
  // certificate that was refused is refused again.
  const bool unreachable = error.code == ErrorCode::upstream_unreachable;
  if (retry == ShouldRetry::unset && error.retry == Retry::no && (error.at_proxy || unreachable)) {
    retry = ShouldRetry::no;
  }
  if (retry != ShouldRetry::unset) {
    out += retry == ShouldRetry::yes ? "x-should-retry: true\r\n" : "x-should-retry: false\r\n";
  }
  std::chrono::milliseconds wait = std::chrono::seconds(answer.retry_after_seconds);
  if (call.refusal.retry_after.count() != 0) wait = call.refusal.retry_after;
  if (wait.count() != 0) {
    out += fmt::format("retry-after: {}\r\nretry-after-ms: {}\r\n",
                       std::chrono::ceil<std::chrono::seconds>(wait).count(), wait.count());
  }
  out += call.notes;
  if (answer.status == 405) out += kAllow;
  if (!shape.amazon_type.empty()) out += fmt::format("x-amzn-errortype: {}\r\n", shape.amazon_type);
  out += keep ? "\r\n" : "Connection: close\r\n\r\n";
  const bool bodiless = head.method == "HEAD";
  const asio::const_buffer pieces[] = {asio::buffer(out),
                                       asio::buffer(shape.body.data(), bodiless ? 0 : shape.body.size())};
  const SteadyTime until = client.now() + client.services().settings.limits.idle_timeout;
  const bool sent = co_await client.send(pieces, until);
  co_return sent && keep;
}

}  // namespace farebox
