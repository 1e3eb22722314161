// send: the request reaches a provider, the one that was chosen, or who comes next.
#include <fmt/format.h>

#include <algorithm>

#include "policy/provider_limits.hpp"
#include "policy/retry.hpp"
#include "proxy/policy_notes.hpp"
#include "proxy/provider_state.hpp"
#include "proxy/stages/aim.hpp"
#include "proxy/stages/error_body.hpp"
#include "proxy/stages/take_turn.hpp"
#include "proxy/stages/try_once.hpp"
#include "proxy/worker.hpp"

namespace farebox::stages {
namespace {

// A call that waits so long before it is repeated leaves its slot to others.
constexpr std::chrono::seconds kLongWait{1};

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

bool was_asked(const std::vector<AttemptRecord>& attempts, const Provider& provider) {
  return std::any_of(attempts.begin(), attempts.end(), [&](const AttemptRecord& attempt) {
    return attempt.provider == provider.settings.name;
  });
}

// A call goes on to the next place of its route that it can be made for.
enum class Move : std::uint8_t {
  done,
  nowhere,  // there is none, and the call is as it was
  refused,  // its budgets don't pay there, and hold nothing here any more
};

enum class Next : std::uint8_t { target, any };

awaitable<Move> move_on(ClientConnection& client, Call& call, Hold& hold,
                        std::vector<AttemptRecord>& attempts, Record& record, Passage& passage,
                        Next next) {
  const std::size_t leg = call.leg;
  const std::string provider = record.provider;
  const std::uint32_t factor = record.price_factor;
  bool aimed = false;
  while (++call.leg < call.plan.size()) {
    if (next == Next::target && !call.rule->is_target(call.plan[call.leg])) break;
    if (!aim_at_leg(client, call)) continue;
    aimed = true;
    // Another model of the same provider is more load for that, so it takes of what may be
    // repeated there.
    const bool again = was_asked(attempts, *call.provider) || call.provider->settings.name == provider;
    if (again && !call.provider->state->may_repeat(client.now())) continue;
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
  if (aimed) aim_at_leg(client, call);
  co_return Move::nowhere;
}

// May the call go on to the next place of its route?
bool may_move(const Call& call, Failure failure, Next next) {
  if (call.rule == nullptr || call.leg + 1 >= call.plan.size()) return false;
  const std::uint8_t place = call.plan[call.leg + 1];
  if (next == Next::target && !call.rule->is_target(place)) return false;
  return may_fall_back(failure, call.rule->fallback_on);
}

// The breaker's word. Whoever is refused gives the slot to others.
Result<void> pass_breaker(ClientConnection& client, Call& call, Passage& passage) {
  passage.pass = call.provider->state->breakers().admit(call.model, client.now());
  if (passage.pass.allowed()) return {};
  passage.slot.leave();
  return circuit_open(call, *call.provider, passage.pass.retry_at(), client.now());
}

Failure failure_of(const Result<void>& done, const Attempt& answered, bool sent,
                   const ErrorHint& hint) {
  TryFacts facts;
  facts.sent = sent;
  if (done) {
    facts.status = answered.head.status;
    facts.quota_spent = hint.quota_spent;
  } else {
    // A client that waits no longer, or keeps back what it would send, says nothing about the
    // provider.
    const Error& error = done.error();
    if (error.fault == Fault::client) return Failure::ours;
    facts.error = error.code;
    facts.hopeless = error.retry == Retry::no;
  }
  return farebox::failure_of(facts);
}

// The breaker, the keys and the limit hear how it went. What it says of another try at the same
// provider is in the result.
FailedTry tell_state(ClientConnection& client, const Call& call, Passage& passage,
                     const Result<void>& done, const Attempt& answered, Failure failure,
                     const ErrorHint& hint, SteadyTime began) {
  ProviderState& state = *call.provider->state;
  // How a path fares that no dialect knows says nothing about the provider's models.
  const bool known = call.route.endpoint != Endpoint::unknown;
  Failure told = known ? failure : Failure::ours;
  if (failure == Failure::none && !is_metered(call.route.endpoint)) told = Failure::no_model;
  FailedTry failed;
  failed.failure = failure;
  failed.now = client.now();
  failed.deadline = call.patience;
  // Answers that are well say something of keys only.
  const bool reads = done && (failure != Failure::none || call.provider->has_keys());
  if (!reads) {
    state.tried(passage.pass, {told, passage.key.index, nullptr, began, failed.now, call.model});
  } else {
    ProviderLimits limits(client.services().clock.wall_now());
    for (const http::Field& field : answered.head.fields) limits.read(field.name, field.value);
    failed.retry_after = limits.retry_after();
    if (!failed.retry_after) failed.retry_after = hint.retry_after;
    state.tried(passage.pass, {told, passage.key.index, &limits, began, failed.now, call.model,
                               failed.retry_after});
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
  // Several calls that go as one stay together; what may be billed twice would be so for all.
  const bool whole = is_whole(head, call);
  const bool may_go_on = whole && !call.collects;
  bool held = true;         // for the try to come
  std::uint32_t tries = 0;  // at this provider
  std::chrono::milliseconds soonest{0};  // of the places that refused: when one is asked again
  while (true) {
    FailedTry failed;
    call.refusal.retry_after = std::chrono::milliseconds(0);
    Result<void> done = enter(client, head, call, record, passage);
    const bool waits = done && passage.slot.state() != CallSlot::State::admitted;
    if (waits) done = co_await wait_in_queue(client, call, passage);
    // Before the breaker: nobody has the place of a probe while waiting.
    const bool rests = done && !take_key(client, call, passage);
    if (rests) done = co_await wait_for_key(client, head, call, record, passage);
    if (done) done = pass_breaker(client, call, passage);
    ErrorHint hint;
    bool sent = false;
    if (done) {
      soonest = std::chrono::milliseconds(0);
      const SteadyTime began = client.now();
      const std::size_t rows = attempts.size();
      if (tries++ == 0 && !was_asked(attempts, *call.provider)) {
        call.provider->state->count_call(began, call.model);
      }
      done = co_await try_once(client, head, call, hold, record, attempts, passage, answered,
                               held);
      held = false;
      sent = attempts.size() > rows && attempts.back().sent;
      const bool hints = done && may_hint(answered.head);
      if (hints) hint = read_error_hint(co_await read_error_body(client, call, answered));
      const Failure failure = failure_of(done, answered, sent, hint);
      failed = tell_state(client, call, passage, done, answered, failure, hint, began);
      if (sent) charge_failed_try(call, hold, failure, attempts.back());
    } else {
      failed.failure = failure_of(done, answered, false, hint);
      std::chrono::milliseconds& wait = call.refusal.retry_after;
      if (wait.count() != 0 && soonest.count() != 0) wait = std::min(wait, soonest);
      soonest = wait;
    }
    if (!sent) {
      call.provider->state->give_back(passage.key, call.model);
      passage.key.pace = ProviderState::Key::Pace::free;
    }
    if (is_over(failed.failure)) {
      // Who ends without an answer has no news for the breaker, and keeps nobody's place.
      if (!done) passage.pass.drop();
      co_return done;
    }

    // Another target is asked at once; a fallback, when this provider isn't asked again.
    Move move = Move::nowhere;
    if (may_go_on && may_move(call, failed.failure, Next::target)) {
      move = co_await move_on(client, call, hold, attempts, record, passage, Next::target);
    }
    if (move == Move::nowhere && tries != 0) {
      failed.tries = tries;
      // Of what nobody knows one request of the client stays one request to the provider.
      const Endpoint endpoint = call.route.endpoint;
      failed.repeatable =
          whole && endpoint != Endpoint::unknown && may_repeat(head.method, endpoint) &&
          !(call.collects && facts_of(failed.failure).may_be_billed);
      const RetryDecision next = call.provider->state->next_try(failed, passage.key.index);
      if (next.stop == RetryStop::none) {
        client.worker().metrics().count_retry(call.provider->settings.name,
                                              name_of(failed.failure));
        attempts.back().over = true;
        discard(answered);
        // While it waits for long, another could run.
        if (next.wait >= kLongWait) passage.slot.leave();
        const auto waited = co_await pause(client, failed.now + next.wait);
        if (!waited) co_return waited;
        continue;
      }
    }
    if (move == Move::nowhere && may_go_on && may_move(call, failed.failure, Next::any)) {
      move = co_await move_on(client, call, hold, attempts, record, passage, Next::any);
    }
    if (move != Move::done) co_return done;
    discard(answered);
    held = true;
    tries = 0;
  }
}

void note_end(SteadyTime now, const Relayed& relayed, Passage& passage) {
  if (relayed.failure != Failure::none) passage.pass.report(relayed.failure, now);
  passage.slot.leave();
}

}  // namespace farebox::stages
