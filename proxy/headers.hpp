// Headers: what changes between a head that was received and the one that is sent.
//
// Heads are written afresh, in their order and spelling, with framing of our own;
// each rule stands with its RFC section in the .cpp. Pure functions over strings.
#pragma once

#include <string>
#include <string_view>

#include "proxy/http/head.hpp"
#include "proxy/presented_key.hpp"
#include "proxy/provider.hpp"

namespace farebox {

// How the content of a message we write is delimited.
struct OutgoingFraming {
  http::Framing kind = http::Framing::none;
  std::uint64_t length = 0;  // with Framing::length
};

struct UpstreamRequest {
  const http::RequestHead& head;
  const Provider& provider;
  std::string_view target;
  OutgoingFraming framing;
  const Secret* key = nullptr;  // replaces the caller's credentials; null: they pass
  std::string_view via;         // our own entry, or empty
  std::string_view virtual_key = {};  // a field that holds it doesn't pass
  bool foreign = false;  // the caller's credentials are for another origin: none of them pass
};

// Appends the head of the request for the provider.
void write_request_head(std::string& out, const UpstreamRequest& request);

struct ClientResponse {
  const http::ResponseHead& head;
  const Provider& provider;
  std::string_view request_method;
  OutgoingFraming framing;
  std::string_view request_id;
  std::uint32_t attempts = 1;
  int client_minor_version = 1;
  bool close = false;
  std::string_view notes = {};  // lines of our own, each with its CRLF (policy_notes.hpp)
};

// Appends the head of the answer for the client without its last empty line, so that
// more fields can follow.
void write_response_head(std::string& out, const ClientResponse& response);

// Appends an interim answer (1xx but 101), complete.
void write_interim_head(std::string& out, const http::ResponseHead& head, const Provider& provider);

// Did this request pass through this very instance before? (RFC 9110, 7.6.3)
bool came_through(const http::RequestHead& head, std::string_view instance);

}  // namespace farebox
