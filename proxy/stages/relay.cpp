// relay: octets pass as they come; a reader counts from the side.
//
// One piece is in flight in each direction: the provider is read again when the
// client has taken what was read before, so a slow client slows the provider and
// nothing else. Chunks keep their bounds. The last octets of a whole answer are left
// to `finish`, after the record is written.
#include <boost/asio/error.hpp>
#include <fmt/format.h>

#include <algorithm>

#include "proxy/budget_watch.hpp"
#include "proxy/headers.hpp"
#include "proxy/metering.hpp"
#include "proxy/policy_notes.hpp"
#include "proxy/repacker.hpp"
#include "proxy/stages/lookup.hpp"
#include "proxy/worker.hpp"

namespace farebox {

bool must_stop(const ClientConnection& client, const Call& call) {
  if (client.cut_off()) return true;
  if (!client.left()) return false;
  if (call.flight != nullptr && call.flight->is_followed()) return false;
  return call.route.stream || call.facts.stream || !is_metered(call.route.endpoint) ||
         !call.buffered;
}

namespace stages {
namespace {

using http::Framing;

// A JSON answer is held up to this size and time, so that its cost can stand in the
// head; one that is larger or comes slowly passes as it comes.
constexpr std::size_t kHeldOctets = 1 << 20;
constexpr std::chrono::milliseconds kHeldTime{50};
// What is kept back of an answer to several calls.
constexpr std::size_t kMostCollected = 64 << 20;
// A whole call whose client left is read on within these bounds.
constexpr std::uint64_t kDeafOctets = 16 << 20;
constexpr std::chrono::seconds kDeafTime{120};

// What a client may leave unread of an answer that others wait for too; behind that it is left
// behind. Where nobody does, the provider is slowed to its pace, as of any other answer.
constexpr std::size_t kMostUnread = 1 << 20;
constexpr std::size_t kSlowedUnread = 64 << 10;

struct Verdict {
  Outcome outcome;
  Error error;
  Failure failure = Failure::none;  // none: it says nothing about the provider
};

Verdict upstream_broke(const Provider& provider, std::string_view how) {
  return {Outcome::upstream_error,
          Error(ErrorCode::upstream_unreachable, Fault::provider, Retry::unknown,
                fmt::format("provider '{}' {}", provider.settings.name, how)),
          Failure::reset};
}

Verdict provider_stalled(const Provider& provider) {
  return {Outcome::timeout,
          Error(ErrorCode::upstream_timeout, Fault::provider, Retry::unknown,
                fmt::format("provider '{}' stalled within its answer", provider.settings.name)),
          Failure::timeout};
}

// How long an answer takes in all depends on who reads it and on how long that may last.
Verdict time_over(const Provider& provider, bool of_caller) {
  if (of_caller) {
    return {Outcome::timeout, Error(ErrorCode::upstream_timeout, Fault::client, Retry::yes,
                                    "the caller's own time was over before the answer was whole")};
  }
  return {Outcome::timeout,
          Error(ErrorCode::upstream_timeout, Fault::provider, Retry::unknown,
                fmt::format("the answer of provider '{}' took longer than timeouts.total",
                            provider.settings.name))};
}

Verdict budget_spent(const Hold& hold) {
  return {Outcome::budget_cut,
          Error(ErrorCode::budget_exceeded, Fault::client, Retry::no,
                fmt::format("budget '{}' can't pay for more of this answer", hold.decision.by))};
}

// Until then the answer is waited for: others who wait for it have time of their own.
SteadyTime deadline_of(const Call& call) {
  const bool followed = call.flight != nullptr && call.flight->is_followed();
  return followed ? call.started + call.provider->settings.timeouts.total : call.deadline;
}

// Why the relay can't go on, if anything says so.
std::optional<Verdict> trouble(const ClientConnection& client, const Call& call,
                               const Channel& upstream, SteadyTime idle_until, SteadyTime now) {
  const Provider& provider = *call.provider;
  if (client.cut_off()) {
    return Verdict{Outcome::drained, Error(ErrorCode::draining, Fault::self, Retry::yes,
                                           "farebox had to stop")};
  }
  if (must_stop(client, call)) {
    return Verdict{Outcome::client_closed, Error(ErrorCode::client_closed)};
  }
  if (upstream.ended()) return upstream_broke(provider, "ended its answer before it was whole");
  if (now >= idle_until) return provider_stalled(provider);
  const SteadyTime deadline = deadline_of(call);
  if (now >= deadline) {
    return time_over(provider, deadline < call.started + provider.settings.timeouts.total);
  }
  return std::nullopt;
}

// The same octets go to the client as fast as it reads, and to all who wait beside it.
awaitable<bool> share(ClientConnection& client, const Call& call, ByteStream::Buffers out,
                      Outbox& outbox) {
  outbox.add(out);
  const auto unread = [&] {
    return call.flight->is_followed() ? kMostUnread : kSlowedUnread;
  };
  ClientConnection::Stall stall(client);
  while (outbox.octets() > unread() && client.now() < call.deadline) {
    const SteadyTime ends = std::min(call.deadline, stall.ends());
    if (call.flight->is_followed() || client.now() >= ends) {
      co_await outbox.give_up();
      break;
    }
    if (client.left() || client.cut_off()) break;
    co_await client.wait(ends);
    outbox.pump();
  }
  co_return !client.left() && !outbox.given_up();
}

// Not to be called again for what follows.
void begin_flight(const Call& call, const http::ResponseHead& answer, const OutgoingFraming& framing) {
  const bool streams = call.route.stream || call.facts.stream;
  if (!streams || answer.status != 200 || framing.kind != Framing::chunked) return;
  call.flight->begin(kept_fields(answer));
}

}  // namespace

awaitable<void> relay(ClientConnection& client, const http::RequestHead& head, const Call& call,
                      Attempt& attempt, std::uint32_t attempts, Hold& hold, Record& record,
                      Relayed& result) {
  Channel& upstream = attempt.channel();
  Provider& provider = *call.provider;
  const http::ResponseHead& answer = attempt.head;
  const bool metered = is_metered(call.route.endpoint);

  Metering meter(metered ? provider.dialect.reader(call.route, call.facts) : nullptr,
                 answer);
  const bool filter = attempt.spliced && answer.status < 300 && !meter.encoded();
  BudgetWatch budget(client, call, hold, meter);
  const OutgoingFraming framing = choose_framing(answer, head.minor_version, filter);
  Repacker repacker(answer, framing, filter);

  // The client's connection goes on if its request was read to the end and the
  // answer's end can be told without closing.
  result.keep_alive = head.keep_alive && call.body_reader.done() && !client.draining() &&
                      framing.kind != Framing::until_close && attempt.request_complete;
  write_response_head(result.head, {answer, provider, head.method, framing, call.request_id,
                                    attempts, head.minor_version, !result.keep_alive,
                                    call.notes});
  result.head_in_chunks = framing.kind == Framing::chunked;
  if (call.flight != nullptr) {
    result.outbox = std::make_unique<Outbox>(client);
    begin_flight(call, answer, framing);
  }

  SteadyTime last_octet = client.now();
  const SteadyTime held_until = last_octet + kHeldTime;
  bool holding = metered && framing.kind != Framing::none && !filter && !call.route.stream &&
                 !call.facts.stream &&
                 !answer.value("content-type").starts_with("text/event-stream") &&
                 (framing.kind != Framing::length || framing.length <= kHeldOctets);
  std::string held;  // octets that wait with the head
  result.first_octet = last_octet;
  SteadyTime quiet_since = last_octet;  // the provider's silence, without the client's
  std::optional<SteadyTime> left_at;
  std::optional<Verdict> verdict;
  std::vector<asio::const_buffer> pieces;
  bool all_sent = false;  // the client has everything that came

  while (true) {
    // 1. Take what has arrived.
    pieces.clear();
    const std::uint64_t seen = upstream.octets_read();
    std::string_view input = upstream.received();
    const std::size_t before = input.size();
    auto state = repacker.take(input, meter, pieces);
    const std::size_t taken = before - input.size();
    const bool closed_cleanly = answer.framing == Framing::until_close && upstream.ended() &&
                                upstream.end_reason() == asio::error::eof;
    if (state == Repacker::State::open && taken == 0 && closed_cleanly) {
      // Nothing else tells whether it was cut.
      if (answer.status < 300 && !meter.whole()) {
        verdict = upstream_broke(provider, "ended its answer before it was whole");
        break;
      }
      state = repacker.at_close(pieces);
    }
    if (taken != 0) last_octet = quiet_since = client.now();

    // 2. The whole answer: the rest is for `finish`, once the record is written.
    if (state == Repacker::State::whole) {
      result.tail = std::move(held);
      for (const asio::const_buffer& piece : pieces) {
        result.tail.append(static_cast<const char*>(piece.data()), piece.size());
      }
      upstream.consume(taken);
      result.whole = true;
      result.reusable = answer.keep_alive && attempt.request_complete && input.empty();
      break;
    }
    if (call.collects && held.size() > kMostCollected) {
      verdict = upstream_broke(provider, "answered several calls with more than 64 MiB");
      break;
    }
    if (state == Repacker::State::broken) {
      verdict = upstream_broke(provider, "sent content whose framing is broken");
      break;
    }

    // 3. Hold a JSON answer that is about to be whole; let everything else go.
    holding = holding && repacker.may_be_json();
    const bool wait_for_rest = call.collects || (holding && held.size() + taken < kHeldOctets &&
                               client.now() < held_until && !upstream.ended());
    if (wait_for_rest) {
      for (const asio::const_buffer& piece : pieces) {
        held.append(static_cast<const char*>(piece.data()), piece.size());
      }
    } else if (!client.left() || call.flight != nullptr) {
      holding = false;
      std::vector<asio::const_buffer> out;
      if (call.flight != nullptr) {
        const asio::const_buffer before_these[] = {asio::buffer(held)};
        if (!held.empty()) call.flight->append(before_these);
        call.flight->append(pieces);
      }
      if (!result.began && !client.left()) {
        if (call.budget_left) append_remaining(result.head, *call.budget_left - call.budget_held);
        result.head += "\r\n";
        out.push_back(asio::buffer(result.head));
      }
      if (!held.empty()) out.push_back(asio::buffer(held));
      out.insert(out.end(), pieces.begin(), pieces.end());
      if (!out.empty() && client.left()) {
        held.clear();
      } else if (!out.empty()) {
        result.began = true;
        bool taken_by_client = false;
        if (call.flight != nullptr) {
          taken_by_client = co_await share(client, call, out, *result.outbox);
        } else {
          taken_by_client = co_await client.send(out, call.deadline);
        }
        all_sent = taken_by_client;
        if (!taken_by_client && must_stop(client, call)) {
          verdict = trouble(client, call, upstream, SteadyTime::max(), client.now());
          break;
        }
        held.clear();
        held.shrink_to_fit();
        quiet_since = client.now();  // a slow reader is not a silent provider
      }
    }
    upstream.consume(taken);

    // 4. What a budget pays for must not be passed by what the stream says.
    if (taken != 0 && budget.needs_more(meter)) {
      const bool paid = co_await extend(client, hold, record, budget.needed());
      if (!paid) budget.refused();
    }
    if (budget.given_up() && budget.may_end(repacker)) {
      verdict = trouble(client, call, upstream, SteadyTime::max(), client.now());
      if (!verdict) verdict = budget_spent(hold);
      break;
    }

    // What arrived while the client was being written to has had its wake-up already.
    if (upstream.octets_read() != seen || (taken != 0 && closed_cleanly)) continue;

    // 5. Wait for more, and for everything that can end it.
    const bool followed = call.flight != nullptr && call.flight->is_followed();
    SteadyTime until = quiet_since + provider.settings.timeouts.idle;
    verdict = trouble(client, call, upstream, until, client.now());
    if (verdict) break;
    until = std::min(until, deadline_of(call));
    if (client.left() && !followed) {
      if (!left_at) left_at = client.now();
      until = std::min(until, *left_at + kDeafTime);
      if (repacker.octets() > kDeafOctets || client.now() >= *left_at + kDeafTime) {
        verdict = Verdict{Outcome::client_closed, Error(ErrorCode::client_closed)};
        break;
      }
    }
    if (holding) until = std::min(until, held_until);
    upstream.read_more();
    co_await client.wait(until);
    if (result.outbox) result.outbox->pump();
  }
  // Nobody waits for what this client hasn't read yet: `finish` does.
  if (result.outbox) all_sent = all_sent && result.outbox->octets() == 0;

  result.last_octet = last_octet;
  result.reading = meter.finish();
  if (verdict && verdict->outcome == Outcome::budget_cut) {
    result.budget_end = budget.take_end();
    result.in_chunks = framing.kind == Framing::chunked;
  }
  if (verdict && verdict->outcome == Outcome::client_closed && all_sent && result.reading.finished) {
    // SDKs close behind the dialect's last event, before HTTP's end: they have it all.
    result.keep_alive = false;
  } else if (verdict) {
    result.outcome = verdict->outcome;
    result.failure = verdict->failure;
    result.error = std::move(verdict->error);
    const bool ends_well = result.budget_end && result.in_chunks && !result.budget_end->ended();
    result.keep_alive = result.keep_alive && ends_well;
    if (!result.began) {
      result.head.clear();
    } else if (result.budget_end && !result.budget_end->ended()) {
      // `finish` ends it properly.
    } else if (framing.kind == Framing::until_close) {
      client.end_with_reset();  // a plain close would look like the end of the content
    } else if (framing.kind == Framing::chunked && result.reading.stream &&
               repacker.at_event_end() && !client.left()) {
      // A dialect that knows errors inside a stream gets one; the end mark stays away.
      const std::string event = dialect_for(call.dialect).stream_error(
          {status_of(result.error), result.error.code, "server_error", result.error.context,
           call.request_id});
      char size[20];
      result.tail.assign(size, http::write_chunk_size(event.size(), size));
      result.tail += event;
      result.tail += "\r\n";
      if (event.empty()) result.tail.clear();
    }
  } else if (result.outbox && result.outbox->given_up()) {
    result.outcome = Outcome::client_closed;
    result.keep_alive = false;
  } else if (client.left() && !(all_sent && result.reading.finished)) {
    result.outcome = Outcome::client_closed;
    result.keep_alive = false;
  }
}

}  // namespace stages
}  // namespace farebox
