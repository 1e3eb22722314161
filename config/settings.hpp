// Settings: everything an operator can say, with its default in place.
//
// A plain value. It is built once by load (config/load.hpp), checked there, and
// never changed afterwards; a reload builds a new one. Beside each field: its
// unit and its effect. The keys are those of the YAML file. Equal settings ask for the
// same: that is how a reload knows what stays (config/changes.hpp).
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/alert_settings.hpp"
#include "config/base/clock.hpp"
#include "config/base/money.hpp"
#include "config/base/secret.hpp"
#include "config/cache_settings.hpp"
#include "config/described_dialect.hpp"
#include "config/dialect_name.hpp"
#include "config/no_proxy.hpp"
#include "config/proxy_address.hpp"

namespace farebox {

using Milliseconds = std::chrono::milliseconds;

// May farebox ask an OpenAI-style stream for its usage chunk?
enum class InjectUsage : std::uint8_t { automatic, always, never };

// Upstream connections of one provider; the counts are totals over all workers.
struct PoolSettings {
  bool operator==(const PoolSettings&) const = default;
  std::uint32_t min = 0;    // kept open even when idle
  std::uint32_t max = 64;   // never more than these at once
  Milliseconds acquire_timeout{5'000};
  Milliseconds idle_timeout{90'000};
  Milliseconds max_lifetime{30 * 60'000};
  std::uint32_t max_requests = 10'000;  // requests before a connection is replaced
  Milliseconds health_interval{30'000};  // between two checks, where there are any
  Milliseconds dns_refresh{30'000};      // names are asked for again after that long
};

// A cheap request that tells whether a provider that nobody calls is alive.
struct HealthCheckSettings {
  bool operator==(const HealthCheckSettings&) const = default;
  std::string path;             // below the base URL; empty: no checks
  std::string method = "GET";   // or HEAD
  bool send_key = true;         // with the provider's first key
  Milliseconds timeout{5'000};
};

struct TimeoutSettings {
  bool operator==(const TimeoutSettings&) const = default;
  Milliseconds connect{5'000};       // resolve, TCP and TLS together
  Milliseconds first_byte{120'000};  // from the last request octet to the response head
  Milliseconds idle{120'000};        // between two pieces of a response
  Milliseconds total{15 * 60'000};   // the whole attempt
};

struct RetrySettings {
  bool operator==(const RetrySettings&) const = default;
  std::uint32_t max_attempts = 3;  // the first try counts
  Milliseconds base_delay{250};
  Milliseconds max_delay{8'000};   // a provider that asks for more is not asked again
  std::uint32_t budget_percent = 20;  // retries, of the calls there are; 0: none
};

struct BreakerSettings {
  bool operator==(const BreakerSettings&) const = default;
  std::uint32_t failure_threshold = 5;
  std::uint32_t error_threshold_percentage = 50;
  Milliseconds window{30'000};
  std::uint32_t min_requests = 20;
  Milliseconds reset_timeout{60'000};
  std::uint32_t half_open_requests = 3;
  bool enabled = true;
  bool per_model = false;               // a breaker for each model beside the provider's
  Milliseconds max_reset_timeout{600'000};  // it grows while probes fail, up to this
  bool serve_stale_on_open = false;     // what the cache has, however old, while it is open
};

enum class Adaptive : std::uint8_t { off, aimd, gradient };

struct ConcurrencySettings {
  bool operator==(const ConcurrencySettings&) const = default;
  std::uint32_t max = 0;     // calls at once; 0: 256, or pool.max where that is more
  std::uint32_t queue = 1024;  // that wait
  Milliseconds max_wait{10'000};
  Adaptive adaptive = Adaptive::off;  // finds the limit itself, between min and max
  std::uint32_t min = 4;
};

// How providers are reached: straight, or through which HTTP proxy. What is said here is
// meant: it goes for loopback too, and NO_PROXY doesn't touch it.
struct UpstreamProxySettings {
  bool operator==(const UpstreamProxySettings&) const = default;
  enum class Way : std::uint8_t {
    unsaid,  // a provider does as the top level says, the top level as HTTPS_PROXY says
    direct,
    proxied,
  };
  Way way = Way::unsaid;
  ProxyAddress address;  // when proxied
};

// HTTPS_PROXY, http_proxy, ALL_PROXY and NO_PROXY, as far as they can be used.
struct ProxyEnvironment {
  bool operator==(const ProxyEnvironment&) const = default;
  std::optional<ProxyAddress> https, http, all;
  NoProxyList without;
};

struct ProviderSettings {
  bool operator==(const ProviderSettings&) const = default;
  std::string name;  // letters, digits, - and _; not v1, v1beta or farebox
  DialectName dialect = DialectName::openai;
  std::optional<DescribedDialect> described;  // speaks this, and `dialect` is its base
  std::string base_url;           // as written, without a slash at the end
  std::vector<Secret> api_keys;   // empty: the caller's own key passes through
  std::string data_residency;     // where it serves from, as its prices say; empty: by its host
  std::string ca_file;            // PEM, trusted beside nothing else; empty: the system's store
  InjectUsage inject_usage = InjectUsage::automatic;
  PoolSettings pool;
  HealthCheckSettings health_check;
  TimeoutSettings timeouts;
  RetrySettings retry;
  BreakerSettings circuit_breaker;
  ConcurrencySettings concurrency;
  EmbeddingBatchSettings batch_embeddings;
  UpstreamProxySettings upstream_proxy;
  std::optional<ProxyAddress> proxy;  // what follows from all that was said: see check_whole
};

struct RouteTarget {
  bool operator==(const RouteTarget&) const = default;
  std::string provider;
  std::string model;  // empty: the model asked for
  std::uint32_t weight = 1;
  std::string variant;    // what records call it, in an A/B split; empty: nothing
};

// How one of several targets is picked.
enum class RoutePolicy : std::uint8_t { weighted, least_loaded, lowest_latency };
// Whose calls stay with the target that was picked for the first of them.
enum class RouteSticky : std::uint8_t { none, user, key };

// What sends a call on to the next target or fallback.
struct FallbackOn {
  bool operator==(const FallbackOn&) const = default;
  bool breaker = true, rate_limit = true, server_error = true, timeout = true;
};

inline constexpr std::size_t kMostRoutePlaces = 16;  // targets and fallbacks of one route

struct RouteSettings {
  bool operator==(const RouteSettings&) const = default;
  std::string model;  // glob with *
  std::vector<RouteTarget> targets;
  std::vector<RouteTarget> fallbacks;  // in this order
  RoutePolicy policy = RoutePolicy::weighted;
  RouteSticky sticky = RouteSticky::none;
  FallbackOn fallback_on;
  RouteCacheSettings cache;
};

struct KeySettings {
  bool operator==(const KeySettings&) const = default;
  std::string name;
  std::string key_hash;  // "sha256:" and 64 hex digits
  std::string org, project, user;
  std::vector<std::string> models;     // globs with *
  std::vector<std::string> providers;  // configured ones; empty: all
  std::vector<std::string> dialects;   // built-in or described ones; empty: all
  std::map<std::string, std::string> tags;
  std::optional<WallTime> expires;     // works before this moment
  bool enabled = true;                 // false: refused like a key that nobody knows
};

enum class BudgetPeriod : std::uint8_t { daily, weekly, monthly, yearly, total };
enum class OnExceeded : std::uint8_t { block, audit, downgrade, throttle };

// scope: a dimension (org, project, user, key, model, provider, tag.<name>) and its value.
using ScopeSettings = std::map<std::string, std::string>;

struct BudgetSettings {
  bool operator==(const BudgetSettings&) const = default;
  std::string name;
  ScopeSettings scope;
  BudgetPeriod period = BudgetPeriod::monthly;
  Money limit;
  std::uint64_t limit_tokens = 0;  // beside the money; 0: not limited
  std::uint32_t warning_threshold_millionths = 800'000;
  std::uint32_t critical_threshold_millionths = 950'000;
  std::string time_zone = "UTC";
  std::uint32_t week_starts = 1;  // 0: Sunday
  std::uint32_t year_starts = 1;  // the first month of a fiscal year
  bool rollover = false;          // what is left of a window is added to the next one
  bool alerts_enabled = true;     // false: none of its alerts fires
  OnExceeded on_exceeded = OnExceeded::block;
  std::string downgrade_to;       // the model to use instead
  std::uint64_t throttle_requests_per_minute = 6;
};

// What a rate counts.
enum class RateKind : std::uint8_t { requests, input_tokens, output_tokens, tokens };

struct Rate {
  bool operator==(const Rate&) const = default;
  RateKind kind = RateKind::requests;
  std::uint64_t amount = 0;  // above 0
  std::chrono::seconds span{60};
};

struct RateLimitSettings {
  bool operator==(const RateLimitSettings&) const = default;
  std::string name;  // empty: made of its scope
  ScopeSettings scope;
  std::vector<Rate> rates;
  std::uint64_t max_parallel_requests = 0;  // 0: not limited
};

struct ForwardProxySettings {
  bool operator==(const ForwardProxySettings&) const = default;
  bool enabled = false;
  std::vector<std::string> allow;
  bool intercept = false;
};

// A discount (below one) or a margin on what a provider charges.
struct PriceAdjustment {
  bool operator==(const PriceAdjustment&) const = default;
  std::string provider;  // a configured one; empty: all
  std::string key;       // the name of a virtual key; empty: all, and calls without one
  std::uint32_t millionths = 1'000'000;
};

struct PriceSettings {
  bool operator==(const PriceSettings&) const = default;
  std::string file;        // replaces the bundled table's cards by id
  std::string public_key;  // "ed25519:BASE64"; the file then needs its signature beside it
  std::vector<PriceAdjustment> adjust;           // all that match are multiplied
  std::map<std::string, std::string> overrides;  // model -> compact JSON of the override, as written
};

enum class LedgerSync : std::uint8_t { interval, always, never };
enum class CrashSettlement : std::uint8_t { charge, release };
enum class OnStoreFailure : std::uint8_t { deny, allow };
enum class LedgerStore : std::uint8_t { disk, memory };

struct LedgerSettings {
  bool operator==(const LedgerSettings&) const = default;
  LedgerStore store = LedgerStore::disk;  // memory: the newest records only, lost at the end
  LedgerSync sync = LedgerSync::interval;
  Milliseconds sync_interval{50};
  CrashSettlement crash_settlement = CrashSettlement::charge;
  std::chrono::seconds retain{400ll * 86'400};
  std::uint64_t max_size = 8ull << 30;
  OnStoreFailure on_store_failure = OnStoreFailure::deny;
};

// Headers of other gateways that name a caller as x-farebox-* do.
struct CompatibilityHeaders {
  bool operator==(const CompatibilityHeaders&) const = default;
  bool litellm = false;   // x-litellm-tags
  bool portkey = false;   // x-portkey-metadata
  bool helicone = false;  // helicone-property-*, helicone-user-id
};

struct AuthSettings {
  bool operator==(const AuthSettings&) const = default;
  bool require_keys = false;
  bool allow_anonymous = false;  // lets an open relay start; see design section 5
  CompatibilityHeaders compatibility_headers;
};

// Sizes in bytes. Every bound here protects memory or time against a caller.
struct LimitSettings {
  bool operator==(const LimitSettings&) const = default;
  std::uint64_t request_line = 16 << 10;
  std::uint64_t head = 32 << 10;
  std::uint32_t header_fields = 200;
  std::uint64_t body = 64ull << 20;
  std::uint64_t buffered_bodies = 512ull << 20;  // all bodies held at once, over all workers
  std::uint32_t connections = 20'000;
  std::uint32_t connections_per_client = 0;  // from one address; 0: not limited
  std::uint64_t memory = 0;  // the process sheds load before it has that much; 0: by its cgroup
  Milliseconds head_timeout{15'000};
  Milliseconds body_timeout{60'000};  // between two pieces of a request body
  Milliseconds idle_timeout{300'000};  // a client connection between requests
  Milliseconds drain{30'000};          // what running requests get after SIGTERM
};

struct EnforcementSettings {
  bool operator==(const EnforcementSettings&) const = default;
  std::uint32_t budget_status = 429;  // or 402
  Milliseconds budget_wait{2'000};
  bool clamp = true;
  std::uint64_t default_max_output_tokens = 4096;
  std::uint64_t abort_allowance_tokens = 64;  // what a provider may have made unseen when a
                                              // stream was cut; charged, within the hold
  bool allow_unmetered = false;
  // Values of "*" scopes that are counted at once, over all budgets and over all limits;
  // callers with one more are refused.
  std::uint32_t max_scope_values = 100'000;
};

struct AdminSettings {
  bool operator==(const AdminSettings&) const = default;
  std::string listen = "127.0.0.1:4142";
  Secret token;       // needed off loopback
  Secret read_token;  // may read, not write
};

struct TlsSettings {
  bool operator==(const TlsSettings&) const = default;
  std::string cert_file, key_file;
};

enum class LogLevel : std::uint8_t { debug, info, warn, error };
enum class LogFormat : std::uint8_t { json, text };

struct LogSettings {
  bool operator==(const LogSettings&) const = default;
  LogLevel level = LogLevel::info;
  LogFormat format = LogFormat::json;
};

struct MetricSettings {
  bool operator==(const MetricSettings&) const = default;
  std::uint32_t max_label_values = 200;  // distinct values of a label; the rest is "other"
};

// Off by default what is dangerous: see proxy/no_dump.hpp.
struct DebugSettings {
  bool operator==(const DebugSettings&) const = default;
  bool dumpable = false;  // core files and debuggers of the same user may see the keys
};

struct Settings {
  bool operator==(const Settings&) const = default;
  std::string listen = "127.0.0.1:4141";
  TlsSettings tls;
  AdminSettings admin;
  std::string data_dir = "./farebox-data";
  std::uint32_t threads = 0;  // 0: usable cores, at most 4
  std::vector<DescribedDialect> dialects;   // APIs that the operator describes
  std::vector<ProviderSettings> providers;  // in the order of the file
  std::vector<RouteSettings> routes;
  std::vector<KeySettings> keys;
  std::vector<BudgetSettings> budgets;
  std::vector<RateLimitSettings> rate_limits;
  AlertSettings alerts;
  CacheSettings cache;
  ForwardProxySettings forward_proxy;
  PriceSettings prices;
  LedgerSettings ledger;
  AuthSettings auth;
  LimitSettings limits;
  EnforcementSettings enforcement;
  bool via = true;
  bool watch_config = false;  // reads the file again when it was replaced
  UpstreamProxySettings upstream_proxy;
  ProxyEnvironment proxy_environment;
  std::vector<std::string> allowed_origins;  // browser origins that may call the data port
  LogSettings log;
  MetricSettings metrics;
  DebugSettings debug;
};

// The three public providers farebox serves when nothing is configured.
std::vector<ProviderSettings> builtin_providers();

}  // namespace farebox
