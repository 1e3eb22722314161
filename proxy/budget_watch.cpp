#include "proxy/budget_watch.hpp"

#include "config/tokenizer.hpp"
#include "proxy/worker.hpp"

namespace farebox {

BudgetWatch::BudgetWatch(ClientConnection& client, const Call& call, const Hold& hold,
                         Metering& meter)
    : hold_(hold) {
  if (!hold.output_held || meter.so_far() == nullptr) return;
  const TokenizerOf* const tokenizer = tokenizer_of(call.model);
  TokenCounter* const counter = tokenizer != nullptr && tokenizer->exact
                                    ? client.worker().token_counter(tokenizer->encoding)
                                    : nullptr;
  output_.emplace(counter);
  // Octets of ours can't be mixed into what is compressed.
  if (meter.encoded()) return;
  end_ = stream_end(call.route, call.provider->settings.dialect, call.facts);
  meter.watch(end_.get());
}

}  // namespace farebox
