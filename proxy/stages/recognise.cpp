// recognise: what the request is, from its head and, where policy must, its body.
#include <algorithm>
#include <charconv>

#include "config/scalars.hpp"
#include "proxy/headers.hpp"
#include "proxy/http/text.hpp"
#include "proxy/stages/request_body.hpp"
#include "proxy/stages/stages.hpp"
#include "proxy/web_page.hpp"
#include "proxy/worker.hpp"

namespace farebox::stages {
namespace {

Error refuse(ErrorCode code, const char* why) { return Error(code, Fault::client, Retry::no, why); }

// 1 to 128 of [A-Za-z0-9._:-]; anything else is not taken over.
bool is_valid_request_id(std::string_view text) {
  return !text.empty() && text.size() <= 128 && std::all_of(text.begin(), text.end(), [](char c) {
    return http::is_alpha(c) || http::is_digit(c) || c == '.' || c == '_' || c == ':' || c == '-';
  });
}

Result<void> check_method(const http::RequestHead& head) {
  if (head.method == "TRACE") {
    return refuse(ErrorCode::method_not_allowed, "farebox answers no TRACE");
  }
  if (head.method == "CONNECT") {
    return refuse(ErrorCode::method_not_allowed,
                  "the forward proxy is not switched on; point the base URL at farebox instead");
  }
  if (head.asks_websocket) {
    return refuse(ErrorCode::upgrade_unsupported,
                  "farebox does not carry WebSocket sessions yet; connect to the provider itself");
  }
  return {};
}

// The dialect a path speaks, which need not be its provider's: errors and records go by
// it, keys and prices by the provider.
DialectName dialect_of(const Route& route, DialectName provider) {
  if (route.speaks) return *route.speaks;
  switch (route.endpoint) {
    case Endpoint::messages:
    case Endpoint::complete: return DialectName::anthropic;
    case Endpoint::generate_content:
    case Endpoint::embed_content:
    case Endpoint::interactions:
    case Endpoint::predict: return DialectName::gemini;
    case Endpoint::chat_completions:
    case Endpoint::completions:
    case Endpoint::responses:
    case Endpoint::embeddings:
    case Endpoint::images:
    case Endpoint::transcriptions:
    case Endpoint::translations:
    case Endpoint::speech:
    case Endpoint::moderations:
      // Azure's and Mistral's own API has OpenAI's endpoints; at the others they are OpenAI's.
      return provider == DialectName::azure || provider == DialectName::mistral
                 ? provider
                 : DialectName::openai;
    default: return provider;
  }
}

// How long the SDKs that Stainless made wait for the next octet: seconds.
SteadyTime patience_of(const http::RequestHead& head, const Call& call) {
  const std::string_view said = head.value("x-stainless-read-timeout");
  double seconds = 0;
  const auto parsed = std::from_chars(said.data(), said.data() + said.size(), seconds);
  if (parsed.ec != std::errc() || !(seconds > 0) || seconds > 86'400) return call.deadline;
  return std::min(call.deadline, call.started + Milliseconds(static_cast<std::int64_t>(seconds * 1'000)));
}

CallPriority priority_of(const http::RequestHead& head) {
  const std::string_view said = head.value("x-farebox-priority");
  if (said == "high") return CallPriority::high;
  return said == "low" || said == "batch" ? CallPriority::low : CallPriority::normal;
}

SteadyTime deadline_of(const http::RequestHead& head, const Call& call) {
  // Until a provider is known, an hour bounds the exchange.
  Milliseconds total = call.provider ? call.provider->settings.timeouts.total
                                     : Milliseconds{3'600'000};
  const std::string_view asked = head.value("x-farebox-timeout");
  if (!asked.empty()) {
    if (const auto parsed = parse_duration(asked); parsed && *parsed > Milliseconds{0}) {
      total = std::min(total, *parsed);
    }
  }
  return call.started + total;
}

// A body that may be held for anybody, so that the connection of a 401 can go on.
constexpr std::uint64_t kSmallBody = 16 << 10;

// What who is refused for want of memory is told to wait.
constexpr std::chrono::milliseconds kMemoryComesBack{2'000};

bool is_short_of_memory(Services& services, SteadyTime now) {
  Admission& admission = services.admission;
  const std::uint64_t held = admission.buffered_octets.load(std::memory_order_relaxed);
  admission.memory.look(now, services.settings.limits.memory, held);
  return admission.memory.sheds(held);
}

}  // namespace

awaitable<Result<void>> recognise(ClientConnection& client, const http::RequestHead& head,
                                  Call& call) {
  Services& services = client.services();
  const std::string_view id = head.value("x-farebox-request-id");
  if (is_valid_request_id(id)) call.request_id = id;
  call.body_reader = http::BodyReader(head.framing, head.content_length);
  call.continue_owed = head.expects_continue && head.framing != http::Framing::none;
  call.deadline = call.patience = deadline_of(head, call);

  DialectHints hints;
  hints.anthropic = head.has("anthropic-version");
  hints.gemini = head.has("x-goog-api-key");
  Destination destination = services.directory.find(head.target, hints);
  call.provider = destination.provider;
  call.home = destination.provider;
  call.dialect = destination.dialect;
  call.target = std::move(destination.target);

  if (const auto allowed = check_method(head); !allowed) co_return allowed.error();
  const std::string_view timeout = head.value("x-farebox-timeout");
  if (!timeout.empty() && !parse_duration(timeout)) {
    co_return refuse(ErrorCode::bad_request, "x-farebox-timeout is not a duration such as 30s");
  }
  if (came_through(head, services.instance)) {
    co_return refuse(ErrorCode::loop_detected,
                     "this request came through this farebox before; check base_url");
  }
  const OwnNames own{services.settings.allowed_origins, services.settings.listen};
  if (is_from_foreign_page(head, own)) {
    co_return refuse(ErrorCode::cross_site,
                     "a web page sent this; list its origin under allowed_origins to permit it");
  }
  if (call.provider == nullptr) {
    co_return refuse(ErrorCode::not_found,
                     "no provider serves this path; begin it with /v1, /v1beta or /{provider}");
  }
  call.deadline = deadline_of(head, call);
  call.patience = patience_of(head, call);
  call.priority = priority_of(head);
  // Where the provider has keys of its own, the caller's must not reach it, in the
  // query either.
  if (call.provider->has_keys()) drop_query_parameter(call.target, "key");
  const Dialect& dialect = call.provider->dialect;
  call.route = dialect.recognise(head.method, destination.path);
  call.model = call.route.model;
  if (!call.route.described) call.dialect = dialect_of(call.route, call.dialect);

  if (head.framing == http::Framing::length &&
      head.content_length > services.settings.limits.body) {
    co_return refuse(ErrorCode::request_too_large, "the body is larger than limits.body allows");
  }
  if (is_short_of_memory(services, client.now())) {
    client.worker().note_shed("memory", "calls are refused for want of memory", "limits.memory");
    call.refusal.retry_after = kMemoryComesBack;
    co_return Error(ErrorCode::overloaded, Fault::self, Retry::yes,
                    "farebox is short of memory (limits.memory) and takes no new calls");
  }
  // What is free isn't read for its price, but a cache goes by what it says.
  const bool may_be_kept = services.settings.cache.enabled && is_free(call.route.endpoint) &&
                           head.method == "POST";
  if (!(call.route.reads_body || may_be_kept) || head.framing == http::Framing::none) {
    call.rule = find_route(services, call, destination.named);
    co_return Result<void>();
  }

  // Who has no key where keys are needed is refused by what is here: nothing large is held for it.
  const bool small = head.framing == http::Framing::length && head.content_length <= kSmallBody;
  if (!small && services.settings.auth.require_keys &&
      !has_active_key(services, client.worker().keys(), client.last_key(), head, call)) {
    co_return Result<void>();
  }

  call.buffered = true;
  if (const auto read = co_await read_whole_body(client, call); !read) co_return read.error();
  auto facts = dialect.read_body(call.route, head.value("content-type"), call.body);
  if (!facts) co_return facts.error();
  call.facts = std::move(*facts);
  if (call.model.empty()) call.model = call.facts.model;
  call.rule = find_route(services, call, destination.named);
  co_return Result<void>();
}

}  // namespace farebox::stages
