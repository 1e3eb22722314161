// providers: one map per provider.
#include <fmt/format.h>

#include <algorithm>

#include "config/address.hpp"
#include "config/load_sections.hpp"
#include "config/scalars.hpp"
#include "config/suggest.hpp"

namespace farebox {

namespace {

constexpr std::array<Choice<InjectUsage>, 3> kInjectUsage{{{"auto", InjectUsage::automatic},
                                                           {"always", InjectUsage::always},
                                                           {"never", InjectUsage::never}}};

constexpr std::array<Choice<Adaptive>, 3> kAdaptive{
    {{"off", Adaptive::off}, {"aimd", Adaptive::aimd}, {"gradient", Adaptive::gradient}}};

// The name becomes the first part of a path: /{name}/...
Result<void> provider_name(std::string_view name) {
  const auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_';
  };
  if (name.empty() || name.size() > 64 || !std::all_of(name.begin(), name.end(), allowed)) {
    return Error(ErrorCode::invalid_config,
                 "is not a provider name, it becomes a part of paths; use 1 to 64 letters, digits, "
                 "- and _");
  }
  if (name == "v1" || name == "v1beta" || name == "farebox") {
    return Error(ErrorCode::invalid_config,
                 "is a reserved name, paths that begin with it mean something else; choose "
                 "another");
  }
  return {};
}

void read_pool(MapReader& keys, PoolSettings& pool) {
  keys.read("min", pool.min, Count{0, 65'535});
  keys.read("max", pool.max, Count{1, 65'535});
  keys.read("acquire_timeout", pool.acquire_timeout, kTimeout);
  keys.read("idle_timeout", pool.idle_timeout, kTimeout);
  keys.read("max_lifetime", pool.max_lifetime, kPause);
  keys.read("max_requests", pool.max_requests, Count{1, 1'000'000'000});
  keys.read("health_interval", pool.health_interval, kPause);
  keys.read("dns_refresh", pool.dns_refresh, kPause);
  if (pool.min > pool.max) {
    keys.refuse("min", fmt::format("is {} but max is {}, so they can't both be kept; lower min or "
                                   "raise max", pool.min, pool.max));
  }
}

// The path goes behind the base URL as it stands, so it is one of a request line.
Result<void> check_path(std::string_view path) {
  const bool plain = std::all_of(path.begin(), path.end(), [](char c) {
    return c > 0x20 && c < 0x7F && c != '#';
  });
  if (path.starts_with('/') && plain && path.size() <= 1024) return {};
  return Error(ErrorCode::invalid_config,
               "it is not a path; begin it with / and write other characters than letters as %20");
}

// One that changes nothing at the provider.
Result<void> check_method(std::string_view method) {
  if (method == "GET" || method == "HEAD") return {};
  return Error(ErrorCode::invalid_config, "it is no method of a check; write GET or HEAD");
}

void read_health_check(MapReader& keys, HealthCheckSettings& check) {
  keys.require("path", "path: /v1/models");
  keys.read("path", check.path, check_path);
  keys.read("method", check.method, check_method);
  keys.read("send_key", check.send_key);
  keys.read("timeout", check.timeout, kTimeout);
}

void read_timeouts(MapReader& keys, TimeoutSettings& timeouts) {
  keys.read("connect", timeouts.connect, kTimeout);
  keys.read("first_byte", timeouts.first_byte, kTimeout);
  keys.read("idle", timeouts.idle, kTimeout);
  keys.read("total", timeouts.total, kTimeout);
}

void read_retry(MapReader& keys, RetrySettings& retry) {
  keys.read("max_attempts", retry.max_attempts, Count{1, 20});
  keys.read("base_delay", retry.base_delay, kTimeout);
  keys.read("max_delay", retry.max_delay, kTimeout);
  if (retry.base_delay > retry.max_delay) {
    keys.refuse("max_delay", fmt::format("is {} but base_delay is {}, so no delay fits both; raise "
                                         "max_delay or lower base_delay",
                                         duration_text(retry.max_delay),
                                         duration_text(retry.base_delay)));
  }
  keys.read("budget_percent", retry.budget_percent, Count{0, 1000});
}

void read_breaker(MapReader& keys, BreakerSettings& breaker) {
  keys.read("failure_threshold", breaker.failure_threshold, Count{1, 1'000'000});
  keys.read("error_threshold_percentage", breaker.error_threshold_percentage, Count{1, 100});
  keys.read("window", breaker.window, kTimeout);
  keys.read("min_requests", breaker.min_requests, Count{1, 1'000'000});
  keys.read("reset_timeout", breaker.reset_timeout, kTimeout);
  keys.read("half_open_requests", breaker.half_open_requests, Count{1, 1'000'000});
  keys.read("enabled", breaker.enabled);
  keys.read("per_model", breaker.per_model);
  keys.read("max_reset_timeout", breaker.max_reset_timeout, kTimeout);
  keys.read("serve_stale_on_open", breaker.serve_stale_on_open);
  if (keys.has("max_reset_timeout") && breaker.max_reset_timeout < breaker.reset_timeout) {
    keys.refuse("max_reset_timeout",
                fmt::format("is {} but reset_timeout is {}, from which it grows; raise it or lower "
                            "reset_timeout",
                            duration_text(breaker.max_reset_timeout),
                            duration_text(breaker.reset_timeout)));
  }
}

void read_concurrency(MapReader& keys, ConcurrencySettings& concurrency) {
  keys.read("max", concurrency.max, Count{1, 1'000'000});
  keys.read("queue", concurrency.queue, Count{0, 1'000'000});
  keys.read("max_wait", concurrency.max_wait, kPauseOrNone);
  keys.read("adaptive", concurrency.adaptive, kAdaptive);
  keys.read("min", concurrency.min, Count{1, 1'000'000});
  if (keys.has("min") && concurrency.max != 0 && concurrency.min > concurrency.max) {
    keys.refuse("min", fmt::format("is {} but max is {}, so no limit lies between; lower min or "
                                   "raise max", concurrency.min, concurrency.max));
  }
}

// The dialect of the same name, and for the public three their address.
ProviderSettings provider_defaults(const std::string& name) {
  for (const ProviderSettings& builtin : builtin_providers()) {
    if (builtin.name == name) return builtin;
  }
  ProviderSettings provider;
  provider.name = name;
  for (const auto& [word, dialect] : kDialects) {
    if (word == name) provider.dialect = dialect;
  }
  return provider;
}

// What people paste by mistake. It may be meant all the same, so these are warnings.
void warn_about_base_url(const ValueReader& value, std::string_view url) {
  constexpr std::string_view kEndpoints[] = {"/chat/completions", "/completions", "/responses",
                                             "/embeddings", "/messages", ":generateContent"};
  for (const std::string_view endpoint : kEndpoints) {
    if (!url.ends_with(endpoint)) continue;
    return value.warn_unseen(fmt::format("ends with {}, which is one endpoint, and request paths "
                                         "are appended to it; end it before that",
                                         endpoint));
  }
  if (url.find("/v1/v1") != url.npos) {
    return value.warn_unseen("holds /v1 twice, so the provider would find no path; remove one");
  }
  if (!url.starts_with("http://")) return;
  for (const ProviderSettings& builtin : builtin_providers()) {
    const std::string_view host = std::string_view(builtin.base_url).substr(8);  // https://
    if (!url.substr(7).starts_with(host)) continue;
    value.warn_unseen(fmt::format("begins with http://, so keys and texts would travel in clear; "
                                  "write https://{}",
                                  host));
  }
}

void read_provider(MapReader& keys, const Settings& settings, ProviderSettings& provider) {
  read_dialect_of(keys, settings, provider);
  if (provider.base_url.empty()) keys.require("base_url", "base_url: https://api.example.com");
  keys.read("base_url", provider.base_url, check_base_url);
  while (provider.base_url.ends_with('/')) provider.base_url.pop_back();
  const auto said_url = keys.find("base_url");
  if (said_url && !keys.is_broken("base_url")) warn_about_base_url(*said_url, provider.base_url);
  keys.secrets({"api_keys", "api_keys_file"}, provider.api_keys);
  keys.read("ca_file", provider.ca_file, readable_file);
  keys.read("data_residency", provider.data_residency, any_text);
  read_upstream_proxy(keys, provider.upstream_proxy);
  keys.read("inject_usage", provider.inject_usage, kInjectUsage);
  keys.map("pool", [&](MapReader& block) { read_pool(block, provider.pool); });
  keys.map("health_check",
           [&](MapReader& block) { read_health_check(block, provider.health_check); });
  keys.map("timeouts", [&](MapReader& block) { read_timeouts(block, provider.timeouts); });
  keys.map("retry", [&](MapReader& block) { read_retry(block, provider.retry); });
  keys.map("circuit_breaker",
           [&](MapReader& block) { read_breaker(block, provider.circuit_breaker); });
  keys.map("concurrency",
           [&](MapReader& block) { read_concurrency(block, provider.concurrency); });
  keys.map("batch", [&](MapReader& block) {
    block.map("embeddings",
              [&](MapReader& inner) { read_embedding_batch(inner, provider.batch_embeddings); });
  });
  warn_about_provider(keys, provider);
}

}  // namespace

Result<void> check_known_provider(std::string_view name, const Settings& settings) {
  std::vector<std::string_view> names;
  for (const ProviderSettings& provider : settings.providers) names.push_back(provider.name);
  if (std::find(names.begin(), names.end(), name) != names.end()) return {};
  return Error(ErrorCode::invalid_config,
               fmt::format("no provider has this name; {}", did_you_mean(name, names)));
}

void read_providers(MapReader& root, Settings& settings) {
  root.map("providers", [&](MapReader& providers) {
    settings.providers.clear();
    providers.each([&](const std::string& name, const ValueReader& value) {
      const Result<void> named = provider_name(name);
      if (!named) value.refuse_unseen(named.error().context);
      ProviderSettings& provider = settings.providers.emplace_back(provider_defaults(name));
      value.map([&](MapReader& keys) { read_provider(keys, settings, provider); });
    });
    if (settings.providers.empty()) {
      root.refuse("providers", "is empty, so no request could go anywhere; add a provider, or "
                               "remove the key to get openai, anthropic and gemini");
    }
  });
}

}  // namespace farebox
