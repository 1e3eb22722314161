#include "proxy/configuration.hpp"

#include "proxy/provider_state.hpp"
#include "proxy/tls.hpp"
#include "proxy/tls_server.hpp"

namespace farebox {
namespace {

Error refused(std::string_view key, const Error& error) {
  return Error(error.code, std::string(key) + ": " + error.context);
}

// The provider that runs now, if all it was made from is the same: its own settings, which
// tell the proxy in between too, and the content of its CA file.
std::shared_ptr<Provider> unchanged(const ProviderSettings& said, const Configuration* before) {
  if (before == nullptr) return nullptr;
  for (const auto& provider : before->providers) {
    if (provider->settings == said && provider->ca_stamp == FileStamp::of(said.ca_file)) {
      return provider;
    }
  }
  return nullptr;
}

// The provider of that name and place, whose other settings may have changed.
const Provider* found_before(const ProviderSettings& said, const Configuration* before) {
  if (before == nullptr) return nullptr;
  for (const auto& provider : before->providers) {
    const ProviderSettings& its = provider->settings;
    if (its.name == said.name && its.base_url == said.base_url) return provider.get();
  }
  return nullptr;
}

Result<std::shared_ptr<Provider>> make_provider(const ProviderSettings& said) {
  auto provider = std::make_shared<Provider>(said);
  if (const auto done = apply_base_url(said.base_url, *provider); !done) return done.error();
  if (provider->tls) {
    auto tls = TlsClient::create(said.ca_file, provider->host);
    if (!tls) return tls.error();
    provider->tls_client = std::move(*tls);
  }
  if (said.proxy && said.proxy->tls) {
    // The provider's ca_file is about the provider.
    auto tls = TlsClient::create("", said.proxy->host);
    if (!tls) return tls.error();
    provider->proxy_tls = std::move(*tls);
  }
  return provider;
}

}  // namespace

Result<std::shared_ptr<const Configuration>> Configuration::make(Settings settings,
                                                                 const Configuration* before) {
  auto prices = load_prices(settings.prices);
  if (!prices) return refused("prices", prices.error());
  Providers providers;
  for (const ProviderSettings& said : settings.providers) {
    auto provider = unchanged(said, before);
    if (!provider) {
      auto made = make_provider(said);
      if (!made) return refused("providers." + said.name, made.error());
      provider = std::move(*made);
      // An operator who tunes it during an outage doesn't let everybody loose on it.
      if (const Provider* const same = found_before(said, before)) {
        provider->state->take_over(*same->state);
      }
    }
    providers.push_back(std::move(provider));
  }
  std::shared_ptr<TlsServer> tls;
  if (!settings.tls.cert_file.empty()) {
    auto made = TlsServer::create(settings.tls);
    if (!made) return refused("tls", made.error());
    tls = std::move(*made);
  }
  return std::make_shared<const Configuration>(std::move(settings), std::move(*prices),
                                               std::move(providers), std::move(tls));
}

std::shared_ptr<const Configuration> Configuration::with(
    std::shared_ptr<TlsServer> certificate) const {
  return std::make_shared<const Configuration>(settings, prices, providers,
                                               std::move(certificate));
}

}  // namespace farebox
