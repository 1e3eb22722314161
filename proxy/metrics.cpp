#include "proxy/metrics.hpp"

#include <fmt/format.h>
#include <prometheus/text_serializer.h>

#include <algorithm>
#include <map>
#include <sstream>

#include "proxy/metric_families.hpp"
#include "proxy/version.hpp"

namespace farebox {
namespace {

constexpr char kSeparator = '\x1f';
constexpr std::size_t kMaxSeries = 2'000;  // of one family in one shard

// Durations: 0.01 doubling to 81.92 s; overhead: 25 us to 50 ms (conventions, 8).
const std::vector<double> kDurationBounds = [] {
  std::vector<double> bounds;
  for (double bound = 0.01; bound < 82; bound *= 2) bounds.push_back(bound);
  return bounds;
}();
const std::vector<double> kOverheadBounds = {0.000025, 0.00005, 0.0001, 0.00025, 0.0005, 0.001,
                                             0.0025,   0.005,   0.01,   0.025,   0.05};

const std::vector<double> kBatchBounds = {1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048};
const std::vector<double> kBatchWaits = {0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 1};

constexpr const char* kTokenTypes[] = {"input", "cached_input", "cache_write", "output",
                                       "reasoning"};

double seconds_between(SteadyTime from, SteadyTime to) {
  return std::chrono::duration<double>(to - from).count();
}

std::vector<std::string> split(std::string_view key) {
  std::vector<std::string> parts;
  while (true) {
    const std::size_t end = key.find(kSeparator);
    parts.emplace_back(key.substr(0, end));
    if (end == std::string_view::npos) return parts;
    key.remove_prefix(end + 1);
  }
}

Labels labels_of(const std::vector<std::string>& names, std::string_view key) {
  const std::vector<std::string> values = split(key);
  Labels labels;
  for (std::size_t i = 0; i < names.size() && i < values.size(); ++i) {
    labels.emplace_back(names[i], values[i]);
  }
  return labels;
}

void add_histogram(Families& families, const char* name, const char* help,
                   const std::vector<const Histogram*>& shards,
                   const std::vector<double>& bounds) {
  auto& family = families.add(name, help, prometheus::MetricType::Histogram);
  prometheus::ClientMetric metric;
  std::uint64_t seen = 0;
  for (std::size_t i = 0; i <= bounds.size(); ++i) {
    for (const Histogram* shard : shards) seen += shard->counts[i];
    prometheus::ClientMetric::Bucket bucket;
    bucket.cumulative_count = seen;
    bucket.upper_bound = i < bounds.size() ? bounds[i] : std::numeric_limits<double>::infinity();
    metric.histogram.bucket.push_back(bucket);
  }
  metric.histogram.sample_count = seen;
  for (const Histogram* shard : shards) metric.histogram.sample_sum += shard->sum;
  family.metric.push_back(std::move(metric));
}

}  // namespace

bool LabelValues::admit(std::string_view value) {
  const std::lock_guard lock(mutex_);
  if (values_.contains(std::string(value))) return true;
  if (values_.size() >= most_) return false;
  values_.emplace(value);
  return true;
}

void Histogram::observe(double seconds) {
  const auto bucket = std::lower_bound(bounds->begin(), bounds->end(), seconds);
  ++counts[static_cast<std::size_t>(bucket - bounds->begin())];
  sum += seconds;
}

MetricsShard::MetricsShard(LabelValues& models, LabelValues& projects)
    : models_(models),
      projects_(projects),
      duration_(kDurationBounds),
      overhead_(kOverheadBounds),
      first_token_(kDurationBounds),
      batch_size_(kBatchBounds),
      batch_wait_(kBatchWaits) {}

std::string_view MetricsShard::label(LabelValues& shared, Series<bool>& known,
                                     std::string_view value) {
  value = value.substr(0, kMaxLabel);
  const auto found = known.find(value);
  if (found != known.end()) return found->first;
  // Clean before it is a key: two spellings of one label are one series.
  const std::string clean = clean_label(value);
  if (clean != value) return label(shared, known, clean);
  if (!shared.admit(value)) return "other";
  return known.emplace(std::string(value), true).first->first;
}

void MetricsShard::count(const Record& record, const Timings& timings) {
  const std::lock_guard lock(mutex_);
  // A caller can ask for any model; only one that answered or has a price gets a
  // series of its own.
  const std::string_view model =
      record.model.empty() || record.model_known ? label(models_, known_models_, record.model) : "other";
  const std::string_view project = label(projects_, known_projects_, record.project);

  char code[8];
  const auto code_end = fmt::format_to(code, "{}", record.status);
  const auto join = [this](std::initializer_list<std::string_view> parts) -> std::string_view {
    key_.clear();
    for (const std::string_view part : parts) {
      key_ += part;
      key_ += kSeparator;
    }
    key_.pop_back();
    return key_;
  };
  const auto bump = [](Series<std::uint64_t>& series, std::string_view key, std::uint64_t by = 1) {
    const auto found = series.find(key);
    if (found != series.end()) {
      found->second += by;
    } else {
      series.emplace(std::string(key), by);
    }
  };
  // Each label is bounded; so is their product: what would be one series too many is
  // counted under "other".
  const std::string_view code_text(code, static_cast<std::size_t>(code_end - code));
  const auto request_key = [&](std::string_view name) {
    return join({record.provider, name, record.endpoint, code_text, name_of(record.outcome)});
  };
  std::string_view key = request_key(model);
  if (requests_.size() >= kMaxSeries && !requests_.contains(key)) key = request_key("other");
  bump(requests_, key);
  if (record.usage.source != UsageSource::none) {
    key = join({record.provider, model, project});
    auto found = tokens_.find(key);
    if (found == tokens_.end() && tokens_.size() >= kMaxSeries) {
      key = join({record.provider, "other", "other"});
      found = tokens_.find(key);
    }
    if (found == tokens_.end()) found = tokens_.emplace(std::string(key), Tokens{}).first;
    Tokens& tokens = found->second;
    tokens.by_type[0] += record.usage.input;
    tokens.by_type[1] += record.usage.cached_input;
    tokens.by_type[2] += record.usage.cache_write;
    tokens.by_type[3] += record.usage.output;
    tokens.by_type[4] += record.usage.reasoning;
    if (record.priced) tokens.cost += record.cost;
  }
  if (record.metered && !record.priced) bump(unpriced_, model);
  if (!record.cache.empty()) bump(cache_, record.cache);

  duration_.observe(seconds_between(timings.started, timings.finished));
  if (timings.sent_at != SteadyTime{} && timings.last_octet != SteadyTime{}) {
    overhead_.observe(seconds_between(timings.started, timings.sent_at) +
                      seconds_between(timings.last_octet, timings.finished));
  }
  if (timings.first_octet != SteadyTime{} && record.status < 400) {
    first_token_.observe(seconds_between(timings.started, timings.first_octet));
  }
}

void MetricsShard::count_retry(std::string_view provider, std::string_view reason) {
  const std::lock_guard lock(mutex_);
  ++retries_[fmt::format("{}{}{}", provider, kSeparator, reason)];
}

void MetricsShard::count_arrival(const Record& record, std::string_view retry_count) {
  const bool repeats = retry_count.find_first_of("123456789") != std::string_view::npos;
  const std::lock_guard lock(mutex_);
  tally_.count({record.project, record.key_name, record.model}, repeats);
  if (!repeats) return;
  const auto found = client_retries_.find(record.provider);
  if (found != client_retries_.end()) ++found->second;
  else client_retries_.emplace(record.provider, 1);
}

void MetricsShard::count_batch(std::size_t calls, std::chrono::nanoseconds waited) {
  const std::lock_guard lock(mutex_);
  batch_size_.observe(static_cast<double>(calls));
  batch_wait_.observe(std::chrono::duration<double>(waited).count());
  batch_saved_ += calls - 1;
}

void MetricsShard::count_malformed(int status) {
  const std::lock_guard lock(mutex_);
  ++malformed_[fmt::format("{}", status)];
}

void MetricsShard::count_refused_key(std::string_view reason) {
  const std::lock_guard lock(mutex_);
  ++refused_keys_[std::string(reason)];
}

void MetricsShard::count_shed(std::string_view reason) {
  const std::lock_guard lock(mutex_);
  ++shed_[std::string(reason)];
}

Metrics::Metrics(std::size_t max_label_values)
    : models_(max_label_values),
      projects_(max_label_values),
      budgets_(max_label_values),
      limits_(max_label_values) {}

Metrics::~Metrics() = default;

MetricsShard& Metrics::add_shard() {
  shards_.push_back(std::make_unique<MetricsShard>(models_, projects_));
  return *shards_.back();
}

RetryTally Metrics::take_retries() {
  RetryTally sum;
  for (const auto& shard : shards_) {
    const std::lock_guard lock(shard->mutex_);
    shard->tally_.move_into(sum);
  }
  return sum;
}

std::vector<std::string> Metrics::unpriced_models() const {
  std::vector<std::string> models;
  for (const auto& shard : shards_) {
    const std::lock_guard lock(shard->mutex_);
    for (const auto& [model, count] : shard->unpriced_) {
      if (model != "other") models.push_back(model);
    }
  }
  return models;
}

std::string Metrics::scrape(const MetricsSnapshot& snapshot, Format format) const {
  std::map<std::string, std::uint64_t> requests, unpriced, retries, malformed, refused_keys, shed,
      client_retries, cache;
  std::uint64_t batch_saved = 0;
  std::map<std::string, MetricsShard::Tokens> tokens;
  std::int64_t running = 0;
  Histogram duration(kDurationBounds), overhead(kOverheadBounds), first_token(kDurationBounds),
      batch_size(kBatchBounds), batch_wait(kBatchWaits);
  const auto merge = [](Histogram& into, const Histogram& from) {
    for (std::size_t i = 0; i < into.counts.size(); ++i) into.counts[i] += from.counts[i];
    into.sum += from.sum;
  };
  for (const auto& shard : shards_) {
    const std::lock_guard lock(shard->mutex_);
    for (const auto& [key, value] : shard->requests_) requests[key] += value;
    for (const auto& [key, value] : shard->unpriced_) unpriced[key] += value;
    for (const auto& [key, value] : shard->retries_) retries[key] += value;
    for (const auto& [key, value] : shard->malformed_) malformed[key] += value;
    for (const auto& [key, value] : shard->refused_keys_) refused_keys[key] += value;
    for (const auto& [key, value] : shard->shed_) shed[key] += value;
    for (const auto& [key, value] : shard->client_retries_) client_retries[key] += value;
    for (const auto& [key, value] : shard->cache_) cache[key] += value;
    batch_saved += shard->batch_saved_;
    for (const auto& [key, value] : shard->tokens_) {
      auto& sum = tokens[key];
      for (std::size_t i = 0; i < value.by_type.size(); ++i) sum.by_type[i] += value.by_type[i];
      sum.cost += value.cost;
    }
    running += shard->running_.load(std::memory_order_relaxed);
    merge(duration, shard->duration_);
    merge(overhead, shard->overhead_);
    merge(first_token, shard->first_token_);
    merge(batch_size, shard->batch_size_);
    merge(batch_wait, shard->batch_wait_);
  }

  Families families;
  for (const auto& [key, value] : requests) {
    families.counter("farebox_requests_total", "Requests by what became of them.",
                     static_cast<double>(value),
                     labels_of({"provider", "model", "endpoint", "code", "outcome"}, key));
  }
  for (const auto& [key, value] : malformed) {
    families.counter("farebox_malformed_requests_total",
                     "Answers to what was no valid request, or from nobody we know.",
                     static_cast<double>(value), labels_of({"code"}, key));
  }
  for (const auto& [key, value] : refused_keys) {
    families.counter("farebox_auth_failures_total",
                     "Requests refused for their virtual key, or for having none.",
                     static_cast<double>(value), labels_of({"reason"}, key));
  }
  for (const auto& [key, value] : shed) {
    families.counter("farebox_shed_total", "Connections and calls turned away for want of room.",
                     static_cast<double>(value), labels_of({"reason"}, key));
  }
  for (const auto& [key, value] : tokens) {
    for (std::size_t i = 0; i < value.by_type.size(); ++i) {
      Labels labels = labels_of({"provider", "model", "project"}, key);
      labels.emplace_back("type", kTokenTypes[i]);
      families.counter("farebox_tokens_total", "Tokens by class; cached, write and reasoning are parts.",
                       static_cast<double>(value.by_type[i]), labels);
    }
  }
  for (const auto& [key, value] : tokens) {
    families.counter("farebox_cost_usd_total", "Cost of what could be priced, in US dollars.",
                     std::stod(value.cost.decimal()),
                     labels_of({"provider", "model", "project"}, key));
  }
  for (const auto& [key, value] : unpriced) {
    families.counter("farebox_unpriced_requests_total", "Metered requests without a price.",
                     static_cast<double>(value), labels_of({"model"}, key));
  }
  for (const auto& [key, value] : retries) {
    families.counter("farebox_retries_total", "Attempts beyond a request's first.",
                     static_cast<double>(value), labels_of({"provider", "reason"}, key));
  }
  for (const auto& [provider, value] : client_retries) {
    families.counter("farebox_client_retries_total",
                     "Calls that repeat one that failed, as clients say it.",
                     static_cast<double>(value), {{"provider", provider}});
  }
  add_histogram(families, "farebox_request_duration_seconds", "From the head of a request to the end of its answer.", {&duration}, kDurationBounds);
  add_histogram(families, "farebox_overhead_seconds", "What farebox itself added to a request.", {&overhead}, kOverheadBounds);
  add_histogram(families, "farebox_time_to_first_token_seconds", "From the head of a request to the first octet of its answer.", {&first_token}, kDurationBounds);
  add_histogram(families, "farebox_batch_size", "Calls that went to a provider as one.", {&batch_size}, kBatchBounds);
  add_histogram(families, "farebox_batch_wait_seconds", "How long the first call of a batch waited for others.", {&batch_wait}, kBatchWaits);
  families.counter("farebox_batch_saved_calls_total", "Calls that went to a provider with another.", static_cast<double>(batch_saved));
  for (const auto& [result, value] : cache) {
    families.counter("farebox_cache_requests_total", "Calls that a cache was asked about, by what came of it.", static_cast<double>(value), {{"result", result}});
  }
  if (snapshot.cache) add_cache(families, *snapshot.cache);
  families.gauge("farebox_streams_active", "Exchanges that are running.", static_cast<double>(running));
  families.gauge("farebox_client_connections", "Open connections of clients.", static_cast<double>(snapshot.client_connections));
  families.gauge("farebox_buffered_request_bytes", "Request bodies held in memory.", static_cast<double>(snapshot.buffered_octets));
  add_upstreams(families, snapshot.upstreams);
  add_providers(families, snapshot.providers);
  families.counter("farebox_ledger_records_total", "Records written to the ledger.", static_cast<double>(snapshot.ledger.appended));
  families.counter("farebox_ledger_dropped_total", "Records that could not be written.", static_cast<double>(snapshot.ledger.dropped));
  families.counter("farebox_ledger_failures_total", "Times the store failed and was opened again.", static_cast<double>(snapshot.ledger.failures));
  families.gauge("farebox_ledger_writable", "1 while holds can be taken.", snapshot.ledger.writable ? 1 : 0);
  families.gauge("farebox_ledger_queued", "Settlements that wait for the store.", static_cast<double>(snapshot.ledger.queued));
  families.gauge("farebox_ledger_open_holds", "Calls in flight, as the ledger knows them.", static_cast<double>(snapshot.ledger.open_holds));
  families.gauge("farebox_ledger_bytes", "Octets of the ledger on disk.", static_cast<double>(snapshot.ledger.octets));
  families.counter("farebox_log_lines_dropped_total", "Log lines dropped because standard error was too slow.", static_cast<double>(snapshot.log_lines_dropped));
  add_governor(families, snapshot.governor, budgets_, limits_);
  add_alerts(families, snapshot.alerts);
  add_configuration(families, snapshot);
  families.gauge("farebox_build_info", "The program's version.", 1, {{"version", kVersion}, {"revision", kRevision}});
  add_process(families);

  std::string text = prometheus::TextSerializer().Serialize(families.all());
  if (format == Format::openmetrics) {
    // OpenMetrics names a counter's family without its _total.
    std::string out;
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) {
      const std::size_t suffix = line.find("_total ");
      if (line.starts_with("# ") && suffix != std::string::npos) line.erase(suffix, 6);
      out += line + "\n";
    }
    text = out + "# EOF\n";
  }
  return text;
}

}  // namespace farebox
