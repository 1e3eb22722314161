// AlertDesk: tells operators what they should know of, once, and keeps telling a channel until
// it answers.
//
// A thread of its own looks at what the governor, the ledger and the metrics have noted; what
// fires becomes a log line, a metric and a document of the store with a delivery for each
// channel, before the first of them is tried by another thread; there are as many of those as
// channels, up to `kMostPosters`, so that one that doesn't answer delays no other. A channel that
// was told of an alert is told, once, when what it told of is over. Documents outlive a crash: an
// alert is delivered at least once, with the same id on each attempt, and doesn't fire again
// after a restart. While the store can't write, alerts are delivered from memory.
//
// It keeps `kMostAlerts`; beyond that those that are over go first, then the oldest. What is
// gone from it may fire again after a restart. Thread-safe. No call waits for the network but
// `test`; those that write to disk say so.
#pragma once

#include <atomic>
#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "policy/alert_text.hpp"
#include "proxy/alert_document.hpp"
#include "proxy/budget_shelf.hpp"
#include "proxy/metrics.hpp"

namespace farebox {

struct SpendAnomaly;

class AlertDesk {
 public:
  static constexpr std::size_t kMostAlerts = 2'000;
  static constexpr std::size_t kMostPosters = 16;  // as many as there may be channels

  AlertDesk(DocumentStore& documents, Governor& governor, const BudgetShelf& budgets,
            const Ledger& ledger, const Metrics& metrics, const Clock& clock, Logger& log);
  ~AlertDesk();  // stops
  AlertDesk(const AlertDesk&) = delete;
  AlertDesk& operator=(const AlertDesk&) = delete;

  // Reads what was kept. Errors: of the documents.
  Result<void> open();
  // These are the channels from now on. Deliveries to one that is gone are dropped. Writes to
  // disk.
  void adopt(const AlertSettings& settings);
  // Begins to look and to deliver.
  void start();
  // Ends its threads; a delivery that is under way is given up, and repeated at the next start.
  void stop();

  // What the threads do again and again. For tests, which don't `start` it.
  // Looks whether something has happened. Writes to disk.
  void look();
  // Tries one delivery that is due; false: none is. Waits for the network.
  bool deliver();

  // The newest first.
  std::vector<StoredAlert> list() const;
  // The alert as it is now; nothing: there is none with this id. Writes to disk.
  std::optional<StoredAlert> acknowledge(std::string_view id, Acknowledgement seen);

  struct ChannelState {
    AlertChannel channel;  // without its secrets
    std::size_t waiting = 0;
    std::optional<WallTime> delivered;  // when it last answered, since the start
    std::string error;                  // of the last attempt, if that failed
  };
  std::vector<ChannelState> channels() const;

  struct TestResult {
    std::string channel;
    bool delivered = false;
    std::string error;
    std::chrono::milliseconds took{0};
  };
  // Sends a test to this channel, or to all; waits for their answers, some ten seconds at most.
  std::vector<TestResult> test(std::string_view channel) const;

  // A provider is left alone, or isn't any more. For a worker: cheap, and waits for nobody's disk.
  void note_breaker(std::string_view provider, bool open);
  // What is foreseen of a budget; for whoever computes it, beside the workers.
  void note_forecast(const BudgetSight& sight, const BudgetForecast& forecast);
  // Told as it is; whoever found it knows that it is told once. For the same.
  void note_anomaly(const SpendAnomaly& anomaly);

  AlertGauges gauges() const;

 private:
  using Changes = AlertBook::Changes;
  struct Told {  // by a change that fires
    std::optional<BudgetSight> sight;
    std::optional<BudgetForecast> forecast;
    std::string detail;
    std::optional<AlertWords> words = std::nullopt;  // made already
  };

  // The first thread: alert_watch.cpp.
  void watch();
  void look_at_budgets(std::vector<BudgetSight> sights, bool all);
  void observe(const BudgetSight& sight);
  std::vector<BudgetSight> every_budget();
  void note(const Changes& changes, const Told& told);
  void fire(const AlertBook::Change& change, const Told& told);
  void end(const AlertBook::Change& change);
  AlertWords words_of(const AlertBook::Change& change, const Told& told, StoredAlert& alert) const;
  std::optional<SpendRate> rate_of(const BudgetSight& sight, WallTime now) const;

  // The other threads: alert_post.cpp.
  void post();
  void add_posters();
  void settle_attempt(AlertDelivery delivery, AlertQueue::Result result, std::string why);
  void count_send(const std::string& channel, const char* result);

  void save(const std::string& id);
  void save_unsaved();
  void prune();
  void queue_sends(StoredAlert& alert);
  std::vector<AlertDelivery> owe_resolved(StoredAlert& alert, WallTime now) const;
  void add_to_queue(const std::vector<AlertDelivery>& deliveries);
  void mark(const AlertDelivery& delivery, AlertSend::State state, std::string why);
  std::string make_id(WallTime now);

  DocumentStore& documents_;
  Governor& governor_;
  const BudgetShelf& budgets_;
  const Ledger& ledger_;
  const Metrics& metrics_;
  const Clock& clock_;
  Logger& log_;

  std::mutex storing_;  // one writer at a time, each with the newest state; taken before mutex_
  mutable std::mutex mutex_;  // of everything down to the next line; held for a moment
  std::condition_variable changed_;
  AlertBook book_;
  std::map<std::string, StoredAlert> alerts_;  // ids begin with the time
  AlertQueue queue_;
  std::vector<AlertChannel> channels_;
  std::map<std::string, std::optional<WallTime>> delivered_at_;
  std::map<std::string, std::string> channel_errors_;
  std::map<std::string, bool> breakers_;  // noted, not yet looked at
  std::set<std::string> unsaved_;
  std::uint64_t last_id_ = 0;
  AlertGauges counts_;
  bool stopping_ = false;

  std::atomic<bool> stop_sending_{false};
  // Of the first thread alone.
  WallTime look_again_ = WallTime::max();
  SteadyTime slow_look_{};

  bool started_ = false;  // under mutex_
  std::thread watcher_;
  std::vector<std::thread> posters_;  // grows under mutex_, until it stops
};

}  // namespace farebox
