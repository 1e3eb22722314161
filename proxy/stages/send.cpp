// send: the request reaches the provider and the head of its answer comes back.
#include <boost/asio/error.hpp>
#include <fmt/format.h>

#include <algorithm>

#include "proxy/headers.hpp"
#include "proxy/stages/request_body.hpp"
#include "proxy/stages/stages.hpp"
#include "proxy/worker.hpp"

namespace farebox::stages {
namespace {

using What = http::BodyReader::What;

constexpr std::size_t kBodyPiece = 64 << 10;       // streamed body, one piece in flight
constexpr std::uint64_t kDrainedErrorBody = 64 << 10;  // of a 4xx that may name stream_options
constexpr int kMaxInterim = 16;                    // 1xx before the answer
const http::HeadLimits kResponseLimits{16 << 10, 64 << 10, 256};

// Inserted right after a '{': a whole stream_options, or one member of an existing one.
constexpr std::string_view kSpliceOptions = R"("stream_options":{"include_usage":true})";
constexpr std::string_view kSpliceMember = R"("include_usage":true)";

// What one try came to, besides an answer.
struct Failure {
  Error error;
  bool nothing_received = false;  // not one octet of an answer
};

std::uint32_t milliseconds_between(SteadyTime from, SteadyTime to) {
  return static_cast<std::uint32_t>(
      std::chrono::duration_cast<std::chrono::milliseconds>(to - from).count());
}

Error provider_error(ErrorCode code, const Provider& provider, std::string_view what) {
  return Error(code, Fault::provider, Retry::unknown,
               fmt::format("provider '{}' {}", provider.settings.name, what));
}

Error client_gone() { return Error(ErrorCode::client_closed, Fault::client, Retry::no, ""); }

// The client sent FIN or left. Within its body that is a fault of its own, and one who only
// closed the sending side still reads the 400 (RFC 9112, 8); after it, that is leaving.
Error why_gone(ClientConnection& client, const Call& call) {
  const Channel& from = client.channel();
  if (from.ended() && from.end_reason() == asio::error::eof && !call.body_reader.done()) {
    http::BodyReader rest = call.body_reader;
    std::string_view input = from.received();
    What what = What::need_more;
    do {
      what = rest.next(input).what;
    } while (what == What::chunk_begin || what == What::data || what == What::chunk_end);
    if (what != What::end) {
      return Error(ErrorCode::bad_request, Fault::client, Retry::no,
                   "the body ends before its announced length");
    }
  }
  return client_gone();
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
      call.deadline);
  UpstreamPool::Waiter waiter;
  waiter.wake = &client.wake();
  pool.wait_for(waiter);
  while (!waiter.done) {
    // Nothing was sent yet, so whoever leaves now owes nothing.
    if (client.left() || client.cut_off() || client.now() >= until) {
      pool.forget(waiter);
      if (client.cut_off()) co_return Error(ErrorCode::draining);
      if (client.now() < until) co_return why_gone(client, call);
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

// A final answer has begun: what is left of the request is not wanted any more. Interim
// answers say nothing of the kind (RFC 9110, 15.2); they are read in their turn.
bool final_answer_began(const Channel& upstream) {
  std::string_view received = upstream.received();
  while (received.starts_with("HTTP/1.1 1") || received.starts_with("HTTP/1.0 1")) {
    const std::size_t end = received.find("\r\n\r\n");
    if (end == std::string_view::npos) return received.size() > kResponseLimits.head;
    received.remove_prefix(end + 4);
  }
  return received.size() >= 10 || (!received.empty() && received.front() != 'H');
}

// Waits until everything given to the channel went out; false if the provider answered
// or left before that, and the rest was given up.
awaitable<Result<bool>> flush(ClientConnection& client, const Call& call, Channel& upstream,
                              const Provider& provider) {
  while (upstream.sending()) {
    if (must_stop(client, call)) {
      co_return client.cut_off() ? Error(ErrorCode::draining) : why_gone(client, call);
    }
    if (client.now() >= call.deadline) {
      co_return provider_error(ErrorCode::upstream_timeout, provider, "took the request too slowly");
    }
    if (upstream.ended() || final_answer_began(upstream)) {
      // The buffers are the caller's: end the write before they go.
      upstream.shutdown_send();
      while (upstream.sending()) {
        if (client.cut_off()) upstream.close();
        co_await client.wait(call.deadline);
      }
      co_return false;
    }
    upstream.read_more();
    co_await client.wait(call.deadline);
  }
  co_return true;
}

// Passes the client's body on as it arrives. Ends early when the provider answers
// before it has all of it (RFC 9112, 9.3: such a connection is not used again).
awaitable<Result<void>> stream_body(ClientConnection& client, Call& call, Attempt& attempt,
                                    const Provider& provider, bool chunked) {
  const LimitSettings& limits = client.services().settings.limits;
  Channel& from = client.channel();
  Channel& to = attempt.channel();
  if (!co_await send_continue(client, call)) co_return client_gone();
  SteadyTime last_octet = client.now();
  std::string piece;
  while (true) {
    piece.clear();
    const std::uint64_t seen = from.octets_read();
    std::string_view input = from.received();
    const std::size_t before = input.size();
    What what = What::need_more;
    do {
      const auto step = call.body_reader.next(input);
      what = step.what;
      char size[20];
      if (what == What::chunk_begin && step.size > limits.body) {
        co_return Error(ErrorCode::request_too_large, Fault::client, Retry::no,
                        "the body is larger than limits.body allows");
      }
      if (what == What::chunk_begin && chunked) piece.append(size, http::write_chunk_size(step.size, size));
      if (what == What::data) piece.append(step.data);
      if (what == What::chunk_end && chunked) piece.append("\r\n");
    } while (what != What::need_more && what != What::end && what != What::broken);
    from.consume(before - input.size());
    if (what == What::broken) {
      co_return Error(ErrorCode::bad_request, Fault::client, Retry::no,
                      "the body's chunked framing is broken");
    }
    if (call.body_reader.octets() > limits.body) {
      co_return Error(ErrorCode::request_too_large, Fault::client, Retry::no,
                      "the body is larger than limits.body allows");
    }
    if (what == What::end && chunked) piece.append("0\r\n\r\n");
    const asio::const_buffer pieces[] = {asio::buffer(piece)};
    to.send(pieces);
    const auto sent = co_await flush(client, call, to, provider);
    if (!sent) co_return sent.error();
    if (what == What::end) {
      attempt.request_complete = *sent && !to.broken();
      co_return Result<void>();
    }
    if (!*sent || to.broken() || to.ended() || final_answer_began(to)) co_return Result<void>();
    to.read_more();
    if (before != 0) last_octet = client.now();

    if (client.cut_off()) co_return Error(ErrorCode::draining);
    if (client.left()) {
      if (from.end_reason() == asio::error::eof) {
        co_return Error(ErrorCode::bad_request, Fault::client, Retry::no,
                        "the body ends before its announced length");
      }
      co_return client_gone();
    }
    const SteadyTime until = std::min(last_octet + limits.body_timeout, call.deadline);
    if (client.now() >= until) {
      co_return Error(ErrorCode::request_timeout, Fault::client, Retry::yes,
                      "the body stalled longer than limits.body_timeout");
    }
    // What arrived while the piece was on its way has had its wake-up already.
    if (from.octets_read() != seen) continue;
    from.read_more(kBodyPiece);
    co_await client.wait(until);
  }
}

// Head, and a buffered body, in one gather write.
awaitable<Result<void>> send_request(ClientConnection& client, const http::RequestHead& head,
                                     Call& call, Attempt& attempt, Provider& provider,
                                     bool splice) {
  Services& services = client.services();
  OutgoingFraming framing;
  std::string_view inserted;
  bool comma = false;
  if (call.buffered) {
    if (splice) {
      inserted = call.facts.splice_inside_options ? kSpliceMember : kSpliceOptions;
      comma = call.facts.splice_needs_comma;
    }
    framing = {http::Framing::length, call.body.size() + inserted.size() + (comma ? 1 : 0)};
  } else if (head.framing != http::Framing::none) {
    framing = {head.framing, head.content_length};
  }

  const Secret* const key = provider.next_key();
  std::string via;
  if (services.settings.via) {
    via = "1.1 ";
    via += services.instance;
  }
  std::string out;
  out.reserve(1024);
  write_request_head(out, {head, provider, call.target, framing, key, via});

  Channel& upstream = attempt.channel();
  upstream.attach(&client.wake());
  if (call.buffered) {
    const std::string_view body = call.body;
    const std::size_t cut = splice ? call.facts.splice_at : body.size();
    const asio::const_buffer pieces[] = {
        asio::buffer(out), asio::buffer(body.data(), cut), asio::buffer(inserted),
        asio::buffer(",", comma ? 1 : 0), asio::buffer(body.data() + cut, body.size() - cut)};
    upstream.send(pieces);
    const auto sent = co_await flush(client, call, upstream, provider);
    if (!sent) co_return sent.error();
    attempt.request_complete = *sent;
  } else {
    const asio::const_buffer pieces[] = {asio::buffer(out)};
    upstream.send(pieces);
    if (const auto sent = co_await flush(client, call, upstream, provider); !sent) {
      co_return sent.error();
    }
    if (head.framing == http::Framing::none) {
      attempt.request_complete = true;
    } else {
      const auto streamed = co_await stream_body(client, call, attempt, provider,
                                                 head.framing == http::Framing::chunked);
      if (!streamed) co_return streamed.error();
    }
  }
  attempt.sent_at = client.now();
  co_return Result<void>();
}

// The head of the final answer. Interim answers pass on to clients that know them
// (RFC 9110, 15.2); a 101 nobody asked for is an error.
awaitable<Result<void>> read_answer_head(ClientConnection& client, const http::RequestHead& head,
                                         const Call& call, Attempt& attempt,
                                         const Provider& provider, bool& nothing_received) {
  Channel& upstream = attempt.channel();
  http::HeadScanner scanner(kResponseLimits);
  const SteadyTime first_byte = attempt.sent_at + provider.settings.timeouts.first_byte;
  const SteadyTime until = std::min(first_byte, call.deadline);
  int interim = 0;
  nothing_received = true;
  while (true) {
    if (!upstream.received().empty()) {
      nothing_received = false;
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
      co_return provider_error(ErrorCode::upstream_unreachable, provider,
                               nothing_received ? "closed the connection without an answer"
                                                : "closed the connection within its answer's head");
    }
    if (must_stop(client, call)) {
      co_return client.cut_off() ? Error(ErrorCode::draining) : client_gone();
    }
    if (client.now() >= until) {
      co_return provider_error(ErrorCode::upstream_timeout, provider,
                               "did not begin its answer within its timeout");
    }
    upstream.read_more();
    co_await client.wait(until);
  }
}

// Reads the short body of a 4xx in place, to see whether it is about stream_options.
// The octets stay in the buffer for relay.
awaitable<bool> body_names_stream_options(ClientConnection& client, const Call& call,
                                          Attempt& attempt) {
  Channel& upstream = attempt.channel();
  const SteadyTime until = std::min(client.now() + std::chrono::seconds(2), call.deadline);
  http::BodyReader whole(attempt.head.framing, attempt.head.content_length);
  std::size_t seen = 0;
  while (true) {
    std::string_view input = upstream.received().substr(seen);
    What what = What::need_more;
    do {
      what = whole.next(input).what;
    } while (what != What::need_more && what != What::end && what != What::broken);
    seen = upstream.received().size() - input.size();
    if (what != What::need_more || upstream.ended() || must_stop(client, call) ||
        seen > kDrainedErrorBody || client.now() >= until) {
      co_return upstream.received().find("stream_options") != std::string_view::npos;
    }
    upstream.read_more();
    co_await client.wait(until);
  }
}

// RFC 9110, 9.2.2: what isn't idempotent is not sent again by itself. A call to a model
// changes nothing at the provider, so it may be; a POST nobody knows may not.
bool may_repeat(std::string_view method, Endpoint endpoint) {
  for (const std::string_view idempotent : {"GET", "HEAD", "OPTIONS", "PUT", "DELETE"}) {
    if (method == idempotent) return true;
  }
  return is_metered(endpoint) || is_free(endpoint);
}

bool may_splice(const Call& call, const Provider& provider) {
  return call.buffered && call.facts.splice_at != std::string_view::npos &&
         provider.may_inject_usage();
}

}  // namespace

awaitable<Result<Attempt>> send(ClientConnection& client, const http::RequestHead& head, Call& call,
                                const Hold&, const Target& target,
                                std::vector<AttemptRecord>& attempts) {
  Provider& provider = *target.provider;
  bool splice = may_splice(call, provider);
  bool repeated_without = false;
  bool replayed = false;
  // A body that streams can't be sent again, so it doesn't ride a connection that may
  // have died in the pool.
  const bool repeatable = call.buffered || head.framing == http::Framing::none;
  Freshness freshness = repeatable ? Freshness::any : Freshness::fresh_only;
  while (true) {
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
    Result<void> done = co_await send_request(client, head, call, *attempt, provider, splice);
    if (done) {
      done = co_await read_answer_head(client, head, call, *attempt, provider, nothing_received);
    }
    row.latency_ms = milliseconds_between(began, client.now());
    if (!done) {
      row.outcome = outcome_of(done.error());
      const bool stale = nothing_received && !attempt->fresh() &&
                         done.error().code == ErrorCode::upstream_unreachable;
      if (!stale || replayed || !repeatable || !may_repeat(head.method, call.route.endpoint)) {
        co_return done.error();
      }
      replayed = true;
      freshness = Freshness::fresh_only;
      continue;
    }
    row.status = static_cast<std::uint16_t>(attempt->head.status);
    row.outcome = attempt->head.status < 400 ? Outcome::ok : Outcome::provider_error;

    // A server that refuses the field we spliced gets the request as it came, and is
    // not asked again.
    const bool client_error = attempt->head.status >= 400 && attempt->head.status < 500;
    if (splice && client_error) {
      const bool named = co_await body_names_stream_options(client, call, *attempt);
      if (named) {
        splice = false;
        repeated_without = true;
        continue;
      }
    }
    // Only an answer that the repeat made better proves that the field was the reason:
    // the text of an error can hold anything a caller wrote.
    if (repeated_without && attempt->head.status < 400) provider.remember_usage_refused();
    co_return std::move(*attempt);
  }
}

}  // namespace farebox::stages
