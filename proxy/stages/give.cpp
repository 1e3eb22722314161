// give: an answer that another call was given goes out again.
#include <fmt/format.h>

#include <algorithm>

#include "proxy/headers.hpp"
#include "proxy/stages/lookup.hpp"
#include "proxy/stages/send_request.hpp"
#include "proxy/worker.hpp"

namespace farebox::stages {
namespace {

// What a reader takes of a stream at a time.
constexpr std::size_t kPiece = 64 << 10;

// The answer is given once more as it is, and asked for again behind it.
void revalidate(ClientConnection& client, const http::RequestHead& head, const Call& call,
                const Lookup& lookup) {
  if (!lookup.desk->begin_refresh(lookup.key)) return;
  client.worker().run_errand(
      request_again(head, call, lookup, "refresh"), 0,
      [desk = lookup.desk, key = lookup.key](ErrandResult) { desk->end_refresh(key); });
}

void append_line(std::string& out, std::string_view name, std::string_view value) {
  out += name;
  out += ": ";
  out += value;
  out += "\r\n";
}

// RFC 9110, 15; RFC 6585.
std::string_view reason_of(int status) {
  switch (status) {
    case 200: return "OK";
    case 400: return "Bad Request";
    case 401: return "Unauthorized";
    case 403: return "Forbidden";
    case 404: return "Not Found";
    case 409: return "Conflict";
    case 413: return "Content Too Large";
    case 422: return "Unprocessable Content";
    case 429: return "Too Many Requests";
    case 500: return "Internal Server Error";
    case 502: return "Bad Gateway";
    case 503: return "Service Unavailable";
    case 504: return "Gateway Timeout";
    default: return "";
  }
}

// The head without its last CRLF, as relay leaves it.
void write_head(ClientConnection& client, const http::RequestHead& head, const Call& call,
                const Lookup& lookup, std::string_view fields, Relayed& result) {
  std::string& out = result.head;
  out.reserve(640 + fields.size() + call.notes.size());
  out += "HTTP/1.1 ";
  out += std::to_string(lookup.status);
  out += ' ';
  out += reason_of(lookup.status);
  out += "\r\n";
  out += fields;
  out += call.notes;
  append_line(out, "x-farebox-request-id", call.request_id);
  append_line(out, call.dialect == DialectName::anthropic ? "request-id" : "x-request-id",
              call.request_id);
  append_line(out, "x-farebox-provider", call.provider->settings.name);
  out += "x-farebox-attempts: 0\r\n";
  if (lookup.coalesced) {
    out += "x-farebox-cache: coalesced\r\nCache-Status: farebox; fwd=miss; collapsed\r\n";
  } else {
    using std::chrono::floor, std::chrono::seconds;
    const WallTime now = client.services().clock.wall_now();
    const auto age = std::max(floor<seconds>(now - lookup.answer->stored), seconds(0));
    // RFC 9211, 2.3: below zero where it is stale.
    const auto ttl = floor<seconds>(lookup.answer->expires - now);
    fmt::format_to(std::back_inserter(out),
                   "x-farebox-cache: hit\r\nAge: {}\r\nCache-Status: farebox; hit; ttl={}\r\n",
                   age.count(), ttl.count());
  }
  if (lookup.seat || (lookup.answer && lookup.answer->chunked)) {
    out += "Transfer-Encoding: chunked\r\n";
  } else {
    append_line(out, "Content-Length", std::to_string(lookup.answer->body.size()));
  }
  result.keep_alive = head.keep_alive && call.body_reader.done() && !client.draining();
  if (!result.keep_alive) {
    out += "Connection: close\r\n";
  } else if (head.minor_version == 0) {
    out += "Connection: keep-alive\r\n";
  }
}

// What the end of a call that was another's says of it.
void describe(const Answer& answer, Relayed& result) {
  result.reading.model = answer.model;
  result.reading.finish_reason = answer.finish_reason;
  result.reading.stream = answer.stream;
  result.reading.finished = true;
}

void fail(Outcome outcome, Error error, Relayed& result) {
  result.outcome = outcome;
  result.error = std::move(error);
  result.keep_alive = false;
  if (!result.began) result.head.clear();
}

// Why a reader of a stream gets no more of it.
void break_off(ClientConnection& client, bool lost, Relayed& result) {
  if (lost) {
    fail(Outcome::client_closed,
         Error(ErrorCode::client_closed, Fault::client, Retry::yes,
               "it read so slowly that what it shared with other callers was gone"),
         result);
  } else {
    fail(Outcome::upstream_error,
         Error(ErrorCode::upstream_unreachable, Fault::provider, Retry::yes,
               "the call it shared with another caller broke off"),
         result);
  }
  if (result.began) client.end_with_reset();
}

// The rest of it is in `tail`, for after the record was written.
void finish_ride(ClientConnection& client, const Seat::Look& look, Lookup& lookup,
                 Relayed& result) {
  lookup.answer = look.answer;
  describe(*look.answer, result);
  result.whole = true;
  if (!result.began) result.first_octet = client.now();
  result.last_octet = client.now();
}

// Octets of a stream that runs pass as they come.
awaitable<void> ride(ClientConnection& client, const Call& call, Lookup& lookup, Relayed& result) {
  std::string piece;
  while (true) {
    piece.clear();
    const bool more = lookup.seat.read(piece, kPiece);
    if (more) {
      std::vector<asio::const_buffer> out;
      if (!result.began) {
        result.head += "\r\n";
        out.push_back(asio::buffer(result.head));
        result.first_octet = client.now();
      }
      result.began = true;
      out.push_back(asio::buffer(piece));
      result.last_octet = client.now();
      if (co_await client.send(out, call.deadline)) continue;
    }
    if (client.cut_off()) {
      fail(Outcome::drained, Error(ErrorCode::draining, Fault::self, Retry::yes, "farebox had to stop"),
           result);
      co_return;
    }
    if (client.left()) {
      fail(Outcome::client_closed, Error(ErrorCode::client_closed), result);
      co_return;
    }
    if (client.now() >= call.deadline) {
      fail(Outcome::timeout, Error(ErrorCode::upstream_timeout, Fault::provider, Retry::unknown,
                                   "the stream took longer than timeouts.total"), result);
      if (result.began) client.end_with_reset();
      co_return;
    }
    const Seat::Look look = lookup.seat.look();
    if (look.state == Flight::State::running && !look.lost) {
      co_await client.wait(call.deadline);
      continue;
    }
    if (look.state == Flight::State::whole && !look.lost) {
      lookup.seat.rest(result.tail);
      finish_ride(client, look, lookup, result);
      co_return;
    }
    // What came before it broke off, the error that says why among it.
    piece.clear();
    if (lookup.seat.read(piece, kPiece) && result.began) {
      const asio::const_buffer last[] = {asio::buffer(piece)};
      co_await client.send(last, call.deadline);
    }
    break_off(client, look.lost, result);
    co_return;
  }
}

}  // namespace

awaitable<void> give(ClientConnection& client, const http::RequestHead& head, const Call& call,
                     Lookup& lookup, Relayed& result) {
  if (!lookup.seat) {
    const Answer& answer = *lookup.answer;
    write_head(client, head, call, lookup, answer.fields, result);
    describe(answer, result);
    result.kept = lookup.answer;
    result.whole = true;
    result.first_octet = result.last_octet = client.now();
    if (!lookup.coalesced) {
      lookup.cache->count_hit(lookup.key, answer, lookup.tier);
      lookup.desk->hits.add(client.now() - call.started);
    }
    if (lookup.revalidate) revalidate(client, head, call, lookup);
    co_return;
  }
  write_head(client, head, call, lookup, lookup.seat.fields(), result);
  co_await ride(client, call, lookup, result);
  lookup.seat.leave();
}

}  // namespace farebox::stages
