#include "config/not_built.hpp"

#include <fmt/format.h>

#include <array>

namespace farebox {

namespace {

struct NotBuilt {
  std::string_view key;  // * stands for every provider
  bool (*asked_for)(const Settings&);  // null: whenever the key is there
};

// Built something? Remove its row here, nothing else.
constexpr std::array kNotBuiltYet{
    NotBuilt{"forward_proxy.enabled", [](const Settings& s) { return s.forward_proxy.enabled; }},
};

void check_key(const std::string& key, const NotBuilt& row, LoadResult& result) {
  const auto said = result.places.find(key);
  if (said == result.places.end()) return;
  if (row.asked_for != nullptr && !row.asked_for(result.settings)) return;
  const Place& place = said->second;
  result.warnings.push_back(
      {place.file, place.line,
       fmt::format("{} is accepted but not built yet, it has no effect in this version; remove it "
                   "or wait for a later one", key),
       true});
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
