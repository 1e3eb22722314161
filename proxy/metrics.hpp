// Metrics: every number farebox shows to Prometheus, by name (design, section 7).
//
// Each worker counts into a shard of its own behind a lock that only a scrape ever
// contends; money is counted in integers and becomes a decimal at the scrape. Label
// values are bounded: beyond `max_label_values` distinct ones they are "other".
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "config/base/clock.hpp"
#include "proxy/connect_reason.hpp"
#include "policy/retry_tally.hpp"
#include "storage/answer_cache.hpp"
#include "storage/ledger.hpp"

namespace farebox {

// When the steps of an exchange happened; zero where one didn't.
struct Timings {
  SteadyTime started{};
  SteadyTime sent_at{};
  SteadyTime first_octet{};
  SteadyTime last_octet{};
  SteadyTime finished{};
};

// A bounded set of label values, shared by all shards. Thread-safe.
class LabelValues {
 public:
  explicit LabelValues(std::size_t most) : most_(most) {}
  // True if `value` may stand in a label.
  bool admit(std::string_view value);

 private:
  const std::size_t most_;
  std::mutex mutex_;
  std::unordered_set<std::string> values_;
};

struct Histogram {
  explicit Histogram(const std::vector<double>& upper) : bounds(&upper), counts(upper.size() + 1) {}
  void observe(double seconds);

  const std::vector<double>* bounds;
  std::vector<std::uint64_t> counts;
  double sum = 0;
};

class MetricsShard {
 public:
  MetricsShard(LabelValues& models, LabelValues& projects);

  // A finished exchange.
  void count(const Record& record, const Timings& timings);
  // A call of somebody we know begins. `retry_count`: what its client says of how often it was
  // tried before (x-stainless-retry-count).
  void count_arrival(const Record& record, std::string_view retry_count);
  // An answer to what was no request, or from nobody we know.
  void count_malformed(int status);
  // A 401 of ours. `reason` is one of few words.
  void count_refused_key(std::string_view reason);
  // What was turned away for want of room. `reason` is one of few words.
  void count_shed(std::string_view reason);

  // A call of several that went out as one. `waited`: its first, for the others.
  void count_batch(std::size_t calls, std::chrono::nanoseconds waited);

  // One more try of the same call. `reason` is one of few words, such as name_of(Failure).
  void count_retry(std::string_view provider, std::string_view reason);

  // An exchange is running while this lives.
  class Running {
   public:
    explicit Running(std::atomic<std::int64_t>& running) : running_(running) {
      running_.fetch_add(1, std::memory_order_relaxed);
    }
    ~Running() { running_.fetch_sub(1, std::memory_order_relaxed); }
    Running(const Running&) = delete;
    Running& operator=(const Running&) = delete;

   private:
    std::atomic<std::int64_t>& running_;
  };
  Running running() { return Running(running_); }

 private:
  friend class Metrics;
  struct Tokens {
    std::array<std::uint64_t, 5> by_type{};
    Money cost;
  };
  struct TextHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const {
      return std::hash<std::string_view>()(text);
    }
  };
  template <class Value>
  using Series = std::unordered_map<std::string, Value, TextHash, std::equal_to<>>;

  std::string_view label(LabelValues& shared, Series<bool>& known, std::string_view value);

  LabelValues& models_;
  LabelValues& projects_;
  mutable std::mutex mutex_;
  Series<bool> known_models_, known_projects_;
  // The key is the label values joined by 0x1F, in the order of the name.
  Series<std::uint64_t> requests_;   // provider, model, endpoint, code, outcome
  Series<Tokens> tokens_;            // provider, model, project
  Series<std::uint64_t> unpriced_;   // model
  Series<std::uint64_t> retries_;    // provider, reason
  Series<std::uint64_t> malformed_;  // code
  Series<std::uint64_t> refused_keys_;  // reason
  Series<std::uint64_t> shed_;          // reason
  Series<std::uint64_t> client_retries_;  // provider
  Series<std::uint64_t> cache_;  // result
  std::uint64_t batch_saved_ = 0;  // calls that went with another
  RetryTally tally_;  // since somebody took it
  Histogram duration_, overhead_, first_token_, batch_size_, batch_wait_;
  std::atomic<std::int64_t> running_{0};
  std::string key_;
};

// What a scrape asks of the rest of the program.
struct UpstreamGauge {
  std::string provider;
  std::uint64_t idle = 0, busy = 0, dialling = 0, waiting = 0;
  Connects connects{};
  std::uint64_t failed_connects = 0, failed_at_proxy = 0;
  std::optional<bool> healthy = {};  // where there are active checks, and one has ended

  std::uint64_t all_connects() const {
    std::uint64_t sum = 0;
    for (const std::uint64_t each : connects) sum += each;
    return sum;
  }
  UpstreamGauge& operator+=(const UpstreamGauge& other) {
    idle += other.idle;
    busy += other.busy;
    dialling += other.dialling;
    waiting += other.waiting;
    for (std::size_t i = 0; i < connects.size(); ++i) connects[i] += other.connects[i];
    if (other.healthy) healthy = other.healthy;
    failed_connects += other.failed_connects;
    failed_at_proxy += other.failed_at_proxy;
    return *this;
  }
};
// A provider's state, over all workers.
struct ProviderGauge {
  std::string provider;
  int breaker = 0;  // 0 closed, 1 half-open, 2 open
  std::uint64_t queued = 0, running = 0, limit = 0;  // calls
};
// Adds what each of `more` says to that of the same provider.
void add_up(std::vector<UpstreamGauge>& sums, const std::vector<UpstreamGauge>& more);
struct ReloadStatus {
  std::uint64_t applied = 0, refused = 0;  // since the start
  bool last_successful = true;             // the start itself counts
  WallTime last_success{};
};
// A budget, its counters added up; by its name.
struct BudgetGauge {
  Money limit, spent, held, remaining;

  BudgetGauge& operator+=(const BudgetGauge& other) {
    limit += other.limit;
    spent += other.spent;
    held += other.held;
    remaining += other.remaining;
    return *this;
  }
};
struct GovernorGauges {
  std::map<std::string, BudgetGauge> budgets;
  std::map<std::string, std::uint64_t> budget_refusals, limit_refusals;
};
// Alerts since the start, and those that are there.
struct AlertGauges {
  std::map<std::string, std::uint64_t> fired;                           // by kind
  std::map<std::pair<std::string, std::string>, std::uint64_t> sends;   // by channel and result
  std::uint64_t queued = 0;
  std::uint64_t active = 0;
};
struct MetricsSnapshot {
  LedgerStatus ledger;
  ReloadStatus reloads;
  std::optional<WallTime> certificate_not_after;  // of the data port, where it speaks HTTPS
  std::uint64_t log_lines_dropped = 0;
  std::uint64_t client_connections = 0;
  std::uint64_t buffered_octets = 0;
  std::vector<UpstreamGauge> upstreams;
  std::vector<ProviderGauge> providers;
  GovernorGauges governor;
  AlertGauges alerts;
  std::optional<AnswerCacheStats> cache;  // nothing: there is none
};

class Metrics {
 public:
  explicit Metrics(std::size_t max_label_values);
  ~Metrics();

  // One for each worker, made before the workers run.
  MetricsShard& add_shard();

  // Calls and those that clients repeat, since the last time somebody took them.
  RetryTally take_retries();

  enum class Format : std::uint8_t { prometheus, openmetrics };
  // Models of metered requests without a price, as far as labels name them.
  std::vector<std::string> unpriced_models() const;

  std::string scrape(const MetricsSnapshot& snapshot, Format format) const;

 private:
  LabelValues models_;
  LabelValues projects_;
  mutable LabelValues budgets_, limits_;  // what scrapes have shown
  std::vector<std::unique_ptr<MetricsShard>> shards_;
};

}  // namespace farebox
