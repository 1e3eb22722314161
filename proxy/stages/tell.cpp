// tell: one log line and the metrics, whatever happened.
#include "proxy/stages/stages.hpp"

namespace farebox::stages {

void tell(const Services& services, MetricsShard& metrics, const Record& record,
          const Timings& timings, const Error& error) {
  metrics.count(record, timings);
  if (!services.log.wants(Level::info)) return;
  const std::string cost = record.priced ? record.cost.decimal() : std::string();
  const auto number = [](std::uint64_t value) { return static_cast<std::int64_t>(value); };
  const bool failed = error.code != ErrorCode::none && error.fault == Fault::provider;
  const std::string_view reason = error.at_proxy ? "upstream_proxy" : name_of(error.code);
  services.log.info("request", {{"request_id", record.request_id},
                                {"provider", record.provider},
                                {"endpoint", record.endpoint},
                                {"model", record.model},
                                {"status", number(record.status)},
                                {"outcome", name_of(record.outcome)},
                                {"stream", record.stream},
                                {"inputTokens", number(record.usage.input)},
                                {"outputTokens", number(record.usage.output)},
                                {"costUsd", cost},
                                {"priced", record.priced},
                                {"estimated", record.estimated},
                                {record.cache.empty() ? "" : "cache", record.cache},
                                {"attempts", number(record.attempts.size())},
                                {"ttfbMs", number(record.ttfb_ms)},
                                {"latencyMs", number(record.latency_ms)},
                                {failed ? "reason" : "", reason},
                                {failed ? "why" : "", error.context}});
}

}  // namespace farebox::stages
