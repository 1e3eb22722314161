#include "config/changes.hpp"

#include <algorithm>
#include <array>

#include "config/settings_text.hpp"

namespace farebox {

namespace {

enum class Swap : std::uint8_t { at_run_time, at_restart };

struct Row {
  std::string_view key;
  Swap swap;
  bool (*same)(const Settings&, const Settings&);
  void (*copy)(const Settings& from, Settings& into);
  void (*print)(const Settings& settings, SettingsText& into);
};

template <auto kPart>
constexpr Row row(std::string_view key, Swap swap) {
  return {key, swap,
          [](const Settings& a, const Settings& b) { return kPart(a) == kPart(b); },
          [](const Settings& from, Settings& into) { kPart(into) = kPart(from); },
          [](const Settings& settings, SettingsText& into) { into.add(kPart(settings)); }};
}

// Every key but the providers, which are told one by one. A key without a row is told as
// "other settings"; a test sees to it that there is none.
constexpr auto kNow = Swap::at_run_time, kLater = Swap::at_restart;
constexpr std::array kRows{
    row<[](auto& s) -> auto& { return s.listen; }>("listen", kLater),
    row<[](auto& s) -> auto& { return s.tls; }>("tls", kNow),
    row<[](auto& s) -> auto& { return s.admin.listen; }>("admin.listen", kLater),
    row<[](auto& s) -> auto& { return s.admin.token; }>("admin.token", kNow),
    row<[](auto& s) -> auto& { return s.admin.read_token; }>("admin.read_token", kNow),
    row<[](auto& s) -> auto& { return s.data_dir; }>("data_dir", kLater),
    row<[](auto& s) -> auto& { return s.threads; }>("threads", kLater),
    row<[](auto& s) -> auto& { return s.dialects; }>("dialects", kNow),
    row<[](auto& s) -> auto& { return s.routes; }>("routes", kNow),
    row<[](auto& s) -> auto& { return s.keys; }>("keys", kNow),
    row<[](auto& s) -> auto& { return s.budgets; }>("budgets", kNow),
    row<[](auto& s) -> auto& { return s.rate_limits; }>("rate_limits", kNow),
    row<[](auto& s) -> auto& { return s.alerts; }>("alerts", kNow),
    row<[](auto& s) -> auto& { return s.cache; }>("cache", kNow),
    row<[](auto& s) -> auto& { return s.forward_proxy; }>("forward_proxy", kNow),
    row<[](auto& s) -> auto& { return s.prices; }>("prices", kNow),
    row<[](auto& s) -> auto& { return s.ledger.store; }>("ledger.store", kLater),
    row<[](auto& s) -> auto& { return s.ledger.sync; }>("ledger.sync", kLater),
    row<[](auto& s) -> auto& { return s.ledger.sync_interval; }>("ledger.sync_interval", kLater),
    row<[](auto& s) -> auto& { return s.ledger.crash_settlement; }>("ledger.crash_settlement",
                                                                    kLater),
    row<[](auto& s) -> auto& { return s.ledger.retain; }>("ledger.retain", kNow),
    row<[](auto& s) -> auto& { return s.ledger.max_size; }>("ledger.max_size", kNow),
    row<[](auto& s) -> auto& { return s.ledger.on_store_failure; }>("ledger.on_store_failure",
                                                                    kNow),
    row<[](auto& s) -> auto& { return s.auth; }>("auth", kNow),
    row<[](auto& s) -> auto& { return s.limits; }>("limits", kNow),
    row<[](auto& s) -> auto& { return s.enforcement.max_scope_values; }>(
        "enforcement.max_scope_values", kLater),
    row<[](auto& s) -> auto& { return s.enforcement; }>("enforcement", kNow),
    row<[](auto& s) -> auto& { return s.via; }>("via", kNow),
    row<[](auto& s) -> auto& { return s.watch_config; }>("watch_config", kNow),
    row<[](auto& s) -> auto& { return s.upstream_proxy; }>("upstream_proxy", kNow),
    row<[](auto& s) -> auto& { return s.allowed_origins; }>("allowed_origins", kNow),
    row<[](auto& s) -> auto& { return s.log.level; }>("log.level", kNow),
    row<[](auto& s) -> auto& { return s.log.format; }>("log.format", kLater),
    row<[](auto& s) -> auto& { return s.metrics; }>("metrics.max_label_values", kLater),
    row<[](auto& s) -> auto& { return s.debug.dumpable; }>("debug.dumpable", kLater),
};

const ProviderSettings* named(const std::vector<ProviderSettings>& providers,
                              std::string_view name) {
  const auto found = std::find_if(providers.begin(), providers.end(),
                                  [&](const auto& each) { return each.name == name; });
  return found == providers.end() ? nullptr : &*found;
}

// New ones, changed ones, then those that are gone. The order decides who is the default
// of a dialect, so another order is a change as well.
void compare_providers(const Settings& running, const Settings& wanted,
                       std::vector<std::string>& changed) {
  const std::size_t before = changed.size();
  for (const ProviderSettings& provider : wanted.providers) {
    const ProviderSettings* const old = named(running.providers, provider.name);
    if (old == nullptr || !(*old == provider)) changed.push_back("providers." + provider.name);
  }
  for (const ProviderSettings& provider : running.providers) {
    if (named(wanted.providers, provider.name) == nullptr) {
      changed.push_back("providers." + provider.name);
    }
  }
  if (changed.size() == before && running.providers != wanted.providers) {
    changed.push_back("providers");
  }
}

constexpr std::string_view kProviders = "providers";  // their order

}  // namespace

Changes settle_changes(const Settings& running, Settings& wanted) {
  Changes changes;
  // A file that is being written has lost its end, not its token.
  if (!running.admin.token.empty() && wanted.admin.token.empty()) {
    wanted.admin.token = running.admin.token;
    changes.needs_restart.emplace_back("admin.token");
  }
  Settings named_so_far = running;
  for (const Row& each : kRows) {
    each.copy(wanted, named_so_far);
    if (each.same(running, wanted)) continue;
    const bool now = each.swap == Swap::at_run_time;
    (now ? changes.applied : changes.needs_restart).emplace_back(each.key);
    if (!now) {
      each.copy(running, wanted);
      each.copy(running, named_so_far);
    }
  }
  compare_providers(running, wanted, changes.applied);
  named_so_far.providers = wanted.providers;
  if (named_so_far != wanted) changes.applied.emplace_back("other settings");
  return changes;
}

SettingsDigests digests_of(const Settings& settings, std::string_view salt) {
  SettingsDigests digests;
  const Settings nothing_said;
  Settings untold = settings;  // a key within another, told by itself, isn't told again
  for (const Row& each : kRows) {
    SettingsText text(salt);
    each.print(untold, text);
    digests.emplace(each.key, digest_text(sha256(text.text())));
    each.copy(nothing_said, untold);
  }
  SettingsText order(salt);
  for (const ProviderSettings& provider : settings.providers) {
    order.add(provider.name);
    SettingsText text(salt);
    text.add(provider);
    digests.emplace("providers." + provider.name, digest_text(sha256(text.text())));
  }
  digests.emplace(kProviders, digest_text(sha256(order.text())));
  return digests;
}

std::vector<std::string> changed_keys(const SettingsDigests& before, const SettingsDigests& now) {
  std::vector<std::string> keys;
  bool provider_changed = false;
  const auto note = [&](const std::string& key) {
    provider_changed |= key.starts_with("providers.");
    keys.push_back(key);
  };
  for (const auto& [key, digest] : now) {
    const auto old = before.find(key);
    if (old == before.end() || old->second != digest) note(key);
  }
  for (const auto& [key, digest] : before) {
    if (!now.contains(key)) note(key);
  }
  // New and lost ones change the order as well.
  if (provider_changed) std::erase(keys, kProviders);
  return keys;
}

}  // namespace farebox
