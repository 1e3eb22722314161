// MetricFamilies: the families of one scrape, while they are put together. For the files that
// make up metrics.cpp only: it includes Prometheus.
#pragma once

#include <prometheus/metric_family.h>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace farebox {

struct AlertGauges;
struct AnswerCacheStats;
struct GovernorGauges;
struct MetricsSnapshot;
struct ProviderGauge;
struct UpstreamGauge;
class LabelValues;

using Labels = std::vector<std::pair<std::string, std::string>>;

inline constexpr std::size_t kMaxLabel = 128;  // octets

// One invalid octet in a label fails the whole scrape, so it is replaced here.
std::string clean_label(std::string_view value);

class Families {
 public:
  prometheus::MetricFamily& add(const char* name, const char* help, prometheus::MetricType type);
  void counter(const char* name, const char* help, double value, const Labels& labels = {});
  void gauge(const char* name, const char* help, double value, const Labels& labels = {});
  const std::vector<prometheus::MetricFamily>& all() const { return families_; }

 private:
  prometheus::MetricFamily& family_for(const char* name, const char* help,
                                       prometheus::MetricType type);
  std::vector<prometheus::MetricFamily> families_;
};

// Budgets and rate limits. Names beyond those that `budgets` and `limits` admit are "other".
void add_governor(Families& families, const GovernorGauges& gauges, LabelValues& budgets,
                  LabelValues& limits);

// Breakers, queues and limits of providers.
void add_providers(Families& families, const std::vector<ProviderGauge>& gauges);

// Connections to providers, and what their active checks found.
void add_upstreams(Families& families, const std::vector<UpstreamGauge>& upstreams);

// The cache's tiers.
void add_cache(Families& families, const AnswerCacheStats& stats);

// Alerts and what became of them. Kinds that never fired are zeroes.
void add_alerts(Families& families, const AlertGauges& gauges);

// What the program says of itself: its reloads and certificate, the process_* family.
void add_configuration(Families& families, const MetricsSnapshot& snapshot);
void add_process(Families& families);

}  // namespace farebox
