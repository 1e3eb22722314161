// count: tokens nobody reported, counted beside the worker. Answers that were cut, and
// servers that never say what they used; all others pass without waiting.
#include <boost/asio/post.hpp>

#include <utility>

#include "config/tokenizer.hpp"
#include "proxy/stages/stages.hpp"
#include "proxy/token_desk.hpp"
#include "proxy/worker.hpp"

namespace farebox::stages {
namespace {

// What isn't counted by then is bounded by its octets.
constexpr std::chrono::seconds kCountTime{5};

// Between the desk's thread and the coroutine, whichever ends first.
struct Counting {
  Event* wake = nullptr;  // null: nobody waits any more
  bool done = false;
  TokenCounts counts;
};

}  // namespace

bool needs_count(const Call& call, const std::vector<AttemptRecord>& attempts,
                 const Relayed& relayed) {
  if (!is_metered(call.route.endpoint) || attempts.empty() || !attempts.back().sent) return false;
  const Reading& reading = relayed.reading;
  const bool reported = reading.usage.source == UsageSource::reported;
  if (reported && (relayed.whole || reading.finished)) return false;
  return reported || attempts.back().status < 400;
}

awaitable<void> count(ClientConnection& client, Call& call, Relayed& relayed, TokenCounts& counts) {
  // Sound, and text beyond what is kept, is seen but can't be counted: unknown is never zero.
  const Reading& reading = relayed.reading;
  const bool countable = reading.stream ? reading.output_text.size() >= reading.output_bytes
                                        : !reading.output_text.empty() || reading.output_bytes == 0;
  TokenOrder order;
  order.endpoint = call.route.endpoint;
  // A reply may name a deployment; then the request knows better.
  order.model = tokenizer_of(relayed.reading.model) ? relayed.reading.model : call.model;
  order.body = std::move(call.body);  // nobody needs it any more
  order.output = std::move(relayed.reading.output_text);
  const auto counting = std::make_shared<Counting>();
  counting->wake = &client.wake();
  const Executor executor = client.worker().executor();
  const bool taken = client.services().tokens.submit(
      std::move(order), [counting, executor](const TokenCounts& told) {
        asio::post(executor, [counting, told] {
          counting->counts = told;
          counting->done = true;
          if (counting->wake != nullptr) counting->wake->set();
        });
      });
  const SteadyTime until = client.now() + kCountTime;
  while (taken && !counting->done && client.now() < until) co_await client.wait(until);
  counting->wake = nullptr;
  counts = counting->counts;
  if (!countable) counts.output.reset();
}

}  // namespace farebox::stages
