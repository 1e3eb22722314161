// CacheWarmer: asks for a list of answers before anybody waits for them.
//
// Each request goes the way of any other, with the key that it carries: its budgets and limits
// hold, and its record says so. One list at a time, at a bounded rate. Thread-safe.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "config/base/clock.hpp"
#include "proxy/errand.hpp"

namespace farebox {

class CacheWarmer {
 public:
  static constexpr std::size_t kMostRequests = 10'000;

  // Runs one request; calls back once, from any thread.
  using Run = std::function<void(std::string request, std::function<void(ErrandResult)> done)>;
  // Before anything is started.
  void use(Run run) { run_ = std::move(run); }
  ~CacheWarmer() { stop(); }

  struct Pace {
    std::uint32_t per_second = 10;
    std::uint32_t concurrency = 4;
  };
  // False: one is running.
  bool start(std::vector<std::string> requests, Pace pace);

  struct Progress {
    bool running = false;
    std::uint64_t total = 0, done = 0, hits = 0, failed = 0;
    int last_failure = 0;  // status; 0: none, or no answer came
  };
  Progress progress() const;

  // Begins nothing more; what runs ends by itself.
  void stop();

 private:
  void work();
  void note(const ErrandResult& result);

  Run run_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::string> requests_;
  Pace pace_;
  Progress progress_;
  std::uint32_t running_ = 0;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace farebox
