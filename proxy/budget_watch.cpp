#include "proxy/budget_watch.hpp"

#include "config/tokenizer.hpp"
#include "proxy/worker.hpp"

namespace farebox {
namespace {

// Of prose and code; a few long words apart, tokens are shorter.
constexpr Tokens kMostOctetsOfToken = 8;

}  // namespace

BudgetWatch::BudgetWatch(ClientConnection& client, const Call& call, const Hold& hold,
                         Metering& meter)
    : hold_(hold) {
  if (!hold.output_held || meter.so_far() == nullptr) return;
  const TokenizerOf* const tokenizer = tokenizer_of(call.model);
  TokenCounter* const counter = tokenizer != nullptr && tokenizer->exact
                                    ? client.worker().token_counter(tokenizer->encoding)
                                    : nullptr;
  output_.emplace(counter);
  const Tokens said = call.facts.max_output_tokens;
  has_maximum_ = said != 0 && said <= *hold.output_held;
  // Octets are a bound for what nobody limits. Against a maximum they would cut what is paid for,
  // so only what is certainly too much counts.
  if (has_maximum_ && counter == nullptr) octets_for_token_ = kMostOctetsOfToken;
  // Octets of ours can't be mixed into what is compressed.
  if (meter.encoded()) return;
  end_ = stream_end(call.route, call.provider->settings.dialect, call.facts);
  meter.watch(end_.get());
}

}  // namespace farebox
