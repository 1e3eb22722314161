#include "storage/answer_fence.hpp"

namespace farebox {

void AnswerFence::publish(const AnswerMatch& what) {
  auto match = std::make_shared<const AnswerMatch>(what);
  const std::lock_guard lock(mutex_);
  terms_ += match->terms();
  latest_.push_back(std::move(match));
  // Where one alone is too much, nothing older than it passes.
  while (latest_.size() > kMost || (terms_ > kMostTerms && !latest_.empty())) {
    terms_ -= latest_.front()->terms();
    latest_.pop_front();
  }
  epoch_.fetch_add(1);
}

bool AnswerFence::passes(const AnswerKey& key, const Answer& answer, std::uint64_t& epoch) const {
  if (this->epoch() == epoch) return true;
  const std::lock_guard lock(mutex_);
  const std::uint64_t now = epoch_.load(std::memory_order_relaxed);
  if (epoch > now || now - epoch > latest_.size()) return false;
  for (auto at = latest_.end() - static_cast<std::ptrdiff_t>(now - epoch); at != latest_.end(); ++at) {
    if ((*at)->names(key, answer)) return false;
  }
  epoch = now;
  return true;
}

}  // namespace farebox
