// send: the request reaches a provider, the one that was chosen, or who comes next.
#include <fmt/format.h>

#include <algorithm>

#include "policy/provider_limits.hpp"
#include "policy/retry.hpp"
#include "proxy/policy_notes.hpp"
#include "proxy/provider_state.hpp"
#include "proxy/stages/aim.hpp"
#include "proxy/stages/send_request.hpp"
#include "proxy/stages/try_once.hpp"
#include "proxy/worker.hpp"

namespace farebox::stages {
namespace {

Error circuit_open(Call& call, const Provider& provider, SteadyTime retry_at, SteadyTime now) {
  using std::chrono::milliseconds;
  const auto wait = std::chrono::ceil<milliseconds>(retry_at - now);
  call.refusal.retry_after = std::max(wait, milliseconds(100));
  return Error(ErrorCode::circuit_open, Fault::provider, Retry::yes,
               fmt::format("provider '{}' has failed too often and is left alone; it is tried again "
                           "in {}", provider.settings.name, short_duration(call.refusal.retry_after)));
}

// An answer, or a failure that isn't the provider's: nobody else would say otherwise.
bool is_over(Failure failure) {
  return failure == Failure::none || failure == Failure::ours || failure == Failure::client_error;
}

// A failed answer makes room for the next; its connection lives on where nothing is left of it.
void discard(Attempt& answered) {
  if (!answered.has_connection()) return;
  Channel& upstream = answered.channel();
  http::BodyReader rest(answered.head.framing, answered.head.content_length);
  std::string_view input = upstream.received();
  const std::size_t before = input.size();
  http::BodyReader::What what = http::BodyReader::What::need_more;
  do {
    what = rest.next(input).what;
  } while (what != http::BodyReader::What::need_more && what != http::BodyReader::What::end &&
           what != http::BodyReader::What::broken);
  const bool ended = what == http::BodyReader::What::end && answered.request_complete &&
                     answered.head.keep_alive && !upstream.reading();
  if (!ended) {
    answered.drop();
    return;
  }
  upstream.consume(before - input.size());
  answered.give_back();
}

// A try that failed unanswered may be billed all the same: nobody knows, so it costs what was held.
void charge_failed_try(const Call& call, const Hold& hold, Failure failure, AttemptRecord& row) {
  if (!facts_of(failure).may_be_billed || !is_metered(call.route.endpoint)) return;
  row.cost = hold.each;
  row.priced = hold.priced;
}

// Until then, or until nobody waits any more.
awaitable<Result<void>> pause(ClientConnection& client, SteadyTime until) {
  while (client.now() < until) {
    // Nothing is being made for who left.
    if (client.cut_off() || client.left()) {
      co_return client.cut_off() ? Error(ErrorCode::draining) : client_gone();
    }
    co_await client.wait(until);
  }
  co_return Result<void>();
}

// A call goes on to the next place of its route that it can be made for.
enum class Move : std::uint8_t {
  done,
  nowhere,  // there is none, and the call is as it was
  refused,  // its budgets don't pay there, and hold nothing here any more
};

awaitable<Move> move_on(ClientConnection& client, Call& call, Hold& hold,
                        std::vector<AttemptRecord>& attempts, Record& record, Passage& passage) {
  const std::size_t leg = call.leg;
  const std::string provider = record.provider;
  const std::uint32_t factor = record.price_factor;
  while (++call.leg < call.plan.size()) {
    if (!aim_at_leg(client, call)) continue;
    if (!attempts.empty()) attempts.back().over = true;
    const auto held = co_await hold_elsewhere(client, call, hold, attempts, record);
    if (held) {
      passage.slot.leave();
      co_return Move::done;
    }
    // What was answered is read as what it was.
    call.leg = leg;
    aim_at_leg(client, call);
    record.provider = provider;
    record.model = call.model;
    record.variant = call.variant;
    record.price_factor = factor;
    client.services().governor.name_model(record);
    co_return Move::refused;
  }
  call.leg = leg;
  co_return Move::nowhere;
}

enum class Next : std::uint8_t { target, any };

// May the call go on to the next place of its route? Another model of the same provider is more
// load for that, so it takes of what may be repeated there.
bool may_move(ClientConnection& client, const Call& call, Failure failure, Next next) {
  if (call.rule == nullptr || call.leg + 1 >= call.plan.size()) return false;
  const std::uint8_t place = call.plan[call.leg + 1];
  if (next == Next::target && !call.rule->is_target(place)) return false;
  if (!may_fall_back(failure, call.rule->fallback_on)) return false;
  const std::size_t provider = call.rule->places[place].provider;
  const bool same = client.services().providers[provider].get() == call.provider;
  return !same || call.provider->state->may_repeat(client.now());
}

Error no_slot(Call& call, std::string_view why, std::chrono::nanoseconds later) {
  using std::chrono::milliseconds;
  call.refusal.retry_after = std::max(std::chrono::ceil<milliseconds>(later), milliseconds(1'000));
  return Error(ErrorCode::overloaded, Fault::self, Retry::yes,
               fmt::format("provider '{}' runs as many calls as concurrency.max lets it, and {}; "
                           "raise that or concurrency.queue, or try again later",
                           call.provider->settings.name, why));
}

// A slot of those that the provider takes at once, or a place in the queue for one.
Result<void> enter(ClientConnection& client, Call& call, const Record& record, Passage& passage) {
  if (passage.slot.state() == CallSlot::State::admitted) return {};
  const std::string& who = record.key_name.empty() ? record.project : record.key_name;
  const CallQueue::Ask ask{call.priority, std::hash<std::string_view>()(who), call.patience};
  const auto answer = call.provider->state->slots().enter(
      passage.slot, ask, {client.worker().executor(), client.wake(), client.services().clock});
  if (answer.refusal == CallQueue::Refusal::none) return {};
  passage.slot.leave();
  return no_slot(call, "too many wait already", answer.retry_after);
}

awaitable<Result<void>> wait_in_queue(ClientConnection& client, Call& call, Passage& passage) {
  using State = CallSlot::State;
  while (passage.slot.state() == State::queued && client.now() < passage.slot.until()) {
    if (client.cut_off() || client.left()) {
      passage.slot.leave();
      co_return client.cut_off() ? Error(ErrorCode::draining) : why_gone(client, call);
    }
    co_await client.wait(passage.slot.until());
  }
  const State state = passage.slot.state();
  if (state == State::admitted) co_return Result<void>();
  passage.slot.leave();
  co_return no_slot(call, state == State::displaced ? "its place in the queue went to another"
                                                    : "none ended within concurrency.max_wait",
                    {});
}

// The breaker's word, and a key. Whoever is refused gives the slot to others.
Result<void> pass_breaker(ClientConnection& client, Call& call, Passage& passage) {
  ProviderState& state = *call.provider->state;
  passage.pass = state.breakers().admit(call.model, client.now());
  if (!passage.pass.allowed()) {
    passage.slot.leave();
    return circuit_open(call, *call.provider, passage.pass.retry_at(), client.now());
  }
  passage.key = state.pick_key(client.now());
  return {};
}

// All keys are used up. Who can wait for the first does; else the provider says how long.
awaitable<Result<void>> wait_for_key(ClientConnection& client, Call& call, Passage& passage) {
  const SteadyTime until = passage.key.ready_at;
  const SteadyTime patience =
      std::min(call.patience, client.now() + call.provider->settings.concurrency.max_wait);
  if (until >= patience) co_return Result<void>();
  const auto waited = co_await pause(client, until);
  if (!waited) co_return waited;
  passage.key = call.provider->state->pick_key(client.now());
  co_return Result<void>();
}

bool was_asked(const std::vector<AttemptRecord>& attempts, const Provider& provider) {
  return std::any_of(attempts.begin(), attempts.end(), [&](const AttemptRecord& attempt) {
    return attempt.provider == provider.settings.name;
  });
}

Failure failure_of(const Result<void>& done, const Attempt& answered, bool sent) {
  TryFacts facts;
  facts.sent = sent;
  if (done) {
    facts.status = answered.head.status;
  } else {
    // A client that waits no longer says nothing about the provider.
    const Error& error = done.error();
    const bool impatient = error.code == ErrorCode::upstream_timeout && error.fault == Fault::client;
    if (impatient) return Failure::ours;
    facts.error = error.code;
  }
  return farebox::failure_of(facts);
}

// The breaker, the keys and the limit hear how it went. What it says of another try at the same
// provider is in the result.
FailedTry tell_state(ClientConnection& client, const Call& call, Passage& passage,
                     const Result<void>& done, const Attempt& answered, Failure failure,
                     SteadyTime began) {
  ProviderState& state = *call.provider->state;
  // How a path fares that no dialect knows says nothing about the provider's models.
  const bool known = call.route.endpoint != Endpoint::unknown;
  const Failure told = known || failure == Failure::none ? failure : Failure::ours;
  FailedTry failed;
  failed.failure = failure;
  failed.now = client.now();
  failed.deadline = call.patience;
  // Answers that are well say something of several keys only.
  const bool reads = done && (failure != Failure::none || call.provider->settings.api_keys.size() > 1);
  if (!reads) {
    state.tried(passage.pass, {told, passage.key.index, nullptr, began, failed.now, call.model});
  } else {
    ProviderLimits limits(client.services().clock.wall_now());
    for (const http::Field& field : answered.head.fields) limits.read(field.name, field.value);
    state.tried(passage.pass, {told, passage.key.index, &limits, began, failed.now, call.model});
    failed.retry_after = limits.retry_after();
    failed.should_retry = limits.should_retry();
  }
  if (!known) passage.pass = BreakerPass();
  if (!is_over(failure)) {
    state.note_error(done ? fmt::format("status {}", answered.head.status) : done.error().context,
                     client.services().clock.wall_now());
  }
  return failed;
}

}  // namespace

awaitable<Result<void>> send(ClientConnection& client, const http::RequestHead& head, Call& call,
                             Hold& hold, Record& record, std::vector<AttemptRecord>& attempts,
                             Passage& passage, Attempt& answered) {
  const bool whole = is_whole(head, call);
  bool held = true;         // for the try to come
  std::uint32_t tries = 0;  // at this provider
  while (true) {
    FailedTry failed;
    Result<void> done = enter(client, call, record, passage);
    const bool waits = done && passage.slot.state() != CallSlot::State::admitted;
    if (waits) done = co_await wait_in_queue(client, call, passage);
    if (done) done = pass_breaker(client, call, passage);
    if (done && !passage.key.ready) done = co_await wait_for_key(client, call, passage);
    if (done) {
      const SteadyTime began = client.now();
      const std::size_t rows = attempts.size();
      if (tries++ == 0 && !was_asked(attempts, *call.provider)) {
        call.provider->state->count_call(began);
      }
      done = co_await try_once(client, head, call, hold, record, attempts, passage.key.secret,
                               answered, held);
      held = false;
      const bool sent = attempts.size() > rows && attempts.back().sent;
      const Failure failure = failure_of(done, answered, sent);
      failed = tell_state(client, call, passage, done, answered, failure, began);
      if (sent) charge_failed_try(call, hold, failure, attempts.back());
    } else {
      failed.failure = failure_of(done, answered, false);
    }
    if (is_over(failed.failure)) co_return done;

    // Another target is asked at once; a fallback, when this provider isn't asked again.
    Move move = Move::nowhere;
    if (whole && may_move(client, call, failed.failure, Next::target)) {
      move = co_await move_on(client, call, hold, attempts, record, passage);
    }
    if (move == Move::nowhere && tries != 0) {
      failed.tries = tries;
      // Of what nobody knows one request of the client stays one request to the provider.
      const Endpoint endpoint = call.route.endpoint;
      failed.repeatable =
          whole && endpoint != Endpoint::unknown && may_repeat(head.method, endpoint);
      const RetryDecision next = call.provider->state->next_try(failed, passage.key.index);
      if (next.stop == RetryStop::none) {
        client.worker().metrics().count_retry(call.provider->settings.name,
                                              name_of(failed.failure));
        attempts.back().over = true;
        discard(answered);
        const auto waited = co_await pause(client, failed.now + next.wait);
        if (!waited) co_return waited;
        continue;
      }
    }
    if (move == Move::nowhere && whole && may_move(client, call, failed.failure, Next::any)) {
      move = co_await move_on(client, call, hold, attempts, record, passage);
    }
    if (move != Move::done) co_return done;
    discard(answered);
    held = true;
    tries = 0;
  }
}

void note_end(SteadyTime now, const Relayed& relayed, Passage& passage) {
  if (relayed.outcome == Outcome::upstream_error) passage.pass.report(Failure::reset, now);
  if (relayed.outcome == Outcome::timeout) passage.pass.report(Failure::timeout, now);
  passage.slot.leave();
}

}  // namespace farebox::stages
