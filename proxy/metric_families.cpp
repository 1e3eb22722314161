#include "proxy/metric_families.hpp"

#include <dirent.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <sstream>

#include "config/base/json_writer.hpp"
#include "policy/alert.hpp"
#include "proxy/metrics.hpp"

namespace farebox {
namespace {

prometheus::ClientMetric metric_with(const Labels& labels) {
  prometheus::ClientMetric metric;
  for (const auto& [name, value] : labels) metric.label.push_back({name, clean_label(value)});
  return metric;
}

// By label; names that share one are added up, or a series would be there twice.
template <class Value>
std::map<std::string, Value> by_label(const std::map<std::string, Value>& named,
                                      LabelValues& admitted) {
  std::map<std::string, Value> labelled;
  for (const auto& [name, value] : named) {
    std::string label = clean_label(name);
    if (!admitted.admit(label)) label = "other";
    labelled[label] += value;
  }
  return labelled;
}

// The only place where money of a budget becomes a float.
double usd_of(Money amount) { return std::stod(amount.decimal()); }

double seconds_of(WallTime time) {
  return std::chrono::duration<double>(time.time_since_epoch()).count();
}

}  // namespace

std::string clean_label(std::string_view value) {
  value = value.substr(0, kMaxLabel);
  std::string quoted;
  append_json_string(quoted, value);
  if (quoted.size() == value.size() + 2) return std::string(value);
  std::string clean;  // without anything clean_label would change again
  for (const char c : value) clean += c >= 0x20 && c < 0x7F && c != '"' && c != '\\' ? c : '_';
  return clean;
}

prometheus::MetricFamily& Families::add(const char* name, const char* help,
                                        prometheus::MetricType type) {
  prometheus::MetricFamily family;
  family.name = name;
  family.help = help;
  family.type = type;
  families_.push_back(std::move(family));
  return families_.back();
}

void Families::counter(const char* name, const char* help, double value, const Labels& labels) {
  auto metric = metric_with(labels);
  metric.counter.value = value;
  family_for(name, help, prometheus::MetricType::Counter).metric.push_back(std::move(metric));
}

void Families::gauge(const char* name, const char* help, double value, const Labels& labels) {
  auto metric = metric_with(labels);
  metric.gauge.value = value;
  family_for(name, help, prometheus::MetricType::Gauge).metric.push_back(std::move(metric));
}

prometheus::MetricFamily& Families::family_for(const char* name, const char* help,
                                               prometheus::MetricType type) {
  for (auto& family : families_) {
    if (family.name == name) return family;
  }
  return add(name, help, type);
}

void add_providers(Families& families, const std::vector<ProviderGauge>& gauges) {
  const auto each = [&](const char* name, const char* help, auto value_of) {
    for (const ProviderGauge& gauge : gauges) {
      families.gauge(name, help, static_cast<double>(value_of(gauge)),
                     {{"provider", gauge.provider}});
    }
  };
  each("farebox_circuit_breaker_state", "0 closed, 1 half-open, 2 open.",
       [](const ProviderGauge& gauge) { return gauge.breaker; });
  each("farebox_queue_depth", "Calls that wait for their turn at a provider.",
       [](const ProviderGauge& gauge) { return gauge.queued; });
  each("farebox_calls_running", "Calls that a provider works on.",
       [](const ProviderGauge& gauge) { return gauge.running; });
  each("farebox_concurrency_limit", "Calls that a provider may get at once now.",
       [](const ProviderGauge& gauge) { return gauge.limit; });
}

void add_governor(Families& families, const GovernorGauges& gauges, LabelValues& budgets,
                  LabelValues& limits) {
  const auto labelled = by_label(gauges.budgets, budgets);
  const auto add = [&](const char* name, const char* help, Money BudgetGauge::*amount) {
    for (const auto& [label, gauge] : labelled) {
      families.gauge(name, help, usd_of(gauge.*amount), {{"budget", label}});
    }
  };
  add("farebox_budget_limit_usd", "What may be spent in the window that runs.", &BudgetGauge::limit);
  add("farebox_budget_spent_usd", "What is spent in the window that runs.", &BudgetGauge::spent);
  add("farebox_budget_held_usd", "What calls in flight may still cost.", &BudgetGauge::held);
  add("farebox_budget_remaining_usd", "What is neither spent nor held.", &BudgetGauge::remaining);
  for (const auto& [label, count] : by_label(gauges.budget_refusals, budgets)) {
    families.counter("farebox_budget_refusals_total", "Calls refused by a budget.",
                     static_cast<double>(count), {{"budget", label}});
  }
  for (const auto& [label, count] : by_label(gauges.limit_refusals, limits)) {
    families.counter("farebox_rate_limited_total", "Calls refused by a rate limit.",
                     static_cast<double>(count), {{"limit", label}});
  }
}

void add_upstreams(Families& families, const std::vector<UpstreamGauge>& upstreams) {
  for (const UpstreamGauge& upstream : upstreams) {
    const auto state = [&](const char* name, std::uint64_t value) {
      families.gauge("farebox_upstream_connections", "Connections to providers.",
                     static_cast<double>(value), {{"provider", upstream.provider}, {"state", name}});
    };
    state("idle", upstream.idle);
    state("busy", upstream.busy);
    state("connecting", upstream.dialling);
    families.gauge("farebox_upstream_waiting", "Calls that wait for a connection.",
                   static_cast<double>(upstream.waiting), {{"provider", upstream.provider}});
  }
  for (const UpstreamGauge& upstream : upstreams) {
    const auto reason = [&](const char* name, std::uint64_t value) {
      families.counter("farebox_upstream_connects_total",
                       "Connections opened to providers, and dials that failed.",
                       static_cast<double>(value), {{"provider", upstream.provider}, {"reason", name}});
    };
    for (std::size_t i = 0; i < upstream.connects.size(); ++i) {
      reason(kConnectReasonNames[i], upstream.connects[i]);
    }
    reason("failed", upstream.failed_connects);
    reason("failed_at_proxy", upstream.failed_at_proxy);
  }
  for (const UpstreamGauge& upstream : upstreams) {
    if (!upstream.healthy) continue;
    families.gauge("farebox_provider_healthy", "1 if the last active check was answered.",
                   *upstream.healthy ? 1 : 0, {{"provider", upstream.provider}});
  }
}

void add_up(std::vector<UpstreamGauge>& sums, const std::vector<UpstreamGauge>& more) {
  for (const UpstreamGauge& gauge : more) {
    const auto same = [&](const UpstreamGauge& each) { return each.provider == gauge.provider; };
    const auto found = std::find_if(sums.begin(), sums.end(), same);
    if (found == sums.end()) {
      sums.push_back(gauge);
    } else {
      *found += gauge;
    }
  }
}

void add_cache(Families& families, const AnswerCacheStats& stats) {
  const auto tier = [&](const char* name, const char* help, std::uint64_t CacheTierStats::*value) {
    families.gauge(name, help, static_cast<double>(stats.memory.*value), {{"tier", "memory"}});
    families.gauge(name, help, static_cast<double>(stats.disk.*value), {{"tier", "disk"}});
  };
  tier("farebox_cache_bytes", "Octets of answers that are kept.", &CacheTierStats::octets);
  tier("farebox_cache_entries", "Answers that are kept.", &CacheTierStats::entries);
  families.counter("farebox_cache_evicted_total", "Answers that went for want of room.",
                   static_cast<double>(stats.memory.evicted), {{"tier", "memory"}});
  families.counter("farebox_cache_evicted_total", "Answers that went for want of room.",
                   static_cast<double>(stats.disk.evicted), {{"tier", "disk"}});
  families.counter("farebox_cache_damaged_total", "Answers on disk that couldn't be read.",
                   static_cast<double>(stats.damaged));
  families.gauge("farebox_cache_disk_works", "1 while answers are kept on disk.",
                 stats.disk_works ? 1 : 0);
}

void add_alerts(Families& families, const AlertGauges& gauges) {
  for (std::size_t i = 0; i < kAlertKinds; ++i) {
    const AlertKind kind = static_cast<AlertKind>(i);
    if (kind == AlertKind::test) continue;
    const auto found = gauges.fired.find(std::string(name_of(kind)));
    families.counter("farebox_alerts_fired_total", "Alerts that fired.",
                     found == gauges.fired.end() ? 0 : static_cast<double>(found->second),
                     {{"kind", std::string(name_of(kind))}});
  }
  for (const auto& [channel_and_result, count] : gauges.sends) {
    families.counter("farebox_alerts_delivered_total",
                     "Attempts to deliver alerts, by what came of them.", static_cast<double>(count),
                     {{"channel", channel_and_result.first}, {"result", channel_and_result.second}});
  }
  families.gauge("farebox_alerts_queued", "Deliveries that wait for their channel.",
                 static_cast<double>(gauges.queued));
  families.gauge("farebox_alerts_active", "Alerts that aren't over.", static_cast<double>(gauges.active));
}

void add_configuration(Families& families, const MetricsSnapshot& snapshot) {
  const ReloadStatus& reloads = snapshot.reloads;
  constexpr const char* kReloads = "Times the configuration was read again, by what came of it.";
  families.counter("farebox_config_reloads_total", kReloads, static_cast<double>(reloads.applied), {{"result", "success"}});
  families.counter("farebox_config_reloads_total", kReloads, static_cast<double>(reloads.refused), {{"result", "failure"}});
  families.gauge("farebox_config_last_reload_successful", "1 if the file could be used when it was last read.", reloads.last_successful ? 1 : 0);
  families.gauge("farebox_config_last_reload_success_timestamp_seconds", "When the configuration in use was read.", seconds_of(reloads.last_success));
  if (snapshot.certificate_not_after) {
    families.gauge("farebox_tls_certificate_not_after_seconds", "When the certificate of the data port expires, since the Unix epoch.", seconds_of(*snapshot.certificate_not_after));
  }
}

// Without std::filesystem, whose iterators end the program where there is no memory for one.
double count_open_files() {
  DIR* const directory = ::opendir("/proc/self/fd");
  if (directory == nullptr) return 0;
  double count = 0;
  while (const dirent* const entry = ::readdir(directory)) count += entry->d_name[0] != '.';
  ::closedir(directory);
  return count;
}

// The process_* family, from /proc (proc(5)).
void add_process(Families& families) {
  std::ifstream stat("/proc/self/stat");
  std::string text((std::istreambuf_iterator<char>(stat)), {});
  const std::size_t name_end = text.rfind(')');
  if (name_end == std::string::npos) return;
  std::istringstream fields(text.substr(name_end + 2));
  std::vector<std::string> values;
  for (std::string value; fields >> value;) values.push_back(value);
  if (values.size() < 22) return;
  const double ticks = static_cast<double>(::sysconf(_SC_CLK_TCK));
  families.counter("process_cpu_seconds_total", "User and system CPU time.",
                   (std::stod(values[11]) + std::stod(values[12])) / ticks);
  families.gauge("process_virtual_memory_bytes", "Virtual memory size.", std::stod(values[20]));
  families.gauge("process_resident_memory_bytes", "Resident memory size.",
                 std::stod(values[21]) * static_cast<double>(::sysconf(_SC_PAGESIZE)));

  families.gauge("process_open_fds", "Open file descriptors.", count_open_files());
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  families.gauge("process_max_fds", "Most file descriptors that may be open.",
                 static_cast<double>(limit.rlim_cur));

  std::ifstream system("/proc/stat");
  double booted = 0;
  for (std::string line; std::getline(system, line);) {
    if (line.starts_with("btime ")) booted = std::stod(line.substr(6));
  }
  families.gauge("process_start_time_seconds", "Start of the process since the Unix epoch.",
                 booted + std::stod(values[19]) / ticks);
}

}  // namespace farebox
