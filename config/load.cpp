#include "config/load.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "config/address.hpp"
#include "config/load_sections.hpp"
#include "config/not_built.hpp"
#include "config/scalars.hpp"
#include "config/small_file.hpp"

namespace farebox {

namespace {

constexpr std::uint64_t kKiB = 1ull << 10, kMiB = 1ull << 20, kGiB = 1ull << 30, kTiB = 1ull << 40;

constexpr std::uint64_t kLeastMemory = 128 * kMiB;  // limits.memory; an idle farebox fits

constexpr Duration kSyncInterval{Milliseconds(1), Milliseconds(60'000)};
constexpr Duration kRetention{std::chrono::hours(1), std::chrono::hours(24 * 36'500)};
constexpr Duration kBudgetWait{Milliseconds(0), std::chrono::minutes(10)};

constexpr std::array<Choice<LedgerStore>, 2> kLedgerStore{{{"disk", LedgerStore::disk},
                                                           {"memory", LedgerStore::memory}}};
constexpr std::array<Choice<LedgerSync>, 3> kLedgerSync{{{"interval", LedgerSync::interval},
                                                         {"always", LedgerSync::always},
                                                         {"never", LedgerSync::never}}};
constexpr std::array<Choice<CrashSettlement>, 2> kCrashSettlement{
    {{"charge", CrashSettlement::charge}, {"release", CrashSettlement::release}}};
constexpr std::array<Choice<OnStoreFailure>, 2> kOnStoreFailure{
    {{"deny", OnStoreFailure::deny}, {"allow", OnStoreFailure::allow}}};

Result<void> listen_address(std::string_view text) {
  const Result<Address> address = parse_address(text);
  if (!address) return address.error();
  return {};
}

void read_admin(MapReader& keys, AdminSettings& admin) {
  keys.read("listen", admin.listen, listen_address);
  keys.secret({"token", "token_file"}, admin.token);
  keys.secret({"read_token", "read_token_file"}, admin.read_token);
}

void read_tls(MapReader& keys, TlsSettings& tls) {
  keys.read("cert_file", tls.cert_file, readable_file);
  keys.read("key_file", tls.key_file, readable_file);
}

void read_threads(MapReader& root, std::uint32_t& threads) {
  std::string text = "auto";
  root.read("threads", text, [](std::string_view written) -> Result<void> {
    const Result<std::uint64_t> number = parse_count(written);
    if (written == "auto" || (number && *number >= 1 && *number <= 256)) return {};
    return Error(ErrorCode::invalid_config,
                 "it is not a number of worker threads; write auto or a number from 1 to 256");
  });
  const Result<std::uint64_t> number = parse_count(text);
  threads = number ? static_cast<std::uint32_t>(*number) : 0;
}

void read_forward_proxy(MapReader& keys, ForwardProxySettings& proxy) {
  keys.read("enabled", proxy.enabled);
  keys.read("allow", proxy.allow, check_host_pattern);
  keys.read("intercept", proxy.intercept);
  if (proxy.enabled && proxy.allow.empty()) {
    keys.refuse("allow", "names no host while the forward proxy is enabled, so it could reach "
                         "nothing; list the hosts, such as [\"api.openai.com\"]");
  }
}

void read_ledger(MapReader& keys, LedgerSettings& ledger) {
  keys.read("store", ledger.store, kLedgerStore);
  keys.read("sync", ledger.sync, kLedgerSync);
  keys.read("sync_interval", ledger.sync_interval, kSyncInterval);
  keys.read("crash_settlement", ledger.crash_settlement, kCrashSettlement);
  keys.read("retain", ledger.retain, kRetention);
  keys.read("max_size", ledger.max_size, Bytes{kMiB, 1024 * kTiB});
  keys.read("on_store_failure", ledger.on_store_failure, kOnStoreFailure);
}

void read_limits(MapReader& keys, LimitSettings& limits) {
  keys.read("request_line", limits.request_line, Bytes{256, kMiB});
  keys.read("head", limits.head, Bytes{kKiB, 8 * kMiB});
  keys.read("header_fields", limits.header_fields, Count{8, 10'000});
  keys.read("body", limits.body, Bytes{kKiB, 64 * kGiB});
  keys.read("buffered_bodies", limits.buffered_bodies, Bytes{kKiB, kTiB});
  keys.read("connections", limits.connections, Count{1, 10'000'000});
  keys.read("connections_per_client", limits.connections_per_client, Count{0, 10'000'000});
  keys.read("memory", limits.memory, Bytes{0, 1024 * kTiB});
  keys.read("head_timeout", limits.head_timeout, kTimeout);
  keys.read("body_timeout", limits.body_timeout, kTimeout);
  keys.read("idle_timeout", limits.idle_timeout, kTimeout);
  keys.read("drain", limits.drain, kPauseOrNone);
  if (limits.memory != 0 && limits.memory < kLeastMemory) {
    keys.refuse("memory", fmt::format("is {}, which farebox needs before it serves anybody; write "
                                      "{} or more, or 0 for nine tenths of what its cgroup allows",
                                      size_text(limits.memory), size_text(kLeastMemory)));
  }
  if (limits.request_line > limits.head) {
    keys.refuse(keys.has("request_line") ? "request_line" : "head",
                fmt::format("can't be kept, request_line {} is a part of head {}; raise head or "
                            "lower request_line",
                            size_text(limits.request_line), size_text(limits.head)));
  }
  if (limits.body > limits.buffered_bodies) {
    keys.refuse(keys.has("body") ? "body" : "buffered_bodies",
                fmt::format("can't be kept, one body of {} would not fit into buffered_bodies {}; "
                            "raise buffered_bodies or lower body",
                            size_text(limits.body), size_text(limits.buffered_bodies)));
  }
}

void read_enforcement(MapReader& keys, EnforcementSettings& enforcement) {
  static constexpr std::array<Choice<std::uint32_t>, 2> kBudgetStatus{
      {{"429", 429u}, {"402", 402u}}};
  keys.read("budget_status", enforcement.budget_status, kBudgetStatus);
  keys.read("budget_wait", enforcement.budget_wait, kBudgetWait);
  keys.read("clamp", enforcement.clamp);
  keys.read("default_max_output_tokens", enforcement.default_max_output_tokens,
            Count{1, 10'000'000});
  keys.read("abort_allowance_tokens", enforcement.abort_allowance_tokens,
            Count{0, 10'000'000});
  keys.read("allow_unmetered", enforcement.allow_unmetered);
  keys.read("max_scope_values", enforcement.max_scope_values, Count{1, 10'000'000});
}

void read_settings(MapReader& root, Settings& settings) {
  root.read("listen", settings.listen, listen_address);
  root.map("tls", [&](MapReader& keys) { read_tls(keys, settings.tls); });
  root.map("admin", [&](MapReader& keys) { read_admin(keys, settings.admin); });
  root.read("data_dir", settings.data_dir, some_text);
  read_threads(root, settings.threads);
  read_dialects(root, settings);
  read_providers(root, settings);
  read_routes(root, settings);
  read_keys(root, settings);
  read_budgets(root, settings);
  read_rate_limits(root, settings);
  read_alerts(root, settings.alerts);
  root.map("cache", [&](MapReader& keys) { read_cache(keys, settings.cache); });
  root.map("forward_proxy",
           [&](MapReader& keys) { read_forward_proxy(keys, settings.forward_proxy); });
  read_prices(root, settings);
  root.map("ledger", [&](MapReader& keys) { read_ledger(keys, settings.ledger); });
  root.map("auth", [&](MapReader& keys) { read_auth(keys, settings.auth); });
  root.map("limits", [&](MapReader& keys) { read_limits(keys, settings.limits); });
  root.map("enforcement", [&](MapReader& keys) { read_enforcement(keys, settings.enforcement); });
  root.read("via", settings.via);
  root.read("watch_config", settings.watch_config);
  read_upstream_proxy(root, settings.upstream_proxy);
  root.read("allowed_origins", settings.allowed_origins, check_origin);
  root.map("log", [&](MapReader& keys) {
    keys.read("level", settings.log.level, kLogLevels);
    keys.read("format", settings.log.format, kLogFormats);
  });
  root.map("metrics", [&](MapReader& keys) {
    keys.read("max_label_values", settings.metrics.max_label_values, Count{1, 100'000});
  });
  root.map("debug", [&](MapReader& keys) { keys.read("dumpable", settings.debug.dumpable); });
}

}  // namespace

LoadResult load_text(std::string_view text, const std::string& file,
                     const Environment& environment) {
  LoadResult result;
  result.whole = {file, 1};
  result.settings.providers = builtin_providers();
  ReadContext context{file, environment, {}, {}, {}};
  if (const std::optional<YamlNode> document = parse_yaml(text, file, context.problems)) {
    MapReader root(*document, "", context);
    read_settings(root, result.settings);
    root.report_unknown_keys();
  }
  result.errors = std::move(context.problems.errors);
  result.warnings = std::move(context.problems.warnings);
  result.places = std::move(context.places);
  result.secret_variables = std::move(context.secret_variables);
  check_not_built(result);
  apply_environment(environment, result);
  sort_by_line(result.errors);
  sort_by_line(result.warnings);
  return result;
}

LoadResult load_file(const std::string& path, const Environment& environment) {
  constexpr std::size_t kMaxOctets = 2 << 20;  // parse_yaml says what is wrong from 1 MiB on
  const Result<std::string> text = read_small_file(path, kMaxOctets);
  if (text) return load_text(*text, path, environment);
  LoadResult result = defaults(environment);
  result.whole = {path, 1};
  result.errors.insert(result.errors.begin(), {path, 1, text.error().context, false});
  return result;
}

LoadResult defaults(const Environment& environment) {
  LoadResult result;
  result.whole = {"defaults"};
  result.settings.providers = builtin_providers();
  apply_environment(environment, result);
  return result;
}

}  // namespace farebox
