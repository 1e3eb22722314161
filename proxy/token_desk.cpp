#include "proxy/token_desk.hpp"

#include <pthread.h>

#include <array>
#include <utility>

#include "config/tokenizer.hpp"
#include "policy/tokens/json_text.hpp"
#include "policy/tokens/token_ratio.hpp"
#include "proxy/dialect/prompt_count.hpp"

namespace farebox {

struct TokenClerk::Impl {
  std::array<std::optional<TokenCounter>, kEncodings> counters;  // by encoding

  TokenCounter* counter_of(Encoding encoding) {
    std::optional<TokenCounter>& counter = counters[static_cast<std::size_t>(base_of(encoding))];
    if (!counter) counter = TokenCounter::make(base_of(encoding));
    return counter ? &*counter : nullptr;
  }
};

TokenClerk::TokenClerk() : impl_(std::make_unique<Impl>()) {}
TokenClerk::~TokenClerk() = default;

TokenCounts TokenClerk::count(const TokenOrder& order) {
  TokenCounts counts;
  const TokenizerOf* const tokenizer = tokenizer_of(order.model);
  if (tokenizer == nullptr) return counts;
  TokenCounter* const counter = impl_->counter_of(tokenizer->encoding);
  if (counter == nullptr) return counts;  // this build has no vocabularies
  const TokenRatio ratio(*tokenizer);
  const auto of_model = [&](std::uint64_t counted) {
    return tokenizer->exact ? counted : ratio.estimate(counted);
  };
  const PromptCount prompt = count_prompt(order.endpoint, order.model, order.body, *counter);
  // Where the provider reads what isn't in the body, a count of the body says too little.
  if (!prompt.at_least()) {
    counts.input = of_model(prompt.tokens);
    counts.input_rule = tokenizer->exact ? Estimate::input_counted : Estimate::input_ratio;
  }
  counts.output = of_model(count_json_string(*counter, order.output));
  counts.output_rule = tokenizer->exact ? Estimate::output_counted : Estimate::output_ratio;
  return counts;
}

bool TokenDesk::submit(TokenOrder order, Done done) {
  const std::size_t octets = order.body.size() + order.output.size();
  const std::lock_guard lock(mutex_);
  if (closing_ || queue_.size() >= kMostOrders || octets_ + octets > kMostOctets) return false;
  if (!thread_.joinable()) {
    thread_ = std::thread([this] {
      pthread_setname_np(pthread_self(), "token-desk");
      run();
    });
  }
  octets_ += octets;
  queue_.push_back({std::move(order), std::move(done)});
  work_.notify_one();
  return true;
}

void TokenDesk::run() {
  TokenClerk clerk;
  std::unique_lock lock(mutex_);
  while (true) {
    work_.wait(lock, [this] { return closing_ || !queue_.empty(); });
    if (closing_) return;
    const Waiting next = std::move(queue_.front());
    queue_.pop_front();
    octets_ -= next.order.body.size() + next.order.output.size();
    lock.unlock();
    next.done(clerk.count(next.order));
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
