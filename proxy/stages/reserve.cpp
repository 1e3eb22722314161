// reserve: the money of all budgets that apply, or of none.
#include <fmt/format.h>

#include <algorithm>

#include "proxy/policy_notes.hpp"
#include "proxy/stages/stages.hpp"
#include "proxy/worker.hpp"

namespace farebox::stages {
namespace {

using Verdict = BudgetAnswer::Verdict;
using Bound = BudgetAsk::Bound;

// How long a call that waits for money of others looks away, at first and at most.
constexpr std::chrono::milliseconds kFirstLook{2}, kLastLook{32};
// What a caller is told to wait whose budget_wait is over.
constexpr std::chrono::milliseconds kHeldWait{500};

// Does it make somebody work who will send a bill?
bool costs_nothing(std::string_view method, const Call& call) {
  if (!is_free(call.route.endpoint)) return false;
  if (call.route.endpoint != Endpoint::passthrough) return true;
  return method == "GET" || method == "HEAD" || method == "DELETE" || method == "OPTIONS";
}

BudgetAsk ask_of(const Call& call, const Record& record) {
  BudgetAsk ask;
  ask.wanted = {record.cost, record.usage.input + record.usage.output};
  ask.least = ask.wanted;
  if (!is_metered(call.route.endpoint)) ask.bound = Bound::no_meter;
  else if (!record.priced) ask.bound = Bound::no_price;
  return ask;
}

std::string when(WallTime time) {
  return time == WallTime::max() ? std::string() : ", it begins anew at " + rfc3339(time);
}

Error unknown_cost(const Call& call, const std::string& budget) {
  if (!is_metered(call.route.endpoint)) {
    return Error(ErrorCode::endpoint_not_metered, Fault::client, Retry::no,
                 fmt::format("farebox can't tell what this endpoint costs, and the budget '{}' "
                             "applies; use a metered endpoint, or set enforcement.allow_unmetered",
                             budget));
  }
  return Error(ErrorCode::model_not_priced, Fault::client, Retry::no,
               fmt::format("the most that a call to '{}' may cost isn't known, and the budget '{}' "
                           "applies; set max tokens, or give the model a price under "
                           "prices.overrides", call.model, budget));
}

Error refusal(const Call& call, const BudgetDecision& decision) {
  switch (decision.verdict) {
    case Verdict::unknown_cost: return unknown_cost(call, decision.by);
    case Verdict::too_many_values:
      return Error(ErrorCode::overloaded, Fault::self, Retry::yes,
                   "more callers than enforcement.max_scope_values are being counted; raise it");
    case Verdict::in_flight:
      return Error(ErrorCode::budget_held, Fault::client, Retry::yes,
                   fmt::format("the money left in budget '{}' is held by calls that are running; "
                               "try again when they have ended", decision.by));
    default:
      return Error(ErrorCode::budget_exceeded, Fault::client, Retry::no,
                   fmt::format("budget '{}' can't pay for this call: {} of {} USD are left{}; raise "
                               "or top up the budget, or ask for fewer tokens",
                               decision.by, decision.by_left.decimal(),
                               decision.by_limit.decimal(), when(decision.window_end)));
  }
}

void tell_refusal(Call& call, const BudgetDecision& decision, WallTime now) {
  using std::chrono::milliseconds;
  call.refusal.budget = decision.by;
  call.refusal.limit = decision.by_limit;
  call.refusal.remaining = decision.by_left;
  call.refusal.resets = decision.window_end;
  if (decision.verdict == Verdict::in_flight) {
    call.refusal.retry_after = kHeldWait;
  } else if (decision.verdict == Verdict::exceeded && decision.window_end != WallTime::max()) {
    const auto left = std::chrono::ceil<std::chrono::seconds>(decision.window_end - now);
    call.refusal.retry_after = std::max<milliseconds>(left, std::chrono::seconds(1));
  }
}

}  // namespace

awaitable<Result<void>> reserve(ClientConnection& client, Call& call, Record& record, Hold& hold) {
  Services& services = client.services();
  Governor& governor = services.governor;
  if (costs_nothing(client.head().method, call)) co_return Result<void>();
  if (!is_metered(call.route.endpoint) && services.settings.enforcement.allow_unmetered) {
    co_return Result<void>();
  }
  const BudgetAsk ask = ask_of(call, record);
  const SteadyTime until =
      std::min(client.now() + services.settings.enforcement.budget_wait, call.deadline);
  std::chrono::milliseconds look = kFirstLook;
  while (true) {
    hold.decision = governor.hold(scope_of(record), ask, hold.budget);
    if (hold.decision.verdict != Verdict::in_flight) break;
    if (client.now() >= until || client.left() || client.cut_off()) break;
    co_await client.wait(std::min(until, client.now() + look));
    look = std::min(2 * look, kLastLook);
  }
  if (hold.decision.throttled) {
    call.refusal.retry_after =
        std::chrono::ceil<std::chrono::milliseconds>(hold.decision.retry_after);
    co_return Error(ErrorCode::rate_limited, Fault::client, Retry::yes,
                    fmt::format("budget '{}' is spent and lets only some calls through; try again "
                                "in {}", hold.decision.by,
                                short_duration(hold.decision.retry_after)));
  }
  if (hold.decision.verdict != Verdict::held) {
    if (client.cut_off()) co_return Error(ErrorCode::draining);
    if (client.left()) co_return Error(ErrorCode::client_closed);
    governor.count_refusal(hold.decision.by);
    tell_refusal(call, hold.decision, services.clock.wall_now());
    co_return refusal(call, hold.decision);
  }
  // Its cost is counted where it was held, and a restart must find it there.
  if (hold.budget.binds()) record.time = hold.decision.time;
  append_warning(call.notes, hold.decision);
  if (hold.decision.remaining) {
    call.budget_held = hold.decision.granted.money;
    call.budget_left = *hold.decision.remaining + call.budget_held;
  }
  co_return Result<void>();
}

}  // namespace farebox::stages
