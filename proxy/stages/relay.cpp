// relay: octets pass as they come; a reader counts from the side.
//
// One piece is in flight in each direction: the provider is read again when the
// client has taken what was read before, so a slow client slows the provider and
// nothing else. Chunks keep their bounds. The last octets of a whole answer are left
// to `finish`, after the record is written.
#include <boost/asio/error.hpp>
#include <fmt/format.h>

#include <algorithm>

#include "proxy/dialect/usage_filter.hpp"
#include "proxy/headers.hpp"
#include "proxy/metering.hpp"
#include "proxy/stages/stages.hpp"
#include "proxy/worker.hpp"

namespace farebox {

bool must_stop(const ClientConnection& client, const Call& call) {
  if (client.cut_off()) return true;
  if (!client.left()) return false;
  return call.route.stream || call.facts.stream || !is_metered(call.route.endpoint) ||
         !call.buffered;
}

namespace stages {
namespace {

using http::Framing;
using What = http::BodyReader::What;

// A JSON answer is held up to this size and time, so that its cost can stand in the
// head; one that is larger or comes slowly passes as it comes.
constexpr std::size_t kHeldOctets = 1 << 20;
constexpr std::chrono::milliseconds kHeldTime{50};
// A whole call whose client left is read on within these bounds.
constexpr std::uint64_t kDeafOctets = 16 << 20;
constexpr std::chrono::seconds kDeafTime{120};

// How the content goes out, given how it came and who reads it.
OutgoingFraming choose_framing(const http::ResponseHead& head, int client_minor, bool rewritten) {
  switch (head.framing) {
    case Framing::none: return {};
    case Framing::length:
      if (!rewritten) return {Framing::length, head.content_length};
      break;
    case Framing::chunked:
    case Framing::until_close: break;
  }
  // HTTP/1.0 knows no chunks: the end of the connection is the end of the content.
  return {client_minor >= 1 ? Framing::chunked : Framing::until_close, 0};
}

bool ends_an_event(std::string_view octets) {
  return octets.ends_with("\n\n") || octets.ends_with("\r\n\r\n");
}

// Takes the answer apart and puts it together for the client, read by read.
class Repacker {
 public:
  Repacker(const http::ResponseHead& head, OutgoingFraming out, bool filter)
      : reader_(head.framing, head.content_length), in_(head.framing), out_(out.kind) {
    if (filter) filter_.emplace();
    // Framing that stays the same and content that stays the same: the octets may
    // pass where they lie.
    raw_ = !filter_ && in_ == out_;
  }

  enum class State : std::uint8_t { open, whole, broken };

  // Consumes `input` from its front, shows the content to `meter`, and appends to
  // `pieces` what goes out: views into the input, or into scratch().
  State take(std::string_view& input, Metering& meter, std::vector<asio::const_buffer>& pieces) {
    scratch_.clear();
    const char* run = input.data();  // start of what passes as it lies
    const char* passed = run;        // end of it
    while (true) {
      const auto step = reader_.next(input);
      if (step.what == What::need_more || step.what == What::broken || step.what == What::end) {
        flush_run(run, passed);
        if (step.what == What::end) close_content();
        if (!run_.empty()) pieces.push_back(asio::buffer(run_));
        if (!scratch_.empty()) pieces.push_back(asio::buffer(scratch_));
        run_ = {};
        if (step.what == What::end) return State::whole;
        return step.what == What::broken ? State::broken : State::open;
      }
      if (step.what == What::data) {
        meter.feed(step.data);
        note_first(step.data);
      }
      if (raw_ && step.canonical) {
        passed = input.data();
        inside_chunk_ = step.what == What::chunk_begin ||
                        (inside_chunk_ && step.what != What::chunk_end);
        if (step.what == What::data) last_data_ = step.data.substr(step.data.size() - std::min<std::size_t>(4, step.data.size()));
        continue;
      }
      if (raw_) {
        // An extension came: from here on everything is written afresh.
        raw_ = false;
        scratch_.append(run, passed);
        run = passed;
      }
      write_step(step);
    }
  }

  // The provider closed cleanly.
  State at_close(std::vector<asio::const_buffer>& pieces) {
    if (!reader_.complete_at_close()) return State::broken;
    scratch_.clear();
    close_content();
    if (!scratch_.empty()) pieces.push_back(asio::buffer(scratch_));
    return State::whole;
  }

  // JSON shows itself by its first octet, whatever content-type says. True while none came.
  bool may_be_json() const { return first_ == 0 || first_ == '{' || first_ == '['; }

  // Our own event could follow without breaking what was sent before.
  bool at_event_end() const { return !inside_chunk_ && ends_an_event(last_data_); }
  std::uint64_t octets() const { return reader_.octets(); }
  std::string& scratch() { return scratch_; }

 private:
  void note_first(std::string_view content) {
    if (first_ != 0) return;
    const std::size_t at = content.find_first_not_of(" \t\r\n");
    if (at != std::string_view::npos) first_ = content[at];
  }

  void flush_run(const char* run, const char* passed) {
    if (passed == run || !raw_) return;
    run_ = std::string_view(run, static_cast<std::size_t>(passed - run));
  }

  void write_step(const http::BodyReader::Step& step) {
    const bool chunks = out_ == Framing::chunked;
    // With the provider's chunks and nothing filtered, ours begin and end with them.
    const bool same_chunks = chunks && in_ == Framing::chunked && !filter_;
    if (step.what == What::chunk_begin && same_chunks) append_size(step.size);
    if (step.what == What::chunk_end && same_chunks) scratch_ += "\r\n";
    if (step.what != What::data) return;
    last_data_.assign(step.data.substr(step.data.size() - std::min<std::size_t>(4, step.data.size())));
    if (!filter_) {
      if (chunks && !same_chunks) append_size(step.data.size());
      scratch_ += step.data;
      if (chunks && !same_chunks) scratch_ += "\r\n";
      return;
    }
    filtered_.clear();
    filter_->feed(step.data, filtered_);
    append_filtered();
  }

  void append_filtered() {
    if (filtered_.empty()) return;
    if (out_ == Framing::chunked) append_size(filtered_.size());
    scratch_ += filtered_;
    if (out_ == Framing::chunked) scratch_ += "\r\n";
  }

  void close_content() {
    if (filter_) {
      filtered_.clear();
      filter_->finish(filtered_);
      append_filtered();
    }
    if (out_ == Framing::chunked) scratch_ += "0\r\n\r\n";
  }

  void append_size(std::uint64_t size) {
    char text[20];
    scratch_.append(text, http::write_chunk_size(size, text));
  }

  http::BodyReader reader_;
  const Framing in_;
  const Framing out_;
  std::optional<UsageFilter> filter_;
  bool raw_ = false;
  bool inside_chunk_ = false;
  char first_ = 0;  // first octet of content that isn't blank
  std::string_view run_;
  std::string scratch_;
  std::string filtered_;
  std::string last_data_;
};

struct Verdict {
  Outcome outcome;
  Error error;
};

Verdict upstream_broke(const Provider& provider, std::string_view how) {
  return {Outcome::upstream_error,
          Error(ErrorCode::upstream_unreachable, Fault::provider, Retry::unknown,
                fmt::format("provider '{}' {}", provider.settings.name, how))};
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
  if (now >= idle_until || now >= call.deadline) {
    return Verdict{Outcome::timeout,
                   Error(ErrorCode::upstream_timeout, Fault::provider, Retry::unknown,
                         fmt::format("provider '{}' stalled within its answer",
                                     provider.settings.name))};
  }
  return std::nullopt;
}

}  // namespace

awaitable<Relayed> relay(ClientConnection& client, const http::RequestHead& head, const Call& call,
                         Attempt& attempt, std::uint32_t attempts) {
  Relayed result;
  Channel& upstream = attempt.channel();
  Provider& provider = *call.provider;
  const http::ResponseHead& answer = attempt.head;
  const bool metered = is_metered(call.route.endpoint);

  Metering meter(metered ? provider.dialect.reader(call.route, call.facts) : nullptr,
                 answer.value("content-encoding"));
  const bool filter = attempt.spliced && answer.status < 300 && !meter.encoded();
  const OutgoingFraming framing = choose_framing(answer, head.minor_version, filter);
  Repacker repacker(answer, framing, filter);

  // The client's connection goes on if its request was read to the end and the
  // answer's end can be told without closing.
  result.keep_alive = head.keep_alive && call.body_reader.done() && !client.draining() &&
                      framing.kind != Framing::until_close && attempt.request_complete;
  write_response_head(result.head, {answer, provider, head.method, framing, call.request_id,
                                    attempts, head.minor_version, !result.keep_alive});

  const SteadyTime held_until = client.now() + kHeldTime;
  bool holding = metered && framing.kind != Framing::none && !filter && !call.route.stream &&
                 !call.facts.stream &&
                 !answer.value("content-type").starts_with("text/event-stream") &&
                 (framing.kind != Framing::length || framing.length <= kHeldOctets);
  std::string held;  // octets that wait with the head
  SteadyTime last_octet = client.now();
  result.first_octet = last_octet;
  SteadyTime quiet_since = last_octet;  // the provider's silence, without the client's
  std::optional<SteadyTime> left_at;
  std::optional<Verdict> verdict;
  std::vector<asio::const_buffer> pieces;

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
    if (state == Repacker::State::broken) {
      verdict = upstream_broke(provider, "sent content whose framing is broken");
      break;
    }

    // 3. Hold a JSON answer that is about to be whole; let everything else go.
    holding = holding && repacker.may_be_json();
    const bool wait_for_rest = holding && held.size() + taken < kHeldOctets &&
                               client.now() < held_until && !upstream.ended();
    if (wait_for_rest) {
      for (const asio::const_buffer& piece : pieces) {
        held.append(static_cast<const char*>(piece.data()), piece.size());
      }
    } else if (!client.left()) {
      holding = false;
      std::vector<asio::const_buffer> out;
      if (!result.began) {
        result.head += "\r\n";
        out.push_back(asio::buffer(result.head));
      }
      if (!held.empty()) out.push_back(asio::buffer(held));
      out.insert(out.end(), pieces.begin(), pieces.end());
      if (!out.empty()) {
        result.began = true;
        const bool taken_by_client = co_await client.send(out, call.deadline);
        if (!taken_by_client && must_stop(client, call)) {
          verdict = trouble(client, call, upstream, call.deadline, client.now());
          break;
        }
        held.clear();
        held.shrink_to_fit();
        quiet_since = client.now();  // a slow reader is not a silent provider
      }
    }
    upstream.consume(taken);

    // What arrived while the client was being written to has had its wake-up already.
    if (upstream.octets_read() != seen || (taken != 0 && closed_cleanly)) continue;

    // 4. Wait for more, and for everything that can end it.
    SteadyTime until = std::min(quiet_since + provider.settings.timeouts.idle, call.deadline);
    verdict = trouble(client, call, upstream, until, client.now());
    if (verdict) break;
    if (client.left()) {
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
  }

  result.last_octet = last_octet;
  result.metered_by_reader = meter.counts();
  result.reading = meter.finish();
  if (verdict) {
    result.outcome = verdict->outcome;
    result.error = std::move(verdict->error);
    result.keep_alive = false;
    if (!result.began) {
      result.head.clear();
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
  } else if (client.left()) {
    result.outcome = Outcome::client_closed;
    result.keep_alive = false;
  }
  co_return result;
}

}  // namespace stages
}  // namespace farebox
