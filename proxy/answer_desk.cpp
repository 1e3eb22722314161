#include "proxy/answer_desk.hpp"

namespace farebox {

AnswerDesk::AnswerDesk(std::string directory, Logger& log, const Clock& clock)
    : directory_(std::move(directory)), log_(log), clock_(clock) {}

void AnswerDesk::adopt(const CacheSettings& settings) {
  const std::lock_guard lock(opening_);
  if (!settings.enabled) return;
  AnswerCacheOptions options;
  options.directory = directory_;
  options.memory = settings.memory;
  options.disk = settings.disk;
  options.compress_over = settings.compress_over;
  if (opened_) {
    opened_->adopt(options);
    return;
  }
  opened_ = open_answer_cache(options, log_, clock_);
  cache_.store(opened_.get(), std::memory_order_release);
}

bool AnswerDesk::begin_refresh(const AnswerKey& key) {
  const std::lock_guard lock(refreshing_mutex_);
  if (refreshing_.size() >= kMostRefreshes) return false;
  return refreshing_.insert(key).second;
}

void AnswerDesk::end_refresh(const AnswerKey& key) {
  const std::lock_guard lock(refreshing_mutex_);
  refreshing_.erase(key);
}

void AnswerDesk::note_saved(const Answer& answer) {
  constexpr Int128 kMost = std::int64_t{1} << 62;
  if (!answer.priced) return;
  const Int128 amount = answer.saved.picodollars();
  if (amount <= 0 || amount > kMost || saved_.load(std::memory_order_relaxed) > kMost) return;
  saved_.fetch_add(static_cast<std::int64_t>(amount), std::memory_order_relaxed);
}

void AnswerDesk::close() {
  const std::lock_guard lock(opening_);
  if (opened_) opened_->close();
}

}  // namespace farebox
