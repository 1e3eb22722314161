#include "proxy/stages/send_request.hpp"

#include <boost/asio/error.hpp>
#include <fmt/format.h>

#include <algorithm>

#include "proxy/headers.hpp"
#include "proxy/stages/request_body.hpp"

namespace farebox::stages {
namespace {

using What = http::BodyReader::What;

constexpr std::size_t kBodyPiece = 64 << 10;       // streamed body, one piece in flight

// Inserted right after a '{': a whole stream_options, or one member of an existing one.
constexpr std::string_view kSpliceOptions = R"("stream_options":{"include_usage":true})";
constexpr std::string_view kSpliceMember = R"("include_usage":true)";

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
      Error error = provider_error(ErrorCode::upstream_timeout, provider,
                                   "took the request too slowly");
      if (is_impatient(call)) error.fault = Fault::client;
      co_return error;
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
  BodyPace pace(client.now(), limits.body_timeout);
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
    if (before != 0) pace.came(client.now(), before - input.size());

    if (client.cut_off()) co_return Error(ErrorCode::draining);
    if (client.left()) {
      if (from.end_reason() == asio::error::eof) {
        co_return Error(ErrorCode::bad_request, Fault::client, Retry::no,
                        "the body ends before its announced length");
      }
      co_return client_gone();
    }
    const SteadyTime until = std::min(pace.until(), call.deadline);
    if (client.now() >= until) co_return too_slow_body();
    // What arrived while the piece was on its way has had its wake-up already.
    if (from.octets_read() != seen) continue;
    from.read_more(kBodyPiece);
    co_await client.wait(until);
  }
}

}  // namespace

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

// Head, and a buffered body, in one gather write.
awaitable<Result<void>> send_request(ClientConnection& client, const http::RequestHead& head,
                                     Call& call, Attempt& attempt, Provider& provider,
                                     const Secret* key, bool splice) {
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

  std::string via;
  if (services.settings.via) {
    via = "1.1 ";
    via += services.instance;
  }
  std::string out;
  out.reserve(1024);
  write_request_head(out, {head, provider, call.target, framing, key, via, call.virtual_key,
                           call.foreign});

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

}  // namespace farebox::stages
