// A provider for tests that look at paths, heads or listings. It opens no connection.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "proxy/provider.hpp"
#include "proxy/tls.hpp"
#include "proxy/upstream_slots.hpp"

namespace farebox::testing {

inline std::unique_ptr<Provider> make_provider(const std::string& name, DialectName dialect,
                                               const std::string& base_url,
                                               const std::vector<std::string>& keys = {}) {
  ProviderSettings settings;
  settings.name = name;
  settings.dialect = dialect;
  settings.base_url = base_url;
  for (const std::string& key : keys) settings.api_keys.emplace_back(key);
  auto provider = std::make_unique<Provider>(std::move(settings));
  const auto applied = apply_base_url(base_url, *provider);
  CHECK(applied);
  return provider;
}

// Null: the caller's own passes.
inline const Secret* first_key(const Provider& provider) {
  return provider.has_keys() ? &provider.settings.api_keys.front() : nullptr;
}

}  // namespace farebox::testing
