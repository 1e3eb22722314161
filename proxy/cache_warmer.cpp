#include "proxy/cache_warmer.hpp"

#include <chrono>
#include <string_view>

namespace farebox {

bool CacheWarmer::start(std::vector<std::string> requests, Pace pace) {
  const std::unique_lock lock(mutex_);
  if (progress_.running || stopping_) return false;
  if (thread_.joinable()) thread_.join();  // it has ended
  progress_ = Progress();
  progress_.running = true;
  progress_.total = requests.size();
  requests_ = std::move(requests);
  pace_ = pace;
  thread_ = std::thread([this] { work(); });
  return true;
}

CacheWarmer::Progress CacheWarmer::progress() const {
  const std::lock_guard lock(mutex_);
  return progress_;
}

void CacheWarmer::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void CacheWarmer::work() {
  const auto between = std::chrono::nanoseconds(std::chrono::seconds(1)) / pace_.per_second;
  auto next = std::chrono::steady_clock::now();
  std::unique_lock lock(mutex_);
  for (std::string& request : requests_) {
    // Not faster than asked for, and not more at once.
    changed_.wait_until(lock, next, [this] { return stopping_; });
    changed_.wait(lock, [this] { return stopping_ || running_ < pace_.concurrency; });
    if (stopping_) break;
    next = std::chrono::steady_clock::now() + between;
    ++running_;
    lock.unlock();
    run_(std::move(request), [this](ErrandResult result) { note(result); });
    lock.lock();
  }
  changed_.wait(lock, [this] { return stopping_ || running_ == 0; });
  requests_.clear();
  progress_.running = false;
}

void CacheWarmer::note(const ErrandResult& result) {
  const std::lock_guard lock(mutex_);
  --running_;
  ++progress_.done;
  const std::string_view answer = result.answer;
  const std::string_view head = answer.substr(0, answer.find("\r\n\r\n"));
  if (head.find("\r\nx-farebox-cache: hit") != std::string_view::npos) ++progress_.hits;
  if (!result.whole || result.status >= 400) {
    ++progress_.failed;
    progress_.last_failure = result.status;
  }
  changed_.notify_all();
}

}  // namespace farebox
