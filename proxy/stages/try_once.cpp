#include "proxy/stages/try_once.hpp"

#include <boost/asio/error.hpp>
#include <fmt/format.h>

#include <algorithm>

#include "proxy/headers.hpp"
#include "proxy/stages/error_body.hpp"
#include "proxy/stages/key_hint.hpp"
#include "proxy/stages/send_request.hpp"
#include "proxy/tunnel.hpp"
#include "proxy/worker.hpp"

namespace farebox::stages {
namespace {

// An SDK that says how long it waits ends its waiting itself, and tells its caller so.
constexpr std::chrono::seconds kGrace{1};
constexpr int kMaxInterim = 16;                    // 1xx before the answer

std::uint32_t milliseconds_between(SteadyTime from, SteadyTime to) {
  return static_cast<std::uint32_t>(
      std::chrono::duration_cast<std::chrono::milliseconds>(to - from).count());
}

// A connection to the target: warm where one is, else dialled.
awaitable<Result<Attempt>> acquire(ClientConnection& client, const Call& call, Provider& provider,
                                   Freshness freshness) {
  if (client.left()) co_return why_gone(client, call);
  UpstreamPool& pool = client.worker().pool(provider);
  if (freshness == Freshness::any) {
    if (auto warm = pool.take_idle()) co_return Attempt(pool, std::move(warm));
  }
  const PoolSettings& settings = provider.settings.pool;
  const SteadyTime until = std::min(
      client.now() + std::max(settings.acquire_timeout, provider.settings.timeouts.connect),
      call.patience);
  UpstreamPool::Waiter waiter;
  waiter.wake = &client.wake();
  pool.wait_for(waiter);
  while (!waiter.done) {
    // Nothing was sent yet, so whoever leaves now owes nothing.
    if (client.left() || client.cut_off() || client.now() >= until) {
      pool.forget(waiter);
      if (client.cut_off()) co_return Error(ErrorCode::draining);
      if (client.now() < until) co_return why_gone(client, call);
      if (client.now() >= call.patience) {
        co_return Error(ErrorCode::upstream_timeout, Fault::client, Retry::yes,
                        "no connection to the provider came before the caller's own time was over");
      }
      co_return Error(ErrorCode::overloaded, Fault::self, Retry::yes,
                      fmt::format("no connection to provider '{}' came free in time; its pool.max "
                                  "is {}",
                                  provider.settings.name, settings.max));
    }
    co_await client.wait(until);
  }
  if (!waiter.connection) co_return waiter.error;
  Attempt attempt(pool, std::move(waiter.connection));
  if (client.left()) {
    attempt.give_back();
    co_return why_gone(client, call);
  }
  co_return attempt;
}

// The head of the final answer. Interim answers pass on to clients that know them
// (RFC 9110, 15.2); a 101 nobody asked for is an error.
awaitable<Result<void>> read_answer_head(ClientConnection& client, const http::RequestHead& head,
                                         const Call& call, Attempt& attempt,
                                         const Provider& provider, BreakerPass& pass,
                                         bool& nothing_received) {
  Channel& upstream = attempt.channel();
  http::HeadScanner scanner(kResponseLimits);
  const SteadyTime first_byte = attempt.sent_at + provider.settings.timeouts.first_byte;
  const SteadyTime until = std::min({first_byte, call.deadline, call.patience + kGrace});
  // Nobody waits for what is read on after its client left: it mustn't hold up those who would
  // find out whether the provider works.
  const SteadyTime probed =
      attempt.sent_at + provider.settings.circuit_breaker.reset_timeout;
  int interim = 0;
  nothing_received = true;
  while (true) {
    if (!upstream.received().empty()) {
      nothing_received = false;
      // RFC 8446, 6: what a TLS server says to plain HTTP is an alert, a record of type 21.
      if (!provider.tls && upstream.received().front() == '\x15') {
        co_return provider_error(ErrorCode::upstream_invalid, provider,
                                 "speaks TLS on this port; begin its base_url with https://");
      }
      const auto length = scanner.find_end(upstream.received());
      if (!length) {
        co_return provider_error(ErrorCode::upstream_invalid, provider,
                                 "sent an answer that breaks HTTP: " + length.error().context);
      }
      if (*length != 0) {
        attempt.head_text.reserve(512);  // never in the object itself: views must survive a move
        attempt.head_text.assign(upstream.received().substr(0, *length));
        upstream.consume(*length);
        const auto parsed =
            http::parse_response(attempt.head_text, head.method, kResponseLimits, attempt.head);
        if (!parsed) {
          co_return provider_error(ErrorCode::upstream_invalid, provider,
                                   "sent an answer that breaks HTTP: " + parsed.error().context);
        }
        if (attempt.head.status == 407 && provider.asks_proxy()) {
          co_return proxy_refusal(provider, attempt.head.status);
        }
        if (attempt.head.status >= 200) co_return Result<void>();
        if (attempt.head.status == 101 || ++interim > kMaxInterim) {
          co_return provider_error(ErrorCode::upstream_invalid, provider,
                                   "sent interim answers nobody asked for");
        }
        if (attempt.head.status != 100 && head.minor_version >= 1) {
          std::string words;
          write_interim_head(words, attempt.head, provider);
          const asio::const_buffer pieces[] = {asio::buffer(words)};
          if (!co_await client.send(pieces, call.deadline)) co_return client_gone();
        }
        scanner.reset();
        continue;
      }
    }
    if (upstream.ended()) {
      if (!attempt.request_complete && !call.body_reader.done()) {
        // It had waited long enough for a client that keeps its body back.
        Error error = provider_error(ErrorCode::upstream_unreachable, provider,
                                     "closed the connection before the client had sent its request");
        error.fault = Fault::client;
        co_return error;
      }
      co_return provider_error(ErrorCode::upstream_unreachable, provider,
                               nothing_received ? "closed the connection without an answer"
                                                : "closed the connection within its answer's head");
    }
    if (must_stop(client, call)) {
      co_return client.cut_off() ? Error(ErrorCode::draining) : client_gone();
    }
    if (client.now() >= until) {
      Error error = provider_error(ErrorCode::upstream_timeout, provider,
                                   "did not begin its answer within its timeout");
      if (until < first_byte && is_impatient(call)) error.fault = Fault::client;
      co_return error;
    }
    upstream.read_more();
    const bool deaf = client.left() && pass.probes();
    if (deaf && client.now() >= probed) pass.drop();
    co_await client.wait(deaf ? std::min(until, probed) : until);
  }
}

Error too_many_uploads(Call& call, const Provider& provider) {
  call.refusal.retry_after = std::chrono::seconds(1);
  return Error(ErrorCode::overloaded, Fault::self, Retry::yes,
               fmt::format("half of the connections to provider '{}' wait for bodies that are still "
                           "on their way; try again later, or raise its pool.max, which is {}",
                           provider.settings.name, provider.settings.pool.max));
}

bool may_splice(const Call& call, const Provider& provider) {
  return call.buffered && call.facts.splice_at != std::string_view::npos &&
         provider.may_inject_usage();
}

}  // namespace

bool is_impatient(const Call& call) {
  return call.patience < call.started + call.provider->settings.timeouts.total;
}

bool is_whole(const http::RequestHead& head, const Call& call) {
  return call.buffered || head.framing == http::Framing::none;
}

// RFC 9110, 9.2.2: what isn't idempotent is not sent again by itself. A call to a model
// changes nothing at the provider, so it may be; a POST nobody knows may not.
bool may_repeat(std::string_view method, Endpoint endpoint) {
  for (const std::string_view idempotent : {"GET", "HEAD", "OPTIONS", "PUT", "DELETE"}) {
    if (method == idempotent) return true;
  }
  return is_metered(endpoint) || endpoint == Endpoint::moderations ||
         endpoint == Endpoint::count_tokens;
}

awaitable<Result<void>> try_once(ClientConnection& client, const http::RequestHead& head,
                                 Call& call, Hold& hold, Record& record,
                                 std::vector<AttemptRecord>& attempts, Passage& passage,
                                 Attempt& answered, bool held) {
  Provider& provider = *call.provider;
  bool splice = may_splice(call, provider);
  bool repeated_without = false;
  bool replayed = false;
  // What can't be sent again doesn't ride a connection that may have died in the pool.
  const bool repeatable = is_whole(head, call) && may_repeat(head.method, call.route.endpoint);
  Freshness freshness = repeatable ? Freshness::any : Freshness::fresh_only;
  while (true) {
    if (!held) {
      const auto grown = co_await hold_again(client, call, hold, attempts, record);
      if (!grown) co_return grown.error();
    }
    held = false;
    std::optional<ProviderState::Upload> upload;
    if (!is_whole(head, call)) {
      upload.emplace(provider.state->begin_upload());
      if (!*upload) co_return too_many_uploads(call, provider);
    }
    const SteadyTime began = client.now();
    AttemptRecord& row = attempts.emplace_back();
    row.provider = provider.settings.name;
    row.model = call.model;
    row.priced = true;  // nothing was answered so far, and nothing is what that costs

    auto attempt = co_await acquire(client, call, provider, freshness);
    if (!attempt) {
      row.outcome = outcome_of(attempt.error());
      row.latency_ms = milliseconds_between(began, client.now());
      co_return attempt.error();
    }
    attempt->spliced = splice;
    row.sent = true;
    bool nothing_received = true;
    Result<void> done = co_await send_request(client, head, call, *attempt, provider,
                                              passage.key.secret, splice);
    upload.reset();
    if (done) {
      done = co_await read_answer_head(client, head, call, *attempt, provider, passage.pass,
                                         nothing_received);
    }
    row.latency_ms = milliseconds_between(began, client.now());
    if (!done) {
      row.outcome = outcome_of(done.error());
      const bool stale = nothing_received && !attempt->fresh() &&
                         done.error().code == ErrorCode::upstream_unreachable;
      if (!stale || replayed || !repeatable) co_return done.error();
      client.worker().metrics().count_retry(provider.settings.name, "connection");
      attempts.back().over = true;
      replayed = true;
      freshness = Freshness::fresh_only;
      continue;
    }
    row.status = static_cast<std::uint16_t>(attempt->head.status);
    row.outcome = attempt->head.status < 400 ? Outcome::ok : Outcome::provider_error;
    hint_about_keys(client.services().log, head, attempt->head.status, provider);

    // A server that refuses the field we spliced gets the request as it came, and is
    // not asked again.
    const bool client_error = attempt->head.status >= 400 && attempt->head.status < 500;
    if (splice && client_error && attempt->head.status != 429) {
      const std::string body = co_await read_error_body(client, call, *attempt);
      if (body.find("stream_options") != std::string::npos) {
        splice = false;
        client.worker().metrics().count_retry(provider.settings.name, "stream_options");
        attempts.back().over = true;
        repeated_without = true;
        continue;
      }
    }
    // Only an answer that the repeat made better proves that the field was the reason:
    // the text of an error can hold anything a caller wrote.
    if (repeated_without && attempt->head.status < 400) provider.remember_usage_refused();
    answered = std::move(*attempt);
    co_return Result<void>();
  }
}

}  // namespace farebox::stages
