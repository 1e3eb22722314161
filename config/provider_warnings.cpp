// Settings of a provider that can't take effect beside others. They may be meant all the same, so
// these are warnings, and none is about a value that nobody said.
#include <fmt/format.h>

#include "config/load_sections.hpp"
#include "config/scalars.hpp"

namespace farebox {

namespace {

// What was said at block.key of the provider, and not refused.
std::optional<ValueReader> said(MapReader& provider, std::string_view block, std::string_view key) {
  const auto keys = provider.find(block);
  if (!keys || keys->node().kind != YamlNode::Kind::map) return std::nullopt;
  MapReader inner(keys->node(), keys->path(), provider.context());
  if (inner.is_broken(key)) return std::nullopt;
  return inner.find(key);
}

void warn_about_timeouts(MapReader& keys, const ProviderSettings& provider) {
  const TimeoutSettings& timeouts = provider.timeouts;
  const auto compare = [&](std::string_view key, std::chrono::milliseconds each) {
    const auto value = said(keys, "timeouts", key);
    if (!value || each <= timeouts.total) return;
    value->warn_unseen(fmt::format("is {}, but timeouts.total is {} and ends the call before; lower "
                                   "this or raise timeouts.total",
                                   duration_text(each), duration_text(timeouts.total)));
  };
  compare("first_byte", timeouts.first_byte);
  compare("idle", timeouts.idle);
  const auto delay = said(keys, "retry", "base_delay");
  if (delay && provider.retry.base_delay > timeouts.total) {
    delay->warn_unseen(fmt::format("is {}, longer than timeouts.total, {}, gives a whole try; lower "
                                   "this",
                                   duration_text(provider.retry.base_delay),
                                   duration_text(timeouts.total)));
  }
  const auto check = said(keys, "health_check", "timeout");
  if (check && provider.health_check.timeout > provider.pool.health_interval) {
    check->warn_unseen(fmt::format("is {}, but pool.health_interval is {}, so a check may last "
                                   "longer than the time between two; lower this or raise "
                                   "pool.health_interval",
                                   duration_text(provider.health_check.timeout),
                                   duration_text(provider.pool.health_interval)));
  }
}

// Calls beyond pool.max wait for a connection, in a line without turns or priorities, and not
// as long as max_wait says.
void warn_about_concurrency(MapReader& keys, const ProviderSettings& provider) {
  const std::uint32_t most = provider.concurrency.max;
  const auto max = said(keys, "concurrency", "max");
  const auto queue = said(keys, "concurrency", "queue");
  if (queue && !max) {
    queue->warn_unseen("says how many calls may wait, but max isn't said, and nobody waits before "
                       "256 run, or pool.max, where that is more; write max");
  }
  if (!max) return;
  if (most > provider.pool.max) {
    max->warn_unseen(fmt::format("is {}, but pool.max is {}, so only so many can run, and the "
                                 "others wait for a connection instead of in the queue; raise "
                                 "pool.max or lower this",
                                 most, provider.pool.max));
  }
  const auto min = said(keys, "pool", "min");
  if (min && provider.pool.min > most) {
    min->warn_unseen(fmt::format("is {}, but concurrency.max is {}, so the others are kept open and "
                                 "never used; lower this or raise concurrency.max",
                                 provider.pool.min, most));
  }
  const auto probes = said(keys, "circuit_breaker", "half_open_requests");
  if (probes && provider.circuit_breaker.half_open_requests > most) {
    probes->warn_unseen(fmt::format("is {}, but concurrency.max is {}, so no more probes run at "
                                    "once; lower this or raise concurrency.max",
                                    provider.circuit_breaker.half_open_requests, most));
  }
}

void warn_about_breaker(MapReader& keys, const BreakerSettings& breaker) {
  if (breaker.enabled) return;
  const auto complain = [&](std::string_view key, bool on) {
    const auto value = said(keys, "circuit_breaker", key);
    if (!value || !on) return;
    value->warn_unseen("does nothing while circuit_breaker.enabled is false; enable it or remove "
                       "this");
  };
  complain("per_model", breaker.per_model);
  complain("serve_stale_on_open", breaker.serve_stale_on_open);
}

}  // namespace

void warn_about_provider(MapReader& keys, const ProviderSettings& provider) {
  warn_about_timeouts(keys, provider);
  warn_about_concurrency(keys, provider);
  warn_about_breaker(keys, provider.circuit_breaker);
}

}  // namespace farebox
