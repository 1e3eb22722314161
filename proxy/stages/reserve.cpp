// reserve: the money of all budgets that apply, or of none.
#include <fmt/format.h>

#include <algorithm>

#include "config/tokenizer.hpp"
#include "proxy/dialect/json_members.hpp"
#include "proxy/dialect/max_output.hpp"
#include "proxy/dialect/model_name.hpp"
#include "proxy/policy_notes.hpp"
#include "proxy/reservation.hpp"
#include "proxy/stages/aim.hpp"
#include "proxy/worker.hpp"

namespace farebox::stages {
namespace {

using Verdict = BudgetAnswer::Verdict;

// How long a call that waits for money of others looks away, at first and at most.
constexpr std::chrono::milliseconds kFirstLook{2}, kLastLook{32};
// What a caller is told to wait whose budget_wait is over.
constexpr std::chrono::milliseconds kHeldWait{500};

std::string when(WallTime time) {
  return time == WallTime::max() ? std::string() : ", it begins anew at " + rfc3339(time);
}

Error unknown_cost(const Call& call, const std::string& name) {
  const std::string budget = name.empty() ? "a budget" : "the budget '" + name + "'";
  if (!is_metered(call.route.endpoint)) {
    return Error(ErrorCode::endpoint_not_metered, Fault::client, Retry::no,
                 fmt::format("farebox can't tell what this endpoint costs, and {} "
                             "applies; use a metered endpoint, or set enforcement.allow_unmetered",
                             budget));
  }
  return Error(ErrorCode::model_not_priced, Fault::client, Retry::no,
               fmt::format("the most that a call to '{}' may cost isn't known, and {} "
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
      if (decision.by_tokens_left) {
        return Error(ErrorCode::budget_exceeded, Fault::client, Retry::no,
                     fmt::format("budget '{}' has {} tokens left, too few for this call{}; raise its "
                                 "limit_tokens, or ask for fewer tokens",
                                 decision.by, *decision.by_tokens_left, when(decision.window_end)));
      }
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

Error refused(Services& services, Call& call, const Record& record,
              const BudgetDecision& decision) {
  if (decision.throttled) {
    call.refusal.retry_after = std::chrono::ceil<std::chrono::milliseconds>(decision.retry_after);
    return Error(ErrorCode::rate_limited, Fault::client, Retry::yes,
                 fmt::format("budget '{}' is spent and lets only some calls through; try again in "
                             "{}", decision.by, short_duration(decision.retry_after)));
  }
  const ScopeValues values = scope_of(record);
  const bool spent = decision.verdict == Verdict::exceeded;
  services.governor.count_refusal(decision.by, spent ? &values : nullptr);
  if (decision.verdict == Verdict::unknown_cost && is_metered(call.route.endpoint)) {
    services.governor.note_unpriced(call.model);
  }
  tell_refusal(call, decision, services.clock.wall_now());
  return refusal(call, decision);
}

// A bound of fewer tokens than octets, where the budget is too small for those. True: there
// is one.
bool tighten(ClientConnection& client, const Call& call, Record& draft, Hold& hold) {
  if (!hold.bound) return false;
  const TokenizerOf* const tokenizer = tokenizer_of(call.model);
  if (tokenizer == nullptr || !tokenizer->exact) return false;
  const auto tokens = bound_input(call, client.worker().bounding_counter(tokenizer->encoding));
  if (!tokens) return false;
  hold.bound->tighten(*tokens);
  const WorstCase worst = hold.bound->whole();
  draft.usage = worst.usage;
  draft.cost = hold.each = worst.bill.cost;
  return true;
}

Reservation plan_first(const Services& services, const Call& call, const Record& record,
                       const Hold& hold) {
  return plan_reservation(call, record, hold.bound ? &*hold.bound : nullptr,
                          services.settings.enforcement);
}

Reservation plan_all(const Services& services, const Call& call, const Record& record,
                     const Hold& hold) {
  return plan_all_ways(call, record, hold.bound ? &*hold.bound : nullptr,
                       services.governor.expected_output(call.model),
                       services.settings.enforcement);
}

void ask(ClientConnection& client, const Reservation::Way& way, const Record& record, Hold& hold) {
  hold.decision = client.services().governor.hold(scope_of(record), way.ask, hold.budget);
}

// Would asking again, in another way or later, get nothing else?
bool is_final(const Call& call, const BudgetDecision& decision) {
  const Verdict verdict = decision.verdict;
  if (verdict != Verdict::in_flight && verdict != Verdict::exceeded) return true;
  // Others are asked for the cheaper model's price, not for this one's.
  return !decision.downgrade_to.empty() && decision.downgrade_to != call.model;
}

// The first way got no money: tries the others, one after the other, and waits for what others
// hold.
awaitable<void> ask_again(ClientConnection& client, const Call& call, Reservation& wanted,
                          Record& record, Hold& hold) {
  Services& services = client.services();
  const SteadyTime until = client.now() + services.settings.enforcement.budget_wait;
  std::chrono::milliseconds look = kFirstLook;
  std::size_t way = 0;
  bool tight = false;
  while (!is_final(call, hold.decision)) {
    bool is_tighter = false;
    if (!std::exchange(tight, true)) {
      is_tighter = tighten(client, call, record, hold);
      wanted = plan_all(services, call, record, hold);
    }
    if (!is_tighter) {
      const bool late = client.now() >= until || client.left() || client.cut_off();
      // What is spent doesn't come back; what is held may, and the whole is better than a part.
      const bool hopeless = hold.decision.verdict == Verdict::exceeded || late;
      if (way + 1 < wanted.ways.size() && (hopeless || !wanted.ways[way].waits)) {
        ++way;
      } else {
        if (hopeless) co_return;
        co_await client.wait(std::min(until, client.now() + look));
        look = std::min(2 * look, kLastLook);
        // Others have ended, and it is better known what streams need.
        if (wanted.grows) wanted = plan_all(services, call, record, hold);
      }
    }
    ask(client, wanted.ways[way], record, hold);
  }
}

// A budget that is spent lets calls go on with a cheaper model. False: this one can't name it.
bool downgrade(ClientConnection& client, Call& call, Record& record, Hold& hold,
               const std::string& model) {
  if (!call.buffered) return false;
  keep_asked(call);
  if (!replace_model(call.provider->dialect, client.head().method, call.route, call.model, model,
                     call.provider->base_path.size(), call.target, call.body)) {
    return false;
  }
  auto facts = call.provider->dialect.read_body(call.route, client.head().value("content-type"),
                                                call.body);
  if (!facts) return false;
  call.facts = std::move(*facts);
  call.model = record.model = model;
  if (!call.route.model.empty()) call.route.model = model;
  hold.bound.emplace(client.services(), call, record);
  const WorstCase worst = hold.bound->whole();
  record.usage = worst.usage;
  record.cost = hold.each = worst.bill.cost;
  record.priced = hold.priced = worst.bill.priced;
  return true;
}

// May the caller's key use that model? A key that is gone meanwhile may not.
bool may_use(ClientConnection& client, const Record& record, const std::string& model) {
  if (record.key_name.empty()) return true;
  const std::vector<VirtualKey>& keys = client.worker().keys().ring.keys();
  return std::any_of(keys.begin(), keys.end(), [&](const VirtualKey& key) {
    return key.name == record.key_name && !key.revoked && key.allows_model(model);
  });
}

// At most `output` tokens for each answer. Nothing: the body can't say so, and why is in `why`.
bool lower(ClientConnection& client, Call& call, Tokens output, std::string_view& why) {
  LoweredBody lowered = lower_max_output(call.route, call.provider->settings.dialect, call.model,
                                         call.body, output);
  why = lowered.why;
  if (!lowered.body) return false;
  auto facts = call.provider->dialect.read_body(call.route, client.head().value("content-type"),
                                                *lowered.body);
  if (!facts) return false;
  keep_asked(call);
  call.body = std::move(*lowered.body);
  call.facts = std::move(*facts);
  return true;
}

// OpenAI's Responses answer at once with `queued`, and go on.
bool works_on_later(const Call& call) {
  if (call.route.endpoint != Endpoint::responses || !call.buffered) return false;
  return JsonMembers(call.body, {"background"})["background"] == "true";
}

// Some servers do by these what the method says elsewhere (Google's do).
bool names_another_method(const http::RequestHead& head) {
  return head.has("x-http-method-override") || head.has("x-http-method") ||
         head.has("x-method-override") || head.target.find("httpMethod") != std::string_view::npos;
}

// Makes the call fit what it was granted: a stream grows later, a maximum is lowered now.
Result<void> fit(ClientConnection& client, Call& call, Record& record, Hold& hold,
                 const Reservation& wanted) {
  const BudgetAmount& granted = hold.decision.granted;
  const BudgetAmount& asked = wanted.whole();
  const bool partial = granted.money < asked.money || granted.tokens < asked.tokens;
  if (!partial && !wanted.must_lower) return {};
  const CallBound& bound = *hold.bound;
  const Tokens output =
      partial ? bound.affordable_output(granted.money, granted.tokens, wanted.most_output)
              : wanted.most_output;
  record.cost = hold.each = granted.money;
  record.usage.output = output * bound.choices();
  std::string_view why;
  if (wanted.grows) {
    hold.output_held = output;
    // What comes in one piece can't be cut in time, so a maximum says what is held. Where the API
    // has none, or the operator wants none, the hold grows as the stream runs.
    if (client.services().settings.enforcement.clamp) lower(client, call, output, why);
    return {};
  }
  if (lower(client, call, output, why)) return {};
  if (!partial) return unknown_cost(call, hold.decision.by);
  return Error(ErrorCode::budget_exceeded, Fault::client, Retry::no,
               fmt::format("what is left of the budget pays for {} tokens of an answer, and {}; "
                           "ask for fewer tokens", output, why));
}

// No budget has to pay for it.
bool is_free_of_budgets(ClientConnection& client, const Call& call) {
  const http::RequestHead& head = client.head();
  // A list is asked for without a body; what has one may be a call in disguise.
  const bool plain = call.route.endpoint != Endpoint::passthrough ||
                     (head.framing == http::Framing::none && !names_another_method(head));
  if (plain && costs_nothing(head.method, call)) return true;
  return !is_metered(call.route.endpoint) &&
         client.services().settings.enforcement.allow_unmetered;
}

// Makes the call what the budgets decided in the end.
Result<void> conclude(ClientConnection& client, Call& call, Record& record, Hold& hold,
                      const Reservation& wanted) {
  // A budget that refuses must know what it pays for.
  const bool strict = hold.decision.remaining || hold.decision.verdict == Verdict::unknown_cost;
  if (strict) {
    auto readable = check_readable(call);
    if (!readable) {
      hold.budget.release();
      return readable;
    }
  }
  if (hold.decision.throttled || hold.decision.verdict != Verdict::held) {
    if (client.cut_off()) return Error(ErrorCode::draining);
    if (client.left()) return Error(ErrorCode::client_closed);
    return refused(client.services(), call, record, hold.decision);
  }
  if (!hold.budget.binds()) return {};
  if (works_on_later(call)) {
    hold.budget.release();
    return Error(ErrorCode::endpoint_not_metered, Fault::client, Retry::no,
                 "a response in the background is billed after this answer, where no budget sees "
                 "it; leave `background` out, or set enforcement.allow_unmetered");
  }
  // Its cost is counted where it was held, and a restart must find it there.
  record.time = hold.decision.time;
  if (auto fitted = fit(client, call, record, hold, wanted); !fitted) {
    hold.budget.release();
    return fitted;
  }
  append_warning(call.notes, hold.decision);
  if (hold.decision.remaining) {
    call.budget_held = hold.decision.granted.money;
    call.budget_left = *hold.decision.remaining + call.budget_held;
  }
  return {};
}

}  // namespace

std::optional<Result<void>> reserve_at_once(ClientConnection& client, Call& call, Record& record,
                                            Hold& hold) {
  if (is_free_of_budgets(client, call)) return Result<void>();
  const Reservation wanted = plan_first(client.services(), call, record, hold);
  ask(client, wanted.ways.front(), record, hold);
  if (!is_final(call, hold.decision) || !hold.decision.downgrade_to.empty()) return std::nullopt;
  return conclude(client, call, record, hold, wanted);
}

awaitable<Result<void>> reserve(ClientConnection& client, Call& call, Record& record, Hold& hold) {
  Services& services = client.services();
  Reservation wanted = plan_first(services, call, record, hold);
  co_await ask_again(client, call, wanted, record, hold);
  const std::string cheaper = std::move(hold.decision.downgrade_to);
  if (!cheaper.empty() && cheaper != call.model) {
    hold.budget.release();
    if (!may_use(client, record, cheaper)) {
      services.governor.count_refusal(hold.decision.downgrade_by);
      co_return Error(ErrorCode::budget_exceeded, Fault::client, Retry::no,
                      fmt::format("budget '{}' is spent, and the key '{}' may not use '{}', which "
                                  "the budget goes on with; allow the key that model, or raise the "
                                  "budget", hold.decision.downgrade_by, record.key_name, cheaper));
    }
    if (!hold.bound || !downgrade(client, call, record, hold, cheaper)) {
      services.governor.count_refusal(hold.decision.downgrade_by);
      co_return Error(ErrorCode::budget_exceeded, Fault::client, Retry::no,
                      fmt::format("budget '{}' is spent, and this request can't be sent to '{}' "
                                  "instead; name the model in a JSON body",
                                  hold.decision.downgrade_by, cheaper));
    }
    wanted = plan_first(services, call, record, hold);
    ask(client, wanted.ways.front(), record, hold);
    co_await ask_again(client, call, wanted, record, hold);
  }
  co_return conclude(client, call, record, hold, wanted);
}

}  // namespace farebox::stages
