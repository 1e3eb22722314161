#include "proxy/reservation.hpp"

#include <algorithm>

#include "config/hidden_output.hpp"
#include "proxy/dialect/prompt_count.hpp"

namespace farebox {
namespace {

using Bound = BudgetAsk::Bound;

// Answers shorter than this aren't worth a call; OpenAI's Responses take no lower maximum.
constexpr Tokens kLeastOutput = 16;
// What a stream without a maximum begins with, where there is plenty.
constexpr Tokens kFirstOutput = 1'024;
// Of what is left a stream that can grow takes at most this part at first, so that many may run.
constexpr std::uint32_t kShare = 16;
// Where so many like it would fit, a stream without a maximum holds all it may cost, and nobody
// has to watch it.
constexpr std::uint32_t kSpare = 64;
// Bodies that are counted at once, in some ten microseconds at most.
constexpr std::size_t kMostCounted = 8 << 10;

BudgetAmount amount_of(const WorstCase& worst) {
  return {worst.bill.cost, worst.usage.input + worst.usage.output};
}

bool is_stream(const Call& call) { return call.route.stream || call.facts.stream; }

// Can a budget watch what this stream bills while it runs? Nothing hidden, nothing beside the
// text, and an end that can be said in its dialect.
bool may_grow(const Call& call) {
  if (!is_stream(call)) return false;
  if (!call.buffered || !call.facts.readable) return false;
  // Their frames are read to the end before they tell anything.
  const Endpoint endpoint = call.route.endpoint;
  if (endpoint == Endpoint::converse || endpoint == Endpoint::invoke) return false;
  const BodyReach& reach = call.facts.reach;
  if (reach.tools.any() || reach.unknown_tools || reach.answers_in_media || reach.other_models ||
      reach.predicted_octets != 0 || reach.reasoning_budget != 0 || call.facts.choices > 1) {
    return false;
  }
  for (const std::string_view word : {"\"thinking", "\"reasoning"}) {
    if (call.body.find(word) != std::string::npos) return false;
  }
  return !may_hide_output(call.model) &&
         stream_end(call.route, call.provider->settings.dialect, call.facts) != nullptr;
}

}  // namespace

bool costs_nothing(std::string_view method, const Call& call) {
  if (!is_free(call.route.endpoint)) return false;
  if (call.route.endpoint != Endpoint::passthrough) return true;
  // Files and lists; a batch or a fine-tuning job is made by a POST.
  return method == "GET" || method == "HEAD" || method == "DELETE" || method == "OPTIONS";
}

Reservation plan_reservation(const Call& call, const Record& draft, const CallBound* bound,
                             const EnforcementSettings& rules) {
  Reservation plan;
  BudgetAsk& whole = plan.ways.emplace_back().ask;
  whole.wanted = {draft.cost, draft.usage.input + draft.usage.output};
  whole.least = whole.wanted;
  if (!is_metered(call.route.endpoint)) whole.bound = Bound::no_meter;
  else if (!draft.priced) whole.bound = Bound::no_price;
  if (whole.bound != Bound::known || bound == nullptr || !call.buffered) return plan;
  if (draft.usage.output == 0) return plan;  // embeddings and their kin

  plan.most_output = bound->output_asked();
  if (plan.most_output == 0) {
    plan.must_lower = !may_grow(call);
    plan.most_output = rules.default_max_output_tokens;
  }
  if (is_stream(call) && call.facts.max_output_tokens == 0) {
    whole.spare = kSpare;
    plan.ways.front().waits = false;
  }
  return plan;
}

Reservation plan_all_ways(const Call& call, const Record& draft, const CallBound* bound,
                          Tokens expected, const EnforcementSettings& rules) {
  Reservation plan = plan_reservation(call, draft, bound, rules);
  if (plan.most_output == 0) return plan;
  plan.grows = may_grow(call);
  const auto part = [&](Tokens least, Tokens wanted) {
    BudgetAsk& ask = plan.ways.emplace_back().ask;
    ask.least = amount_of(bound->with_output(std::min(plan.most_output, least)));
    ask.wanted = amount_of(bound->with_output(std::min(plan.most_output, wanted)));
    ask.share = plan.grows ? kShare : 1;
  };
  if (!plan.grows) {
    plan.ways.front().ask.spare = 1;
    plan.ways.front().waits = true;
    if (rules.clamp) part(kLeastOutput, plan.most_output);
    return plan;
  }
  // The rest can't pay the whole, so it grows as it runs, as do others beside it.
  plan.ways.front().waits = false;
  const Tokens usual = expected + expected / 8 + kLeastOutput;
  // With a maximum that is all they will get; without one the rest comes as they run.
  const Tokens wanted = rules.clamp ? plan.most_output : kFirstOutput;
  part(usual, std::max(usual, wanted));
  part(kLeastOutput, wanted);
  plan.ways.back().ask.share = 1;
  return plan;
}

std::optional<Tokens> bound_input(const Call& call, TokenCounter* bounding) {
  if (bounding == nullptr || call.body.size() > kMostCounted) return std::nullopt;
  if (!call.facts.input_is_whole()) return std::nullopt;
  const PromptBound bound = bound_prompt(call.route.endpoint, call.model, call.body, *bounding);
  if (!bound.from_text) return std::nullopt;
  // What a chat's template adds is in it; the models whose encodings are public add no more.
  return bound.tokens;
}

}  // namespace farebox
