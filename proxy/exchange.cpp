// The story of a request, top to bottom. Each paragraph is a stage; each stage lives
// in a file of its name under proxy/stages.
#include "proxy/exchange.hpp"

#include <algorithm>
#include <exception>
#include <memory>

#include "proxy/stages/batch.hpp"
#include "proxy/stages/lookup.hpp"
#include "proxy/worker.hpp"

namespace farebox {
namespace {

// What a request gathers on its way. It isn't in the coroutine's frame, because Asio
// keeps only frames of up to 1,020 octets for reuse, and a larger one costs the others their
// place; and a connection that idles has none of it.
struct Gathered {
  Call call;
  Caller caller;
  Record record;
  HeldRoom room;
  Hold hold;
  Passage passage;
  Attempt attempt;
  std::vector<AttemptRecord> attempts;
  std::unique_ptr<Lookup> lookup;  // null: no cache is in use
  Relayed relayed;
  TokenCounts counts;
  Timings timings;
  Error error;
};

// Ends a call's hold where an exception ends its story, for want of memory most likely: what may
// be billed costs what was held, as after a crash, and what wasn't sent costs nothing.
class LastWill {
 public:
  LastWill(Worker& worker, Governor& governor, Gathered& gathered)
      : worker_(worker), governor_(governor), gathered_(gathered) {}
  ~LastWill() {
    try {
      if (!executed_ && gathered_.hold.id) execute();
    } catch (const std::exception&) {
      // The ledger has the hold until its next start, and ends it then.
    }
  }
  LastWill(const LastWill&) = delete;
  LastWill& operator=(const LastWill&) = delete;

  // The record is being made, and then it is: no draft any more.
  void begin_record() {
    sent_ = is_sent();
    stage_ = Stage::begun;
  }
  void end_record() { stage_ = Stage::made; }
  void executed() { executed_ = true; }

 private:
  enum class Stage : std::uint8_t { draft, begun, made };

  bool is_sent() const {
    return std::any_of(gathered_.attempts.begin(), gathered_.attempts.end(),
                       [](const AttemptRecord& attempt) { return attempt.sent; });
  }
  void execute() {
    const HoldId id = gathered_.hold.id;
    Record& record = gathered_.record;
    if (!(stage_ == Stage::draft ? is_sent() : sent_)) {
      worker_.desk().release(id);
      return;
    }
    if (stage_ == Stage::draft) {
      record.held = record.cost;
      record.held_known = record.priced;
    } else if (stage_ == Stage::begun) {
      record.cost = record.held;
      record.priced = record.held_known;
    }
    if (stage_ != Stage::made) record.outcome = Outcome::crashed;
    worker_.desk().settle(id, record);
    stages::settle_hold(governor_, gathered_.hold, record);
  }

  Worker& worker_;
  Governor& governor_;
  Gathered& gathered_;
  Stage stage_ = Stage::draft;
  bool sent_ = false;
  bool executed_ = false;
};

// RFC 9110, 7.6.2 and 9.3.7: OPTIONS for the server itself, or one that may go no
// further, is answered here.
bool is_for_us(const http::RequestHead& head) {
  const std::string_view hops = head.value("max-forwards");
  const bool none_left = !hops.empty() && hops.find_first_not_of('0') == std::string_view::npos;
  return head.method == "OPTIONS" && (head.target == "*" || none_left);
}

awaitable<bool> answer_options(ClientConnection& client, const http::RequestHead& head) {
  constexpr std::string_view kWords =
      "HTTP/1.1 200 OK\r\nAllow: GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS\r\n"
      "Content-Length: 0\r\n";
  const bool keep = head.keep_alive && head.framing == http::Framing::none;
  const std::string_view end = keep ? "\r\n" : "Connection: close\r\n\r\n";
  const asio::const_buffer pieces[] = {asio::buffer(kWords), asio::buffer(end)};
  const bool sent =
      co_await client.send(pieces, client.now() + client.services().settings.limits.idle_timeout);
  co_return sent && keep;
}

// Is the refusal about somebody we know? Then it is a record; a malformed or unknown
// request is a metric only.
bool is_recorded(const Call& call, const Error& error) {
  return call.provider != nullptr && error.code != ErrorCode::bad_request &&
         error.code != ErrorCode::invalid_api_key && error.code != ErrorCode::cross_site &&
         error.code != ErrorCode::loop_detected && error.code != ErrorCode::method_not_allowed &&
         error.code != ErrorCode::upgrade_unsupported &&
         // A store that is down has no room for what it refuses.
         error.code != ErrorCode::ledger_unavailable;
}

// Refusals that are no record still leave a line, some each second: somebody is looking
// for the reason of a 404 at this moment.
void log_refusal(Worker& worker, const Call& call, const Caller& caller, const Error& error,
                 int status) {
  if (!worker.may_log_refusal()) return;
  worker.services().log.info("refused", {{"request_id", call.request_id},
                                         {"status", std::int64_t{status}},
                                         {"code", name_of(error.code)},
                                         {caller.key_name.empty() ? "" : "key", caller.key_name},
                                         {caller.refused.empty() ? "" : "reason", caller.refused},
                                         {"why", error.context}});
}

}  // namespace

awaitable<After> run_exchange(ClientConnection& client) {
  Worker& worker = client.worker();
  http::RequestHead& head = client.head();

  // read head: one strict head, or nothing at all.
  const auto arrived = co_await stages::read_head(client, head);
  if (arrived && !*arrived) co_return After::close;
  // What is configured now holds to the end of this request.
  const ClientConnection::RequestTime request_time(client);
  Services& services = client.services();
  const auto gathered = std::make_unique<Gathered>();
  auto& [call, caller, record, room, hold, passage, attempt, attempts, lookup, relayed, counts,
         timings, error] = *gathered;
  LastWill will(worker, services.governor, *gathered);
  bool go_on = true;
  int status = 0;
  call.started = client.now();
  call.started_wall = services.clock.wall_now();
  call.request_id = worker.make_request_id();
  if (!arrived) {
    co_await rescue(client, head, call, arrived.error(), false);
    worker.metrics().count_malformed(status_of(arrived.error()));
    log_refusal(worker, call, caller, arrived.error(), status_of(arrived.error()));
    co_return After::close;
  }
  if (is_for_us(head)) {
    const bool keep = co_await answer_options(client, head);
    co_return keep ? After::keep_alive : After::close;
  }
  const auto running = worker.metrics().running();

  // recognise: provider, dialect, endpoint, model.
  const auto recognised = co_await stages::recognise(client, head, call);
  if (!recognised) {
    error = recognised.error();
    go_on = false;
  }

  // authenticate: the key names the caller and leaves the request.
  if (go_on) {
    const auto known = stages::authenticate(services, worker.keys(), client.last_key(), head,
                                            call, caller);
    if (!known) {
      error = known.error();
      go_on = false;
    }
  }

  if (!caller.refused.empty()) worker.metrics().count_refused_key(caller.refused);

  // choose: where a route sends it, and who comes next.
  if (go_on) {
    const auto chosen = stages::choose(client, call, caller);
    if (!chosen) {
      error = chosen.error();
      go_on = false;
    }
  }

  // limit: may it run.
  record = stages::begin_record(services, call, caller);
  services.governor.name_model(record);
  if (go_on) worker.metrics().count_arrival(record, head.value("x-stainless-retry-count"));
  std::optional<Permit> permit;
  if (go_on) {
    const auto allowed = stages::limit(services, call, record, room);
    if (allowed) {
      permit = *allowed;
    } else {
      error = allowed.error();
      go_on = false;
    }
  }

  // look up, give: what was answered before, or is being answered to somebody else.
  bool given = false;
  if (go_on && stages::may_look_up(services, head)) {
    const auto looked = co_await stages::look_up(client, head, call, caller, lookup);
    if (!looked) {
      error = looked.error();
      go_on = false;
    }
    given = go_on && lookup && lookup->gives();
  }

  // hold: what may it cost.
  const bool asks = go_on && !given;
  if (asks) {
    const auto held = co_await stages::hold(client, *permit, call, record, hold);
    if (!held) {
      error = held.error();
      go_on = false;
    }
    stages::part_if_changed(call, lookup.get());
  }

  // batch: embeddings that are asked for at once are asked for in one call.
  bool batched = false;
  if (go_on && asks && stages::may_batch(call)) {
    const auto answer = co_await stages::batch(client, head, call, caller, hold, record, attempts,
                                               passage, attempt, relayed);
    if (answer) {
      batched = *answer;
    } else {
      error = answer.error();
      go_on = false;
    }
    if (batched) status = attempt.head.status;
  }

  // send: the request goes out, the head of an answer comes back, from whoever gives one.
  if (go_on && asks && !batched) {
    const auto sent =
        co_await stages::send(client, head, call, hold, record, attempts, passage, attempt);
    if (sent) {
      timings.sent_at = attempt.sent_at;
      status = attempt.head.status;
    } else {
      error = sent.error();
      go_on = false;
    }
  }

  // An old answer is better than none.
  if (asks && stages::takes_stale(error, status, client, call, lookup.get())) {
    attempt.drop();
    passage.slot.leave();
    if (!attempts.empty()) attempts.back().over = true;
    relayed = Relayed();
    given = go_on = true;
    error = Error();
  }

  // relay: octets pass, a reader counts from the side.
  if (given) {
    co_await stages::give(client, head, call, *lookup, relayed);
    status = lookup->status;
    error = relayed.error;
  } else if (batched) {
    error = relayed.error;
  } else if (go_on) {
    const auto tries = static_cast<std::uint32_t>(attempts.size());
    co_await stages::relay(client, head, call, attempt, tries, hold, record, relayed);
    error = relayed.error;
    stages::note_end(client.now(), relayed, passage);
    if (relayed.reusable) {
      attempt.give_back();
    } else {
      attempt.drop();
    }
  } else {
    relayed.outcome = outcome_of(error);
  }

  // count: what the provider didn't report. What it did may teach.
  if (given) {
    // It was counted when it was made.
  } else if (stages::needs_count(call, attempts, relayed)) {
    co_await stages::count(client, call, relayed, counts);
  } else if (relayed.whole && status < 400) {
    stages::learn(services, call, relayed, client.now());
  }

  // settle: the record is written before the client has the last of its answer.
  const bool answered = go_on && (relayed.began || relayed.whole);
  if (!answered && error.code != ErrorCode::client_closed) {
    status = status_of(error, services.settings);
  }
  if (!answered && error.code == ErrorCode::client_closed && !relayed.began) status = 0;
  will.begin_record();
  stages::settle(services, call, relayed, counts, status, std::move(attempts), client.now(),
                 hold.budget.binds() || hold.earlier.binds(), record);
  will.end_record();
  if (lookup) stages::note_cache(*lookup, given, record);
  const bool recorded = go_on || !record.attempts.empty() ||
                        (is_recorded(call, error) && worker.may_record_refusal());
  if (recorded) {
    co_await stages::record(client, hold.id, record);
    will.executed();
    if (hold.budget.binds() && record.stream && record.outcome == Outcome::ok) {
      services.governor.note_output(record.requested_model, record.usage.output);
    }
    stages::settle_hold(services.governor, hold, record);
  } else if (hold.id) {
    worker.desk().release(hold.id);
    will.executed();
  }
  hold.budget.release();
  hold.earlier.release();
  if (lookup) {
    stages::keep(client, call, attempt.head, relayed, error, status, record, *lookup);
    call.flight = nullptr;
  }
  // A call that was refused counts in no limit.
  if (record.attempts.empty() && !given) {
    room.cancel();
  } else {
    room.finish({record.usage.input, record.usage.output});
  }

  // finish: the octets kept back, or the answer that rescue makes of the error.
  bool keep_alive = false;
  if (answered) {
    const bool sent = co_await stages::finish(client, call, record, relayed);
    const bool ended = relayed.whole || (relayed.budget_end && !relayed.tail.empty());
    keep_alive = sent && relayed.keep_alive && ended;
  } else {
    keep_alive = co_await rescue(client, head, call, error, call.body_reader.done());
  }

  // tell: one log line, the metrics.
  timings.finished = client.now();
  timings.started = call.started;
  timings.first_octet = relayed.first_octet;
  timings.last_octet = relayed.last_octet;
  if (recorded) {
    stages::tell(services, worker.metrics(), record, timings, error);
  } else {
    worker.metrics().count_malformed(status);
    log_refusal(worker, call, caller, error, status);
  }
  co_return keep_alive ? After::keep_alive : After::close;
}

}  // namespace farebox
