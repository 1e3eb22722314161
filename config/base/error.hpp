// Error: what happened, whose fault it is, whether a retry may help, and a
// short context. Values only; nothing here allocates until a context is given.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace farebox {

// One value per answer a caller can get; proxy/rescue.cpp maps each to a status.
enum class ErrorCode : std::uint8_t {
  none,                    // default-constructed, never reported
  bad_request,             // malformed request or a body policy can't read one way only
  not_found,               // a path outside every provider
  method_not_allowed,      // TRACE, CONNECT where no forward proxy is on
  request_timeout,         // the head or the body came too slowly
  request_too_large,       // body above limits.body
  headers_too_large,       // request line, head or number of fields above the limits
  uri_too_long,            // request line above limits.request_line
  version_unsupported,     // not HTTP/1.0 or HTTP/1.1
  expectation_failed,      // an Expect other than 100-continue
  upgrade_unsupported,     // a protocol switch that farebox does not carry
  loop_detected,           // the request came through this very instance already
  cross_site,              // a browser page of an origin that is not listed
  invalid_api_key,         // unknown, revoked, expired or missing virtual key
  provider_key_missing,    // a virtual key stands where the provider's key belongs; nobody has one
  scope_mismatch,          // a header contradicts what the virtual key says
  model_not_allowed,       // the key may not use this model, or nobody can say which it is
  provider_not_allowed,    // the key may not use this provider
  dialect_not_allowed,     // the key may not use this API
  model_not_priced,        // no price, and a budget applies
  endpoint_not_metered,    // unknown endpoint, and a budget applies
  budget_exceeded,         // the money is spent
  budget_held,             // the money is held by calls in flight
  rate_limited,            // requests, tokens or parallel slots used up
  ledger_unavailable,      // the store can't take a hold
  circuit_open,            // the breaker of the provider is open
  overloaded,              // a queue or a cap of our own is full
  upstream_unreachable,    // refused, reset, unresolvable or bad TLS
  upstream_invalid,        // the provider's answer breaks HTTP
  upstream_timeout,        // connect, first byte or idle deadline passed
  client_closed,           // the client left; nobody is there to be answered
  draining,                // shutting down
  not_cached,              // only what is kept was asked for, and nothing is
  invalid_config,          // settings that can't be used
  io_failed,               // disk or descriptor trouble of our own
  ledger_damaged,          // the store lost or changed what was on the disk
  ledger_newer,            // the store was written by a later farebox
  internal,                // a bug, or something no other value names
};

enum class Fault : std::uint8_t { client, provider, self };

// May the same request succeed if it is sent again?
enum class Retry : std::uint8_t { no, yes, unknown };

struct Error {
  ErrorCode code = ErrorCode::none;
  Fault fault = Fault::self;
  Retry retry = Retry::no;
  bool at_proxy = false;  // the HTTP proxy in front of the provider failed, not the provider
  std::string context;  // for people: what, and how to mend; never a secret

  Error() = default;
  Error(ErrorCode what) : code(what) {}  // NOLINT: a code is an error
  Error(ErrorCode what, std::string why) : code(what), context(std::move(why)) {}
  Error(ErrorCode what, Fault who, Retry again, std::string why)
      : code(what), fault(who), retry(again), context(std::move(why)) {}
};

// The stable snake_case name of a code, as logs and OpenAI's error "code" show it.
std::string_view name_of(ErrorCode code);

}  // namespace farebox
