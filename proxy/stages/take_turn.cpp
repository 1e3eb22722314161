#include "proxy/stages/take_turn.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "proxy/policy_notes.hpp"
#include "proxy/stages/send_request.hpp"
#include "proxy/stages/try_once.hpp"
#include "proxy/worker.hpp"

namespace farebox::stages {
namespace {

SteadyTime patience_of(ClientConnection& client, const Call& call) {
  return std::min(call.patience, client.now() + call.provider->settings.concurrency.max_wait);
}

Error no_slot(Call& call, std::string_view why, std::chrono::nanoseconds later) {
  using std::chrono::milliseconds;
  call.refusal.retry_after = std::max(std::chrono::ceil<milliseconds>(later), milliseconds(1'000));
  return Error(ErrorCode::overloaded, Fault::self, Retry::yes,
               fmt::format("provider '{}' runs as many calls as concurrency.max lets it, and {}; "
                           "raise that or concurrency.queue, or try again later",
                           call.provider->settings.name, why));
}

// Who takes turns with others: a virtual key; without one, whose credential the provider will
// see; else who connects. Nothing that a caller can make up as it likes.
std::size_t lane_of(const ClientConnection& client, const http::RequestHead& head, const Call& call,
                    const Record& record) {
  const auto hash = std::hash<std::string_view>();
  if (!record.key_name.empty()) return hash(record.key_name);
  if (!call.provider->has_keys()) {
    for (const std::string_view name : {"authorization", "x-api-key", "api-key", "x-goog-api-key"}) {
      const std::string_view said = head.value(name);
      if (!said.empty()) return hash(said);
    }
  }
  return client.peer();
}

Error used_up(ClientConnection& client, Call& call, SteadyTime until) {
  using std::chrono::milliseconds;
  call.refusal.retry_after =
      std::max(std::chrono::ceil<milliseconds>(until - client.now()), milliseconds(1));
  return Error(ErrorCode::rate_limited, Fault::provider, Retry::yes,
               fmt::format("provider '{}' says that nothing is left for now of what its key may "
                           "ask for; the next call can pass in {}. Wait so long, or give the "
                           "provider more api_keys",
                           call.provider->settings.name, short_duration(call.refusal.retry_after)));
}

}  // namespace

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

Result<void> enter(ClientConnection& client, const http::RequestHead& head, Call& call,
                   const Record& record, Passage& passage) {
  if (passage.slot.state() == CallSlot::State::admitted) return {};
  CallSlots& slots = call.provider->state->slots();
  // Where nobody waits nobody asks whose turn it is.
  const std::size_t lane = slots.full() ? lane_of(client, head, call, record) : 0;
  const CallQueue::Ask ask{call.priority, lane, call.patience};
  const auto answer = slots.enter(
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
  if (state != State::displaced && is_impatient(call) && client.now() >= call.patience) {
    Error error = no_slot(call, "none ended before the caller's own time was over", {});
    error.fault = Fault::client;
    co_return error;
  }
  co_return no_slot(call, state == State::displaced ? "its place in the queue went to another"
                                                    : "none ended within concurrency.max_wait",
                    {});
}

bool take_key(ClientConnection& client, const Call& call, Passage& passage) {
  ProviderState& state = *call.provider->state;
  passage.key = state.pick_key(client.now(), call.model, patience_of(client, call));
  return passage.key.ready || state.breakers().refuses(call.model, client.now());
}

awaitable<Result<void>> wait_for_key(ClientConnection& client, const http::RequestHead& head,
                                     Call& call, const Record& record, Passage& passage) {
  using Pace = ProviderState::Key::Pace;
  const SteadyTime latest = patience_of(client, call);
  while (true) {
    const SteadyTime until = passage.key.ready_at;
    const bool turn = passage.key.pace == Pace::turn;
    if (!turn) {
      if (passage.key.pace == Pace::too_late) {
        passage.slot.leave();
        co_return used_up(client, call, until);
      }
      if (until >= latest) co_return Result<void>();
    }
    passage.slot.leave();
    Result<void> done = co_await pause(client, until);
    if (done) done = enter(client, head, call, record, passage);
    const bool waits = done && passage.slot.state() != CallSlot::State::admitted;
    if (waits) done = co_await wait_in_queue(client, call, passage);
    if (!done) co_return done;
    // A turn is this call's alone; a key that is ready again is anybody's.
    if (turn || take_key(client, call, passage)) co_return Result<void>();
  }
}

}  // namespace farebox::stages
