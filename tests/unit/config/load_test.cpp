#include "config/load.hpp"

#include <gtest/gtest.h>

#include <set>

#include "tests/unit/config/load_support.hpp"

namespace farebox {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

const Variables kEveryKeyVariables{{"ADMIN_TOKEN", "writer"}, {"FIRST_KEY", "first-key"}};

LoadResult every_key() {
  return load_whole(content_of(test_data("every_key.yaml")), kEveryKeyVariables);
}

std::string example(const std::string& name) {
  return content_of(std::string(FAREBOX_SOURCE_DIR "/config/examples/") + name);
}

// The full example with its sections that are not built yet taken out of comments.
std::string full_example_uncommented() {
  std::istringstream lines(example("full.yaml"));
  std::string text, line;
  while (std::getline(lines, line)) {
    if (line.starts_with("keys: []") || line == "budgets: []" || line == "rate_limits: []" ||
        line == "alerts: {channels: []}") continue;
    text += (line.starts_with("#~ ") ? line.substr(3) : line) + "\n";
  }
  return text;
}

// "providers.openai.pool.max" is the same key for every provider.
std::set<std::string> key_names(const LoadResult& result) {
  std::set<std::string> names;
  for (const auto& [path, place] : result.places) {
    std::string name;
    std::istringstream parts(path);
    for (std::string part; std::getline(parts, part, '.');) {
      const bool is_provider = name == "providers";
      name += (name.empty() ? "" : ".") + (is_provider ? "*" : part.substr(0, part.find('[')));
    }
    names.insert(name);
  }
  return names;
}

TEST(EveryKey, IsReadWithoutAnErrorOfItsOwn) {
  const LoadResult result = every_key();
  for (const ConfigProblem& problem : result.errors) {
    // No key is kept in the tree; certificate_test.cpp makes pairs of its own.
    if (problem.text.starts_with("tls.cert_file is '/dev/null', it holds no PEM")) continue;
    EXPECT_NE(problem.text.find("is not built yet"), problem.text.npos) << to_line(problem);
  }
  for (const ConfigProblem& problem : result.warnings) {
    // Every value differs from its default, so the breaker is off.
    if (problem.text.find("while circuit_breaker.enabled is false") != problem.text.npos) continue;
    EXPECT_NE(problem.text.find("not built yet"), problem.text.npos) << to_line(problem);
  }
}

TEST(EveryKey, OfTheProcessLandsInItsField) {
  const Settings s = every_key().settings;
  EXPECT_EQ(s.listen, "127.0.0.2:5141");
  EXPECT_EQ(s.tls.cert_file, "/dev/null");
  EXPECT_EQ(s.tls.key_file, "/dev/zero");
  EXPECT_EQ(s.admin.listen, "[::1]:5142");
  EXPECT_EQ(s.admin.token.reveal(), "writer");
  EXPECT_EQ(s.admin.read_token.reveal(), "reader");
  EXPECT_EQ(s.data_dir, "/tmp/farebox-test");
  EXPECT_EQ(s.threads, 7u);
  EXPECT_FALSE(s.via);
  EXPECT_EQ(s.upstream_proxy.way, UpstreamProxySettings::Way::proxied);
  EXPECT_EQ(shown(s.upstream_proxy.address), "proxy.example:3128");
  EXPECT_TRUE(s.debug.dumpable);
  EXPECT_EQ(s.allowed_origins,
            (std::vector<std::string>{"https://app.example.com", "http://localhost:3000"}));
  EXPECT_EQ(s.log.level, LogLevel::debug);
  EXPECT_EQ(s.log.format, LogFormat::text);
  EXPECT_EQ(s.metrics.max_label_values, 201u);
  EXPECT_TRUE(s.auth.require_keys);
  EXPECT_TRUE(s.auth.allow_anonymous);
  EXPECT_TRUE(s.auth.compatibility_headers.litellm);
  EXPECT_TRUE(s.auth.compatibility_headers.portkey);
  EXPECT_TRUE(s.auth.compatibility_headers.helicone);
}

TEST(EveryKey, OfAProviderLandsInItsField) {
  const Settings s = every_key().settings;
  ASSERT_EQ(s.providers.size(), 3u);
  const ProviderSettings& p = s.providers[0];
  EXPECT_EQ(p.name, "first");
  EXPECT_EQ(p.dialect, DialectName::anthropic);
  EXPECT_EQ(p.base_url, "https://first.example/anthropic");
  ASSERT_EQ(p.api_keys.size(), 2u);
  EXPECT_EQ(p.api_keys[0].reveal(), "first-key");
  EXPECT_EQ(p.api_keys[1].reveal(), "second-key");
  EXPECT_EQ(p.data_residency, "eu");
  EXPECT_EQ(p.ca_file, "/dev/null");
  EXPECT_EQ(p.inject_usage, InjectUsage::never);
  EXPECT_EQ(p.pool.min, 1u);
  EXPECT_EQ(p.pool.max, 22u);
  EXPECT_EQ(p.pool.acquire_timeout, seconds(3));
  EXPECT_EQ(p.pool.idle_timeout, seconds(4));
  EXPECT_EQ(p.pool.max_lifetime, minutes(5));
  EXPECT_EQ(p.pool.max_requests, 6u);
  EXPECT_EQ(p.pool.health_interval, seconds(7));
  EXPECT_EQ(p.pool.dns_refresh, seconds(8));
  EXPECT_EQ(p.health_check.path, "/v1/models?limit=1");
  EXPECT_EQ(p.health_check.method, "HEAD");
  EXPECT_FALSE(p.health_check.send_key);
  EXPECT_EQ(p.health_check.timeout, seconds(6));
  EXPECT_EQ(p.timeouts.connect, seconds(1));
  EXPECT_EQ(p.timeouts.first_byte, seconds(2));
  EXPECT_EQ(p.timeouts.idle, seconds(3));
  EXPECT_EQ(p.timeouts.total, minutes(4));
  EXPECT_EQ(p.retry.max_attempts, 5u);
  EXPECT_EQ(p.retry.base_delay, Milliseconds(6));
  EXPECT_EQ(p.retry.max_delay, seconds(7));
  EXPECT_EQ(p.retry.budget_percent, 8u);
  EXPECT_EQ(p.circuit_breaker.failure_threshold, 8u);
  EXPECT_EQ(p.circuit_breaker.error_threshold_percentage, 9u);
  EXPECT_EQ(p.circuit_breaker.window, seconds(10));
  EXPECT_EQ(p.circuit_breaker.min_requests, 11u);
  EXPECT_EQ(p.circuit_breaker.reset_timeout, seconds(12));
  EXPECT_EQ(p.circuit_breaker.half_open_requests, 13u);
  EXPECT_FALSE(p.circuit_breaker.enabled);
  EXPECT_TRUE(p.circuit_breaker.per_model);
  EXPECT_EQ(p.circuit_breaker.max_reset_timeout, seconds(14));
  EXPECT_EQ(p.concurrency.max, 14u);
  EXPECT_EQ(p.concurrency.queue, 15u);
  EXPECT_EQ(p.concurrency.max_wait, seconds(16));
  EXPECT_EQ(p.concurrency.adaptive, Adaptive::gradient);
  EXPECT_EQ(p.concurrency.min, 3u);
  EXPECT_TRUE(p.batch_embeddings.enabled);
  EXPECT_EQ(p.batch_embeddings.max_size, 17u);
  EXPECT_EQ(p.batch_embeddings.max_wait, Milliseconds(18));
  EXPECT_EQ(p.batch_embeddings.max_concurrent, 19u);
  EXPECT_EQ(p.batch_embeddings.max_tokens, 20u);
  EXPECT_EQ(p.batch_embeddings.share, Sharing::all);
  EXPECT_TRUE(p.circuit_breaker.serve_stale_on_open);
  EXPECT_EQ(p.upstream_proxy.way, UpstreamProxySettings::Way::direct);
  // The dialect of a provider is by default the one of its name.
  EXPECT_EQ(s.providers[1].dialect, DialectName::azure);
  EXPECT_EQ(s.providers[1].base_url, "http://[::1]:8000");
  EXPECT_FALSE(s.providers[1].batch_embeddings.enabled);
}

TEST(EveryKey, OfPolicyLandsInItsField) {
  const Settings s = every_key().settings;
  ASSERT_EQ(s.routes.size(), 1u);
  EXPECT_EQ(s.routes[0].model, "gpt-4.1*");
  ASSERT_EQ(s.routes[0].targets.size(), 2u);
  EXPECT_EQ(s.routes[0].targets[0].provider, "third");
  EXPECT_EQ(s.routes[0].targets[0].model, "");
  EXPECT_EQ(s.routes[0].targets[0].weight, 9u);
  EXPECT_EQ(s.routes[0].targets[0].variant, "A");
  EXPECT_EQ(s.routes[0].targets[1].model, "other");
  EXPECT_EQ(s.routes[0].targets[1].weight, 2u);
  ASSERT_EQ(s.routes[0].fallbacks.size(), 1u);
  EXPECT_EQ(s.routes[0].fallbacks[0].provider, "azure");
  EXPECT_EQ(s.routes[0].fallbacks[0].model, "gpt-4.1-mini");
  EXPECT_EQ(s.routes[0].policy, RoutePolicy::least_loaded);
  EXPECT_EQ(s.routes[0].sticky, RouteSticky::user);
  EXPECT_EQ(s.routes[0].fallback_on, (FallbackOn{true, false, false, true}));

  ASSERT_EQ(s.keys.size(), 2u);
  EXPECT_EQ(s.keys[0].name, "app");
  EXPECT_EQ(s.keys[0].key_hash, "sha256:" + std::string(64, 'a'));
  EXPECT_EQ(s.keys[0].org, "acme");
  EXPECT_EQ(s.keys[0].project, "search");
  EXPECT_EQ(s.keys[0].user, "joe");
  EXPECT_EQ(s.keys[0].models, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(s.keys[0].providers, std::vector<std::string>{"azure"});
  EXPECT_EQ(s.keys[0].dialects, (std::vector<std::string>{"openai", "gemini"}));
  EXPECT_EQ(rfc3339(*s.keys[0].expires), "2026-12-31T16:00:00.000Z");
  EXPECT_FALSE(s.keys[0].enabled);
  EXPECT_TRUE(s.keys[1].enabled);
  EXPECT_FALSE(s.keys[1].expires);
  EXPECT_EQ(s.keys[0].tags,
            (std::map<std::string, std::string>{{"team", "red"}, {"floor", "3"}}));
  EXPECT_EQ(s.keys[1].key_hash, "sha256:" + std::string(64, 'b'));
  EXPECT_EQ(s.keys[1].models, (std::vector<std::string>{"*"}));

  ASSERT_EQ(s.budgets.size(), 1u);
  EXPECT_EQ(s.budgets[0].name, "month");
  EXPECT_EQ(s.budgets[0].scope, (ScopeSettings{{"project", "search"}, {"tag.team", "red"}}));
  EXPECT_EQ(s.budgets[0].period, BudgetPeriod::yearly);
  EXPECT_EQ(s.budgets[0].limit, Money::picodollars(500'000'000'000'001));
  EXPECT_EQ(s.budgets[0].warning_threshold_millionths, 700'000u);
  EXPECT_EQ(s.budgets[0].critical_threshold_millionths, 912'345u);
  EXPECT_EQ(s.budgets[0].time_zone, "Etc/UTC");
  EXPECT_EQ(s.budgets[0].on_exceeded, OnExceeded::throttle);

  ASSERT_EQ(s.rate_limits.size(), 1u);
  EXPECT_EQ(s.rate_limits[0].scope, (ScopeSettings{{"key", "*"}}));
  const std::vector<Rate> rates{{RateKind::requests, 600, std::chrono::minutes(1)},
                                {RateKind::tokens, 200'000, std::chrono::minutes(1)}};
  EXPECT_EQ(s.rate_limits[0].rates, rates);
  EXPECT_EQ(s.rate_limits[0].max_parallel_requests, 32u);

  ASSERT_EQ(s.alerts.channels.size(), 2u);
  const AlertChannel& hook = s.alerts.channels[0];
  EXPECT_EQ(hook.url.reveal(), "https://hooks.example/first-key?a=b");
  EXPECT_EQ(hook.secret.reveal(), "0123456789abcdef");
  EXPECT_EQ(hook.at_least, AlertLevel::warning);
  EXPECT_TRUE(hook.allow_link_local);
  EXPECT_EQ(hook.ca_file, "/dev/null");
  const AlertChannel& mail = s.alerts.channels[1];
  EXPECT_EQ(mail.kind, AlertChannel::Kind::email);
  EXPECT_EQ(mail.smtp_host, "smtp.example");
  EXPECT_EQ(mail.smtp_port, 2525u);
  EXPECT_EQ(mail.security, AlertChannel::Security::tls);
  EXPECT_EQ(mail.username, "joe");
  EXPECT_EQ(mail.password.reveal(), "mail-password");
  EXPECT_EQ(mail.from, "farebox@example.com");
  EXPECT_EQ(mail.to.size(), 2u);

  EXPECT_EQ(s.enforcement.budget_status, 402u);
  EXPECT_EQ(s.enforcement.budget_wait, seconds(3));
  EXPECT_FALSE(s.enforcement.clamp);
  EXPECT_EQ(s.enforcement.default_max_output_tokens, 4097u);
  EXPECT_EQ(s.enforcement.abort_allowance_tokens, 65u);
  EXPECT_TRUE(s.enforcement.allow_unmetered);
}

TEST(EveryKey, OfTheRestLandsInItsField) {
  const Settings s = every_key().settings;
  EXPECT_TRUE(s.cache.enabled);
  EXPECT_EQ(s.cache.memory, 65ull << 20);
  EXPECT_EQ(s.cache.disk, 2ull << 30);
  EXPECT_EQ(s.cache.ttl, hours(2));
  EXPECT_EQ(s.cache.compress_over, 2048u);
  EXPECT_FALSE(s.cache.deterministic_only);
  EXPECT_EQ(s.cache.max_entry, 5ull << 20);
  EXPECT_EQ(s.cache.share, Sharing::project);
  EXPECT_FALSE(s.cache.merge);
  EXPECT_EQ(s.cache.stale_while_revalidate, seconds(6));
  EXPECT_EQ(s.cache.stale_if_error, minutes(7));
  EXPECT_EQ(s.routes[0].cache.enabled, false);
  EXPECT_EQ(s.routes[0].cache.ttl, minutes(3));
  EXPECT_EQ(s.routes[0].cache.deterministic_only, false);
  EXPECT_TRUE(s.forward_proxy.enabled);
  EXPECT_EQ(s.forward_proxy.allow,
            (std::vector<std::string>{"api.openai.com", "*.example.com:443"}));
  EXPECT_TRUE(s.forward_proxy.intercept);
  EXPECT_EQ(s.prices.file, "/dev/null");
  EXPECT_EQ(s.prices.public_key, "ed25519:11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=");
  ASSERT_EQ(s.prices.adjust.size(), 2u);
  EXPECT_EQ(s.prices.adjust[0], (PriceAdjustment{"first", "", 850'000}));
  EXPECT_EQ(s.prices.adjust[1], (PriceAdjustment{"*", "app", 1'000'001}));
  ASSERT_EQ(s.prices.overrides.size(), 1u);
  // Numbers stay as they were written.
  EXPECT_EQ(s.prices.overrides.at("my-model"),
            R"({"input_cost_per_token":5.46875e-07,"mode":"chat","list":[1,"2",true,null],)"
            R"("nested":{"quote":"a\"b"}})");
  EXPECT_EQ(s.ledger.store, LedgerStore::memory);
  EXPECT_EQ(s.ledger.sync, LedgerSync::always);
  EXPECT_EQ(s.ledger.sync_interval, Milliseconds(51));
  EXPECT_EQ(s.ledger.crash_settlement, CrashSettlement::release);
  EXPECT_EQ(s.ledger.retain, hours(24 * 401));
  EXPECT_EQ(s.ledger.max_size, 9ull << 30);
  EXPECT_EQ(s.ledger.on_store_failure, OnStoreFailure::allow);
  EXPECT_EQ(s.limits.request_line, 17u << 10);
  EXPECT_EQ(s.limits.head, 33u << 10);
  EXPECT_EQ(s.limits.header_fields, 201u);
  EXPECT_EQ(s.limits.body, 65ull << 20);
  EXPECT_EQ(s.limits.buffered_bodies, 513ull << 20);
  EXPECT_EQ(s.limits.connections, 20'001u);
  EXPECT_EQ(s.limits.connections_per_client, 21u);
  EXPECT_EQ(s.limits.memory, 1ull << 30);
  EXPECT_EQ(s.limits.head_timeout, seconds(16));
  EXPECT_EQ(s.limits.body_timeout, seconds(61));
  EXPECT_EQ(s.limits.idle_timeout, minutes(6));
  EXPECT_EQ(s.limits.drain, seconds(31));
}

TEST(Examples, LoadWithTheirVariablesSet) {
  for (const char* name : {"minimal.yaml", "full.yaml"}) {
    const LoadResult result = load_whole(example(name), {{"OPENAI_API_KEY", "sk-1"}});
    EXPECT_TRUE(result.ok()) << lines_of(result.errors);
    EXPECT_EQ(result.settings.providers[0].api_keys[0].reveal(), "sk-1");
  }
}

TEST(Examples, FullOneShowsEveryKey) {
  const LoadResult full = load_whole(full_example_uncommented(), {{"OPENAI_API_KEY", "sk-1"}});
  for (const ConfigProblem& problem : full.errors) {
    EXPECT_NE(problem.text.find("is not built yet"), problem.text.npos) << to_line(problem);
  }
  std::set<std::string> missing = key_names(every_key());
  for (const std::string& name : key_names(full)) missing.erase(name);
  // Values of maps with free keys are not keys of ours.
  std::erase_if(missing, [](const std::string& name) {
    return name.find(".overrides.") != name.npos || name.find(".tags.") != name.npos ||
           name.find(".scope.") != name.npos;
  });
  EXPECT_EQ(missing, std::set<std::string>());
}

TEST(Examples, FullOneStatesTheDefaults) {
  const Settings full = load_whole(example("full.yaml"), {{"OPENAI_API_KEY", "sk-1"}}).settings;
  const Settings plain;
  EXPECT_EQ(full.listen, plain.listen);
  EXPECT_EQ(full.admin.listen, plain.admin.listen);
  EXPECT_EQ(full.data_dir, plain.data_dir);
  EXPECT_EQ(full.ledger.retain, plain.ledger.retain);
  EXPECT_EQ(full.limits.buffered_bodies, plain.limits.buffered_bodies);
  EXPECT_EQ(full.limits.drain, plain.limits.drain);
  EXPECT_EQ(full.cache.enabled, plain.cache.enabled);
  EXPECT_EQ(full.providers[0].pool.max_lifetime, ProviderSettings().pool.max_lifetime);
  EXPECT_EQ(full.providers[0].timeouts.total, ProviderSettings().timeouts.total);
  EXPECT_EQ(full.providers[0].retry, RetrySettings());
  EXPECT_EQ(full.providers[0].circuit_breaker, BreakerSettings());
  EXPECT_EQ(full.providers[0].concurrency.queue, ConcurrencySettings().queue);
  EXPECT_EQ(full.providers[0].concurrency.max_wait, ConcurrencySettings().max_wait);
  EXPECT_EQ(full.providers[0].concurrency.adaptive, ConcurrencySettings().adaptive);
  EXPECT_EQ(full.providers[0].concurrency.min, ConcurrencySettings().min);
  ASSERT_EQ(full.routes.size(), 1u);
  EXPECT_EQ(full.routes[0].policy, RouteSettings().policy);
  EXPECT_EQ(full.routes[0].sticky, RouteSettings().sticky);
  EXPECT_EQ(full.routes[0].fallback_on, RouteSettings().fallback_on);
}

TEST(Defaults, AreThePublicThreeWithTheCallersKeys) {
  LoadResult result = defaults(environment_of({{"OPENAI_API_KEY", "never used"}}));
  check_whole(result);
  EXPECT_TRUE(result.ok());
  ASSERT_EQ(result.settings.providers.size(), 3u);
  EXPECT_EQ(result.settings.providers[0].base_url, "https://api.openai.com");
  EXPECT_EQ(result.settings.providers[1].base_url, "https://api.anthropic.com");
  EXPECT_EQ(result.settings.providers[2].base_url, "https://generativelanguage.googleapis.com");
  for (const ProviderSettings& provider : result.settings.providers) {
    EXPECT_EQ(name_of(provider.dialect), provider.name);
    EXPECT_TRUE(provider.api_keys.empty());
  }
}

TEST(Defaults, AlsoHoldForAnEmptyFile) {
  for (const char* text : {"", "\n", "# only a comment\n", "---\n", "{}", "---\n...\n"}) {
    const LoadResult result = load_whole(text);
    EXPECT_TRUE(result.ok()) << text << lines_of(result.errors);
    EXPECT_EQ(result.settings.providers.size(), 3u);
  }
}

TEST(LoadText, ReadsJson) {
  const LoadResult result = load_whole(
      "{\n\t\"listen\": \"127.0.0.1:0\",\n\t\"providers\": {\n\t\t\"openai\": "
      "{\"api_keys\": [\"a\\/b\"], \"pool\": {\"max\": 8}}\n\t},\n\t\"via\": false\n}\n");
  EXPECT_TRUE(result.ok()) << lines_of(result.errors);
  EXPECT_EQ(result.settings.listen, "127.0.0.1:0");
  EXPECT_EQ(result.settings.providers[0].api_keys[0].reveal(), "a/b");
  EXPECT_EQ(result.settings.providers[0].pool.max, 8u);
  EXPECT_FALSE(result.settings.via);
}

TEST(LoadText, MergesAnchorsAndKeepsOwnKeys) {
  const LoadResult result = load_whole(
      "providers:\n"
      "  openai: &common\n"
      "    timeouts: &t {connect: 1s, idle: 2s}\n"
      "  gemini:\n"
      "    <<: *common\n"
      "    base_url: https://other.example\n"
      "    timeouts: {<<: *t, idle: 3s}\n");
  EXPECT_TRUE(result.ok()) << lines_of(result.errors);
  const ProviderSettings& gemini = result.settings.providers[1];
  EXPECT_EQ(gemini.base_url, "https://other.example");
  EXPECT_EQ(gemini.timeouts.connect, seconds(1));
  EXPECT_EQ(gemini.timeouts.idle, seconds(3));
}

TEST(LoadText, KeepsABaseUrlsPath) {
  const LoadResult result = load_whole(
      "providers: {a: {base_url: \"https://a.example/v1/\"}, b: {base_url: \"http://b_c:80\"}}");
  EXPECT_TRUE(result.ok()) << lines_of(result.errors);
  EXPECT_EQ(result.settings.providers[0].base_url, "https://a.example/v1");
  EXPECT_EQ(result.settings.providers[0].dialect, DialectName::openai);
  EXPECT_EQ(result.settings.providers[1].base_url, "http://b_c:80");
}

TEST(LoadText, RefusesAHugeFile) {
  const LoadResult result = load_whole(std::string((1 << 20) + 1, ' '));
  ASSERT_EQ(result.errors.size(), 1u);
  EXPECT_NE(result.errors[0].text.find("1 MiB"), std::string::npos);
}

}  // namespace
}  // namespace farebox
