#include "proxy/headers.hpp"

#include <algorithm>
#include <charconv>

#include "proxy/http/text.hpp"
#include "proxy/policy_notes.hpp"
#include "proxy/presented_key.hpp"

namespace farebox {
namespace {

using http::equals_ignoring_case;
using http::Field;
using http::Framing;

// What becomes of a field on its way to the provider.
enum class Fate : std::uint8_t {
  pass,
  drop,
  host,             // rewritten in its place
  framing,          // rewritten in its place, once
  accept_encoding,  // rewritten in its place, once
  credential,       // replaced where the provider has keys of its own
  max_forwards,     // counted down
};

struct Rule {
  std::string_view name;
  Fate fate;
};

// RFC 9110, 7.6.1: these describe one connection and end with it. `te`, `trailer` and
// `upgrade` go because trailers are dropped and no protocol is switched; `expect`
// because we answer it (10.1.1); `http2-settings` belongs to an upgrade.
constexpr Rule kRequestRules[] = {
    {"te", Fate::drop},
    {"via", Fate::pass},
    {"host", Fate::host},
    {"expect", Fate::drop},
    {"api-key", Fate::credential},
    {"trailer", Fate::drop},
    {"upgrade", Fate::drop},
    {"x-api-key", Fate::credential},
    {"connection", Fate::drop},
    {"keep-alive", Fate::drop},
    {"max-forwards", Fate::max_forwards},
    {"authorization", Fate::credential},
    {"content-length", Fate::framing},
    {"http2-settings", Fate::drop},
    {"x-goog-api-key", Fate::credential},
    {"accept-encoding", Fate::accept_encoding},
    {"proxy-connection", Fate::drop},
    {"transfer-encoding", Fate::framing},
    {"proxy-authenticate", Fate::drop},
    {"proxy-authorization", Fate::drop},
    {"proxy-authentication-info", Fate::drop},
};

bool starts_with_ignoring_case(std::string_view text, std::string_view prefix) {
  return text.size() >= prefix.size() && equals_ignoring_case(text.substr(0, prefix.size()), prefix);
}

Fate fate_of_request_field(std::string_view name) {
  for (const Rule& rule : kRequestRules) {
    if (rule.name.size() == name.size() && equals_ignoring_case(rule.name, name)) return rule.fate;
  }
  return starts_with_ignoring_case(name, "x-farebox-") ? Fate::drop : Fate::pass;
}

// A name with '_' that some servers read as one of those above is dropped: it could
// say another length or another key than the field it imitates.
bool imitates_a_ruled_field(std::string_view name) {
  if (name.find('_') == std::string_view::npos) return false;
  // No ruled name is longer, and ours are known by their beginning.
  char twin[32];
  const std::size_t size = std::min(name.size(), sizeof twin);
  for (std::size_t i = 0; i < size; ++i) twin[i] = name[i] == '_' ? '-' : name[i];
  return fate_of_request_field({twin, size}) != Fate::pass;
}

// Beside the credentials: whose account at a provider pays.
bool names_an_account(std::string_view name) {
  static constexpr std::string_view kAccounts[] = {"openai-organization", "openai-project",
                                                   "x-goog-user-project"};
  return may_hold_credential(name) || std::any_of(std::begin(kAccounts), std::end(kAccounts),
                     [&](std::string_view known) { return equals_ignoring_case(known, name); });
}

// RFC 9110, 7.6.1: fields named by Connection are hop-by-hop too.
bool is_named_by_connection(const std::vector<Field>& fields, std::string_view name) {
  for (const Field& field : fields) {
    if (equals_ignoring_case(field.name, "connection") && http::list_holds(field.value, name)) {
      return true;
    }
  }
  return false;
}

bool has_connection_field(const std::vector<Field>& fields) {
  for (const Field& field : fields) {
    if (equals_ignoring_case(field.name, "connection")) return true;
  }
  return false;
}

void append_field(std::string& out, std::string_view name, std::string_view value) {
  out += name;
  out += ": ";
  out += value;
  out += "\r\n";
}

// Room for a head of these fields, what we add, and `more` octets.
void reserve_fields(std::string& out, const std::vector<Field>& fields, std::size_t more) {
  constexpr std::size_t kOurs = 320;
  std::size_t octets = out.size() + kOurs + more;
  for (const Field& field : fields) octets += field.name.size() + field.value.size() + 4;
  out.reserve(octets);
}

void append_number(std::string& out, std::uint64_t value) {
  char digits[24];
  out.append(digits, std::to_chars(digits, digits + sizeof digits, value).ptr);
}

void append_framing(std::string& out, const OutgoingFraming& framing) {
  if (framing.kind == Framing::chunked) {
    out += "Transfer-Encoding: chunked\r\n";
  } else if (framing.kind == Framing::length) {
    out += "Content-Length: ";
    append_number(out, framing.length);
    out += "\r\n";
  }
}

void append_key(std::string& out, std::string_view spelled, const Provider& provider,
                const Secret& key) {
  const Credential credential = provider.dialect.credential();
  out += equals_ignoring_case(spelled, credential.header) ? spelled : credential.header;
  out += ": ";
  out += credential.scheme;
  out += key.reveal();
  out += "\r\n";
}

// RFC 9110, 7.6.2: one less at every hop, for OPTIONS (TRACE is never forwarded).
void append_max_forwards(std::string& out, const Field& field, std::string_view method) {
  std::uint32_t hops = 0;
  const char* const end = field.value.data() + field.value.size();
  const auto parsed = std::from_chars(field.value.data(), end, hops);
  if (method != "OPTIONS" || parsed.ec != std::errc() || parsed.ptr != end || hops == 0) {
    append_field(out, field.name, field.value);
    return;
  }
  out += field.name;
  out += ": ";
  append_number(out, hops - 1);
  out += "\r\n";
}

bool is_dropped_from_response(std::string_view name) {
  static constexpr std::string_view kDropped[] = {
      "te",         "trailer",    "upgrade",          "connection",        "keep-alive",
      "content-length", "transfer-encoding", "proxy-connection", "proxy-authenticate",
      "proxy-authentication-info",
  };
  for (const std::string_view dropped : kDropped) {
    if (dropped.size() == name.size() && equals_ignoring_case(dropped, name)) return true;
  }
  return starts_with_ignoring_case(name, "x-farebox-");
}

void append_response_fields(std::string& out, const http::ResponseHead& head,
                            const Provider& provider, std::string_view notes = {}) {
  const bool names_fields = has_connection_field(head.fields);
  for (const Field& field : head.fields) {
    if (is_dropped_from_response(field.name)) continue;
    if (names_fields && is_named_by_connection(head.fields, field.name)) continue;
    // A provider that echoes its key must not hand it to our client.
    if (provider.holds_key(field.value) || provider.holds_key(field.name)) continue;
    // What the provider says of its own limits would contradict what we say of ours.
    if (!notes.empty() && is_replaced_by(notes, field.name)) continue;
    append_field(out, field.name, field.value);
  }
}

void append_status_line(std::string& out, const http::ResponseHead& head,
                        const Provider& provider) {
  out += "HTTP/1.1 ";
  append_number(out, static_cast<std::uint64_t>(head.status));
  out += ' ';
  if (!provider.holds_key(head.reason)) out += head.reason;
  out += "\r\n";
}

}  // namespace

void write_request_head(std::string& out, const UpstreamRequest& request) {
  const http::RequestHead& head = request.head;
  reserve_fields(out, head.fields, request.target.size());
  out += head.method;
  out += ' ';
  if (request.provider.asks_proxy()) {
    out += "http://";
    out += request.provider.host_header;
  }
  out += request.target;
  out += " HTTP/1.1\r\n";

  const bool names_fields = has_connection_field(head.fields);
  bool host_written = false;
  bool framing_written = false;
  bool encoding_written = false;
  bool key_written = request.key == nullptr;
  for (const Field& field : head.fields) {
    Fate fate = fate_of_request_field(field.name);
    if (request.foreign && fate != Fate::credential && names_an_account(field.name)) continue;
    // A dialect that was described may carry its key in a field of its own.
    if (fate == Fate::pass && request.provider.described &&
        equals_ignoring_case(field.name, request.provider.dialect.credential().header)) {
      fate = Fate::credential;
    }
    if (fate == Fate::drop || imitates_a_ruled_field(field.name)) continue;
    if (!request.virtual_key.empty() &&
        field.value.find(request.virtual_key) != std::string_view::npos) {
      continue;
    }
    if (names_fields && fate != Fate::host && fate != Fate::framing &&
        is_named_by_connection(head.fields, field.name)) {
      continue;
    }
    switch (fate) {
      case Fate::host:
        append_field(out, field.name, request.provider.host_header);
        host_written = true;
        break;
      case Fate::framing:
        if (!framing_written) append_framing(out, request.framing);
        framing_written = true;
        break;
      case Fate::accept_encoding:
        if (!encoding_written) append_field(out, field.name, "identity");
        encoding_written = true;
        break;
      case Fate::credential:
        if (request.key == nullptr && request.foreign) {
          break;
        } else if (request.key == nullptr) {
          // What could be a key of ours stays here, whoever it was meant for.
          if (virtual_key_in(field.value).empty()) append_field(out, field.name, field.value);
        } else if (!key_written) {
          append_key(out, field.name, request.provider, *request.key);
          key_written = true;
        }
        break;
      case Fate::max_forwards: append_max_forwards(out, field, head.method); break;
      case Fate::pass: append_field(out, field.name, field.value); break;
      case Fate::drop: break;
    }
  }
  if (!host_written) append_field(out, "Host", request.provider.host_header);
  if (!key_written) append_key(out, "", request.provider, *request.key);
  if (!encoding_written) append_field(out, "Accept-Encoding", "identity");
  if (!framing_written) append_framing(out, request.framing);
  if (!request.via.empty()) append_field(out, "Via", request.via);
  if (request.provider.asks_proxy() && !request.provider.settings.proxy->authorization.empty()) {
    append_field(out, "Proxy-Authorization",
                 request.provider.settings.proxy->authorization.reveal());
  }
  out += "\r\n";
}

void write_response_head(std::string& out, const ClientResponse& response) {
  reserve_fields(out, response.head.fields, response.head.reason.size());
  append_status_line(out, response.head, response.provider);
  append_response_fields(out, response.head, response.provider, response.notes);
  out += response.notes;
  append_field(out, "x-farebox-request-id", response.request_id);
  append_field(out, "x-farebox-provider", response.provider.settings.name);
  out += "x-farebox-attempts: ";
  append_number(out, response.attempts);
  out += "\r\n";

  if (response.framing.kind != Framing::none) {
    append_framing(out, response.framing);
  } else if (response.head.status != 204) {
    // HEAD and 304 may say the length of what they stand for (RFC 9110, 8.6).
    const std::string_view length = response.head.value("content-length");
    if (!length.empty()) append_framing(out, {Framing::length, response.head.content_length});
  }
  if (response.close) {
    out += "Connection: close\r\n";
  } else if (response.client_minor_version == 0) {
    out += "Connection: keep-alive\r\n";
  }
}

void write_interim_head(std::string& out, const http::ResponseHead& head,
                        const Provider& provider) {
  append_status_line(out, head, provider);
  append_response_fields(out, head, provider);
  out += "\r\n";
}

bool came_through(const http::RequestHead& head, std::string_view instance) {
  for (const Field& field : head.fields) {
    if (equals_ignoring_case(field.name, "via") &&
        field.value.find(instance) != std::string_view::npos) {
      return true;
    }
  }
  return false;
}

}  // namespace farebox
