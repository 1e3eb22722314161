#include "proxy/token_desk.hpp"

#include <pthread.h>

#include <array>
#include <new>
#include <utility>

#include "config/tokenizer.hpp"
#include "policy/tokens/json_text.hpp"
#include "proxy/dialect/prompt_count.hpp"

namespace farebox {
namespace {

// Fewer tokens are mostly marks around the text, which differ.
constexpr std::uint64_t kLeastText = 32;

bool is_text_alone(const PromptCount& prompt) {
  const PromptParts& parts = prompt.parts;
  return prompt.doubt <= PromptDoubt::model &&
         parts.calls + parts.tools + parts.format + parts.images + parts.reasoning == 0;
}

// Does the provider read what isn't in the body, though nothing in the reply tells?
bool reads_elsewhere(const TokenOrder& order) {
  return order.endpoint == Endpoint::conversations || order.endpoint == Endpoint::interactions ||
         order.body.find("cachedContent") != std::string::npos ||
         order.body.find("cached_content") != std::string::npos;
}

}  // namespace

struct TokenClerk::Impl {
  std::array<std::optional<TokenCounter>, kEncodings> counters;  // by encoding

  TokenCounter* counter_of(Encoding encoding) {
    std::optional<TokenCounter>& counter = counters[static_cast<std::size_t>(base_of(encoding))];
    if (!counter) counter = TokenCounter::make(base_of(encoding));
    return counter ? &*counter : nullptr;
  }
};

TokenClerk::TokenClerk(RatioKeeper& ratios) : ratios_(ratios), impl_(std::make_unique<Impl>()) {}
TokenClerk::~TokenClerk() = default;

TokenCounts TokenClerk::count(const TokenOrder& order) {
  TokenCounts counts;
  const TokenizerOf* const tokenizer = tokenizer_of(order.model);
  if (tokenizer == nullptr) return counts;
  TokenCounter* const counter = impl_->counter_of(tokenizer->encoding);
  if (counter == nullptr) return counts;  // this build has no vocabularies
  const auto of_model = [&](std::uint64_t counted, Side side) {
    const auto ratio = ratios_.find(order.provider, order.model, side);
    return ratio ? ratio->estimate(counted) : counted;
  };
  const PromptCount prompt = count_prompt(order.endpoint, order.model, order.body, *counter);
  // Where the provider reads what isn't in the body, a count of the body says too little.
  if (!prompt.at_least()) {
    counts.input = of_model(prompt.tokens, Side::input);
    counts.input_rule = tokenizer->exact ? Estimate::input_counted : Estimate::input_ratio;
  }
  counts.output = of_model(count_json_string(*counter, order.output), Side::output);
  counts.output_rule = tokenizer->exact ? Estimate::output_counted : Estimate::output_ratio;
  return counts;
}

void TokenClerk::learn(const TokenLesson& lesson) {
  const TokenOrder& order = lesson.order;
  const TokenizerOf* const tokenizer = tokenizer_of(order.model);
  if (tokenizer == nullptr || tokenizer->exact) return;
  TokenCounter* const counter = impl_->counter_of(tokenizer->encoding);
  if (counter == nullptr) return;
  const auto teach = [&](Side side, std::uint64_t counted, Tokens reported) {
    if (counted < kLeastText) return;
    ratios_.learn({order.provider, order.model, side, counted, reported});
  };
  if (lesson.input != 0 && !reads_elsewhere(order)) {
    const PromptCount prompt = count_prompt(order.endpoint, order.model, order.body, *counter);
    if (is_text_alone(prompt)) teach(Side::input, prompt.tokens, lesson.input);
  }
  if (lesson.output != 0) teach(Side::output, count_json_string(*counter, order.output), lesson.output);
}

void TokenDesk::begin_thread() {
  if (thread_.joinable()) return;
  thread_ = std::thread([this] {
    pthread_setname_np(pthread_self(), "token-desk");
    run();
  });
}

bool TokenDesk::submit(TokenOrder order, Done done) {
  const std::size_t octets = order.body.size() + order.output.size();
  const std::lock_guard lock(mutex_);
  if (closing_ || queue_.size() >= kMostOrders || octets_ + octets > kMostOctets) return false;
  begin_thread();
  octets_ += octets;
  queue_.push_back({std::move(order), std::move(done)});
  work_.notify_one();
  return true;
}

void TokenDesk::submit(TokenLesson lesson) {
  const std::lock_guard lock(mutex_);
  if (closing_ || lessons_.size() >= kMostLessons) return;
  begin_thread();
  lessons_.push_back(std::move(lesson));
  work_.notify_one();
}

void TokenDesk::run() {
  TokenClerk clerk(ratios_);
  std::unique_lock lock(mutex_);
  while (true) {
    work_.wait(lock, [this] { return closing_ || !queue_.empty() || !lessons_.empty(); });
    if (closing_) return;
    if (queue_.empty()) {
      const TokenLesson lesson = std::move(lessons_.front());
      lessons_.pop_front();
      lock.unlock();
      try {
        clerk.learn(lesson);
      } catch (const std::bad_alloc&) {
        // Another one will teach the same.
      }
      lock.lock();
      continue;
    }
    const Waiting next = std::move(queue_.front());
    queue_.pop_front();
    octets_ -= next.order.body.size() + next.order.output.size();
    lock.unlock();
    TokenCounts counts;
    try {
      counts = clerk.count(next.order);
    } catch (const std::bad_alloc&) {
      counts = TokenCounts();  // then its octets bound it
    }
    try {
      next.done(counts);
    } catch (const std::bad_alloc&) {
      // Who waits does so no longer than it must.
    }
    lock.lock();
  }
}

void TokenDesk::close() {
  {
    const std::lock_guard lock(mutex_);
    closing_ = true;
    work_.notify_one();
  }
  if (thread_.joinable()) thread_.join();
}

}  // namespace farebox
