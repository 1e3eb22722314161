// AnswerDesk: what there is to answer a call without its provider: the cache, and the calls that
// run.
//
// Thread-safe. The cache is opened when a configuration first asks for one and stays until the end;
// whether a call may use it is for the configuration the call runs under to say.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <set>
#include <string>

#include "config/base/log.hpp"
#include "config/settings.hpp"
#include "proxy/batch_desk.hpp"
#include "proxy/cache_warmer.hpp"
#include "proxy/flight.hpp"
#include "proxy/repeated_requests.hpp"
#include "storage/answer_cache.hpp"

namespace farebox {

// How long answers took, for the mean of them. Any thread.
class LatencyMean {
 public:
  void add(std::chrono::nanoseconds took) {
    sum_.fetch_add(static_cast<std::uint64_t>(took.count()), std::memory_order_relaxed);
    count_.fetch_add(1, std::memory_order_relaxed);
  }
  std::uint64_t count() const { return count_.load(std::memory_order_relaxed); }
  // Microseconds; 0: there was none.
  std::uint64_t mean_us() const {
    const std::uint64_t all = count();
    return all == 0 ? 0 : sum_.load(std::memory_order_relaxed) / all / 1'000;
  }

 private:
  std::atomic<std::uint64_t> sum_{0}, count_{0};
};

class AnswerDesk {
 public:
  // `directory`: of the cache's database; empty: memory only.
  AnswerDesk(std::string directory, Logger& log, const Clock& clock);

  // Opens the cache, or takes its limits over. Waits for the disk.
  void adopt(const CacheSettings& settings);
  // Null: no configuration asked for one yet. Good until `close`.
  AnswerCache* cache() const { return cache_.load(std::memory_order_acquire); }
  Flights& flights() { return flights_; }
  BatchDesk& batches() { return batches_; }
  CacheWarmer& warmer() { return warmer_; }
  RepeatedRequests& repeated() { return repeated_; }

  // Marks that this answer is being made new; false: somebody does already, or too many are.
  bool begin_refresh(const AnswerKey& key);
  void end_refresh(const AnswerKey& key);

  // What it saved that this answer was given again. Picodollars beyond 2^63 aren't counted.
  void note_saved(const Answer& answer);
  Money saved() const { return Money::picodollars(saved_.load(std::memory_order_relaxed)); }

  void close();

  LatencyMean hits, misses;
  std::atomic<std::uint64_t> coalesced{0};

 private:
  const std::string directory_;
  Logger& log_;
  const Clock& clock_;
  static constexpr std::size_t kMostRefreshes = 64;

  Flights flights_;
  BatchDesk batches_;
  CacheWarmer warmer_;
  RepeatedRequests repeated_;
  std::atomic<std::int64_t> saved_{0};
  std::mutex refreshing_mutex_;
  std::set<AnswerKey> refreshing_;
  std::mutex opening_;
  std::unique_ptr<AnswerCache> opened_;
  std::atomic<AnswerCache*> cache_{nullptr};
};

}  // namespace farebox
