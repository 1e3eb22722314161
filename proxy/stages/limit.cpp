// limit: requests, tokens and parallel slots. All limits agree, or none is touched.
#include <fmt/format.h>

#include <algorithm>

#include "proxy/policy_notes.hpp"
#include "proxy/stages/stages.hpp"

namespace farebox::stages {
namespace {

using Verdict = LimitAnswer::Verdict;

// English has some four octets a token. It is trued up when the call has ended.
constexpr std::uint64_t kOctetsPerToken = 4;
// Nobody knows when a slot comes free.
constexpr std::chrono::milliseconds kSlotWait{1'000};

RateUse use_of(const Call& call, const Settings& settings) {
  RateUse use;
  if (!is_metered(call.route.endpoint)) return use;
  use.input = call.facts.input_bytes / kOctetsPerToken + 1;
  use.output = call.facts.max_output_tokens;
  use.output_guessed = use.output == 0;
  if (use.output_guessed) use.output = settings.enforcement.default_max_output_tokens;
  Tokens all = 0;
  const Tokens choices = std::max<Tokens>(call.facts.choices, 1);
  use.output = __builtin_mul_overflow(use.output, choices, &all) ? ~Tokens{0} : all;
  return use;
}

std::string_view name_of(RateKind kind) {
  switch (kind) {
    case RateKind::requests: return "requests";
    case RateKind::input_tokens: return "input tokens";
    case RateKind::output_tokens: return "output tokens";
    case RateKind::tokens: return "tokens";
  }
  return "requests";
}

Error refusal(const LimitDecision& decision, std::chrono::milliseconds wait) {
  switch (decision.verdict) {
    case Verdict::parallel:
      return Error(ErrorCode::rate_limited, Fault::client, Retry::yes,
                   fmt::format("the limit '{}' lets no more calls run at once; wait until one of "
                               "yours has ended, or raise its max_parallel_requests", decision.by));
    case Verdict::too_many_values:
      return Error(ErrorCode::overloaded, Fault::self, Retry::yes,
                   "more callers than enforcement.max_scope_values are being counted; raise it");
    default:
      return Error(ErrorCode::rate_limited, Fault::client, Retry::yes,
                   fmt::format("the limit '{}' has no {} left; try again in {}", decision.by,
                               name_of(decision.kind), short_duration(wait)));
  }
}

}  // namespace

Result<Permit> limit(const Services& services, Call& call, const Record& record, HeldRoom& room) {
  // Of a model that can't be made out nobody can tell which budgets and limits count it.
  if (services.governor.may_count_model(scope_of(record)) && call.route.model.empty()) {
    if (const auto readable = check_readable(call); !readable) return readable.error();
  }
  if (!services.governor.has_limits()) return Permit{};
  const LimitDecision decision =
      services.governor.admit(scope_of(record), use_of(call, services.settings), room);
  append_limits(call.notes, call.dialect, decision, services.clock.wall_now());
  if (decision.verdict == Verdict::admitted) return Permit{};
  const auto wait = decision.verdict == Verdict::rate
                        ? std::chrono::ceil<std::chrono::milliseconds>(decision.retry_after)
                        : kSlotWait;
  call.refusal.retry_after = std::max(wait, std::chrono::milliseconds(1));
  return refusal(decision, call.refusal.retry_after);
}

}  // namespace farebox::stages
