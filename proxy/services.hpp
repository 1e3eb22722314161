// Services: what lives as long as the program and every worker uses.
//
// References only; the server owns the things in the order they must be built and
// destroyed. Each says in its own header how it is thread-safe.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "config/base/clock.hpp"
#include "config/base/log.hpp"
#include "config/price_table.hpp"
#include "config/settings.hpp"
#include "proxy/admission.hpp"
#include "proxy/directory.hpp"
#include "proxy/metrics.hpp"
#include "proxy/provider.hpp"
#include "storage/ledger.hpp"

namespace farebox {

struct Services {
  const Settings& settings;
  const PriceTable& prices;
  Ledger& ledger;
  Logger& log;
  Metrics& metrics;
  const Clock& clock;
  const std::vector<std::unique_ptr<Provider>>& providers;
  const Directory& directory;
  Admission& admission;
  const std::string instance;  // who we are in Via, random at each start
};

}  // namespace farebox
