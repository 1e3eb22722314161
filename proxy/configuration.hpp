// Configuration: the settings, and what was made from them, as one value that never changes.
//
// A reload makes another one; requests in flight keep the one they began with, which lives
// until the last of them ends. Providers nobody changed are shared by both, so that their
// connections stay. Any thread may read it.
#pragma once

#include <memory>

#include "config/price_table.hpp"
#include "config/settings.hpp"
#include "policy/routes.hpp"
#include "proxy/directory.hpp"
#include "proxy/provider.hpp"

namespace farebox {

class TlsServer;

struct Configuration {
  // Reads the price file, the CA files and the certificate; opens nothing. `before` is what
  // runs now, or null. Error: invalid_config; its context is "key: why; how to mend".
  static Result<std::shared_ptr<const Configuration>> make(Settings settings,
                                                           const Configuration* before);
  // The same but for the certificate, which was replaced on the disk.
  std::shared_ptr<const Configuration> with(std::shared_ptr<TlsServer> certificate) const;

  Configuration(Settings said, PriceTable table, Providers made,
                std::shared_ptr<TlsServer> certificate)
      : settings(std::move(said)),
        prices(std::move(table)),
        providers(std::move(made)),
        directory(providers),
        routes(settings),
        tls(std::move(certificate)) {}
  Configuration(const Configuration&) = delete;
  Configuration& operator=(const Configuration&) = delete;

  const Settings settings;
  const PriceTable prices;
  const Providers providers;
  const Directory directory;
  const RouteTable routes;
  const std::shared_ptr<TlsServer> tls;  // null: the data port speaks plain HTTP
};

}  // namespace farebox
