#include "proxy/call_bound.hpp"

#include <algorithm>

#include "proxy/stages/stages.hpp"

namespace farebox {
namespace {

// Tools of the provider's own, each with its fee or with the word that nobody knows it.
void add_tools(const OfferedTools& tools, CallSize& size) {
  constexpr std::uint64_t kUnbounded = OfferedTools::kUnbounded;
  if (!tools.any()) return;
  const std::uint64_t uses = tools.most_uses();
  if (uses == kUnbounded) {
    size.unbounded = true;
    return;
  }
  size.windows = uses + 1;
  size.web_searches = tools.most_uses(ServerTool::web_search);
  size.web_fetches = tools.most_uses(ServerTool::web_fetch);
  size.file_searches = tools.most_uses(ServerTool::file_search);
  size.code_sessions = tools.most_uses(ServerTool::code_interpreter);
  for (const ServerTool tool : {ServerTool::code_execution, ServerTool::image_generation,
                                ServerTool::x_search, ServerTool::document_search,
                                ServerTool::live_search}) {
    if (tools.most_uses(tool) != 0) size.unbounded = true;
  }
}

CallSize size_of(const Call& call, const Settings& settings) {
  const BodyReach& reach = call.facts.reach;
  CallSize size;
  size.input_octets = std::max<std::uint64_t>(call.facts.input_bytes, call.body.size());
  size.input_octets += reach.added_input_tokens;
  size.input_is_whole = call.facts.input_is_whole();
  if (call.long_context) size.least_window = kLongContext;
  size.max_output_tokens = call.facts.max_output_tokens;
  size.choices = call.facts.choices;
  size.added_output_tokens = reach.predicted_octets;
  size.unbounded = reach.unknown_tools || reach.other_models;
  size.default_max_output_tokens = settings.enforcement.default_max_output_tokens;
  add_tools(reach.tools, size);
  // Models that search by themselves, once a call.
  if (call.model.find("search") != std::string::npos) {
    size.web_searches = std::max<std::uint64_t>(size.web_searches, 1);
  }
  return size;
}

}  // namespace

CallBound::CallBound(const Services& services, const Call& call, const Record& record)
    : context_(stages::price_context(services, call, record)),
      match_(context_.match(record.model)),
      size_(size_of(call, services.settings)) {}

WorstCase CallBound::with_output(Tokens most) const {
  CallSize less = size_;
  less.max_output_tokens = most;
  return worst_case(match_.card, less, context_);
}

Tokens CallBound::output_asked() const {
  if (size_.max_output_tokens != 0) return size_.max_output_tokens;
  return match_.card == nullptr ? 0 : match_.card->max_output_tokens;
}

// The cost never falls when the output grows, so halving finds the largest that fits.
Tokens CallBound::affordable_output(Money amount, Tokens tokens, Tokens most) const {
  const auto fits = [&](Tokens output) {
    const WorstCase worst = with_output(output);
    return worst.bill.priced && worst.bill.cost <= amount &&
           worst.usage.input + worst.usage.output <= tokens;
  };
  Tokens low = 0, high = most;  // low fits, or is none
  while (low < high) {
    const Tokens middle = low + (high - low + 1) / 2;
    if (fits(middle)) low = middle;
    else high = middle - 1;
  }
  return low;
}

}  // namespace farebox
