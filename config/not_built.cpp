#include "config/not_built.hpp"

#include <fmt/format.h>

#include <array>

namespace farebox {

namespace {

enum class Ignoring { unsafe, harmless };

struct NotBuilt {
  std::string_view key;  // * stands for every provider
  Ignoring ignoring;
  bool (*asked_for)(const Settings&);  // null: whenever the key is there
};

// Built something? Remove its row here, nothing else.
constexpr std::array kNotBuiltYet{
    NotBuilt{"budgets", Ignoring::unsafe, [](const Settings& s) { return !s.budgets.empty(); }},
    NotBuilt{"rate_limits", Ignoring::unsafe,
             [](const Settings& s) { return !s.rate_limits.empty(); }},
    NotBuilt{"routes", Ignoring::harmless, [](const Settings& s) { return !s.routes.empty(); }},
    NotBuilt{"cache.enabled", Ignoring::harmless,
             [](const Settings& s) { return s.cache.enabled; }},
    NotBuilt{"forward_proxy.enabled", Ignoring::harmless,
             [](const Settings& s) { return s.forward_proxy.enabled; }},
    NotBuilt{"providers.*.pool.min", Ignoring::harmless, nullptr},
    NotBuilt{"providers.*.pool.health_interval", Ignoring::harmless, nullptr},
    NotBuilt{"providers.*.retry", Ignoring::harmless, nullptr},
    NotBuilt{"providers.*.circuit_breaker", Ignoring::harmless, nullptr},
    NotBuilt{"providers.*.concurrency", Ignoring::harmless, nullptr},
    NotBuilt{"providers.*.batch", Ignoring::harmless, nullptr},
};

void check_key(const std::string& key, const NotBuilt& row, LoadResult& result) {
  const auto said = result.places.find(key);
  if (said == result.places.end()) return;
  if (row.asked_for != nullptr && !row.asked_for(result.settings)) return;
  const Place& place = said->second;
  if (row.ignoring == Ignoring::unsafe) {
    result.errors.push_back(
        {place.file, place.line,
         fmt::format("{} is not built yet in this version, refusing to start because ignoring it "
                     "would be unsafe; remove it", key),
         false});
  } else {
    result.warnings.push_back(
        {place.file, place.line,
         fmt::format("{} is accepted but not built yet, it has no effect in this version; remove "
                     "it or wait for a later one", key),
         true});
  }
}

}  // namespace

void check_not_built(LoadResult& result) {
  constexpr std::string_view kEveryProvider = "providers.*";
  for (const NotBuilt& row : kNotBuiltYet) {
    if (!row.key.starts_with(kEveryProvider)) {
      check_key(std::string(row.key), row, result);
      continue;
    }
    for (const ProviderSettings& provider : result.settings.providers) {
      check_key(fmt::format("providers.{}{}", provider.name, row.key.substr(kEveryProvider.size())),
                row, result);
    }
  }
}

}  // namespace farebox
