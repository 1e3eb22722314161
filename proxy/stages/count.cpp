// count: tokens nobody reported, counted beside the worker. Answers that were cut, and
// servers that never say what they used; all others pass without waiting. A few of those
// teach how their model counts.
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

// A longer one would keep the desk from what somebody waits for.
constexpr std::size_t kLongestLesson = 256u << 10;

// Is what the answer showed all text? Sound is seen but can't be counted: unknown is never zero.
bool is_countable(const Reading& reading) {
  return reading.stream ? reading.output_text.size() + reading.unkept_bytes >= reading.output_bytes
                        : !reading.output_text.empty() || reading.output_bytes == 0;
}

// A reply may name a deployment; then the request knows better.
const std::string& model_of(const Call& call, const Reading& reading) {
  return tokenizer_of(reading.model) ? reading.model : call.model;
}

// The request's body and the answer's text, which nobody needs any more.
TokenOrder take_order(Call& call, Reading& reading) {
  TokenOrder order;
  order.endpoint = call.route.endpoint;
  order.provider = call.provider->settings.name;
  order.model = model_of(call, reading);
  order.body = std::move(call.body);
  order.output = reading.output_text.take();
  return order;
}

// Between the desk's thread and the coroutine, whichever ends first.
struct Counting {
  Event* wake = nullptr;  // null: nobody waits any more
  bool done = false;
  TokenCounts counts;
};

// However the coroutine stops to wait.
struct Watch {
  explicit Watch(Counting& waited_for) : counting(waited_for) {}
  ~Watch() { counting.wake = nullptr; }
  Watch(const Watch&) = delete;
  Watch& operator=(const Watch&) = delete;
  Counting& counting;
};

}  // namespace

bool needs_count(const Call& call, const std::vector<AttemptRecord>& attempts,
                 const Relayed& relayed) {
  if (!is_metered(call.route.endpoint) || attempts.empty() || !attempts.back().sent) return false;
  const Reading& reading = relayed.reading;
  const bool reported = reading.usage.source == UsageSource::reported;
  // Where a budget pays, a claim of nothing isn't believed (settle.cpp).
  const bool doubted = call.budget_left &&
                       ((reading.usage.output == 0 && reading.output_bytes != 0) ||
                        (reading.usage.input == 0 && call.facts.input_bytes != 0));
  if (reported && !doubted && (relayed.whole || reading.finished)) return false;
  return reported || attempts.back().status < 400;
}

awaitable<void> count(ClientConnection& client, Call& call, Relayed& relayed, TokenCounts& counts) {
  const bool countable = is_countable(relayed.reading);
  TokenOrder order = take_order(call, relayed.reading);
  const auto counting = std::make_shared<Counting>();
  counting->wake = &client.wake();
  const Watch watch(*counting);
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
  counts = counting->counts;
  if (!countable) counts.output.reset();
  // No text has more tokens than octets.
  if (counts.output) *counts.output += relayed.reading.unkept_bytes;
}

void learn(const Services& services, Call& call, Relayed& relayed, SteadyTime now) {
  Reading& reading = relayed.reading;
  const Usage& usage = reading.usage;
  if (usage.source != UsageSource::reported || usage.unusable_part || reading.error ||
      !is_metered(call.route.endpoint) || call.body.empty() ||
      call.body.size() + reading.output_text.size() > kLongestLesson) {
    return;
  }
  const std::string& named = reading.model.empty() ? call.model : reading.model;
  if (!services.tokens.wants_lesson(call.provider->settings.name, named, now)) return;
  const TokenizerOf* const tokenizer = tokenizer_of(model_of(call, reading));
  if (tokenizer == nullptr || tokenizer->exact) return;
  TokenLesson lesson;
  // Only what was a text and nothing else; what a tool, a picture or a thought takes isn't seen.
  if (usage.audio_input + usage.image_input + usage.tool_use_input == 0 && usage.extras.empty()) {
    lesson.input = usage.input;
  }
  if (usage.reasoning + usage.audio_output + usage.image_output + reading.tool_calls == 0 &&
      is_countable(reading) && !reading.output_text.cut()) {
    lesson.output = usage.output;
  }
  if (lesson.input == 0 && lesson.output == 0) return;
  lesson.order = take_order(call, reading);
  services.tokens.submit(std::move(lesson));
}

}  // namespace farebox::stages
