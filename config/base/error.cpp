#include "config/base/error.hpp"

namespace farebox {

std::string_view name_of(ErrorCode code) {
  switch (code) {
    case ErrorCode::none: return "none";
    case ErrorCode::bad_request: return "bad_request";
    case ErrorCode::not_found: return "not_found";
    case ErrorCode::method_not_allowed: return "method_not_allowed";
    case ErrorCode::request_timeout: return "request_timeout";
    case ErrorCode::request_too_large: return "request_too_large";
    case ErrorCode::headers_too_large: return "headers_too_large";
    case ErrorCode::uri_too_long: return "uri_too_long";
    case ErrorCode::version_unsupported: return "version_unsupported";
    case ErrorCode::expectation_failed: return "expectation_failed";
    case ErrorCode::upgrade_unsupported: return "upgrade_unsupported";
    case ErrorCode::loop_detected: return "loop_detected";
    case ErrorCode::cross_site: return "cross_site_refused";
    case ErrorCode::invalid_api_key: return "invalid_api_key";
    case ErrorCode::provider_key_missing: return "provider_key_missing";
    case ErrorCode::scope_mismatch: return "scope_mismatch";
    case ErrorCode::provider_not_allowed: return "provider_not_allowed";
    case ErrorCode::dialect_not_allowed: return "dialect_not_allowed";
    case ErrorCode::model_not_allowed: return "model_not_allowed";
    case ErrorCode::model_not_priced: return "model_not_priced";
    case ErrorCode::endpoint_not_metered: return "endpoint_not_metered";
    case ErrorCode::budget_exceeded: return "budget_exceeded";
    case ErrorCode::budget_held: return "budget_held";
    case ErrorCode::rate_limited: return "rate_limit_exceeded";
    case ErrorCode::ledger_unavailable: return "ledger_unavailable";
    case ErrorCode::circuit_open: return "circuit_open";
    case ErrorCode::overloaded: return "overloaded";
    case ErrorCode::upstream_unreachable: return "upstream_unreachable";
    case ErrorCode::upstream_invalid: return "upstream_invalid";
    case ErrorCode::upstream_timeout: return "upstream_timeout";
    case ErrorCode::client_closed: return "client_closed";
    case ErrorCode::draining: return "draining";
    case ErrorCode::not_cached: return "not_cached";
    case ErrorCode::invalid_config: return "invalid_config";
    case ErrorCode::io_failed: return "io_failed";
    case ErrorCode::ledger_damaged: return "ledger_damaged";
    case ErrorCode::ledger_newer: return "ledger_newer";
    case ErrorCode::internal: return "internal";
  }
  return "internal";
}

}  // namespace farebox
