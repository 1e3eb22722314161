// farebox prices: what a model costs and why, and whether a price file can be used.
#pragma once

#include <string>

#include "config/price_check.hpp"
#include "config/price_table.hpp"
#include "config/settings.hpp"

namespace farebox {

struct PricesOptions {
  enum class Act { show, check };
  Act act = Act::show;
  std::string model;       // show
  std::string provider;    // show; empty: every configured one, then every seller
  std::string file;        // check
  std::string public_key;  // check; empty: that of the configuration
  bool json = false;       // JSON on a terminal too
};

// A card, and who asked whom for it.
struct ShownPrice {
  std::string provider;  // a configured name; else a seller
  PriceMatch match;
};

// Every different card of that name, by the rules of price_names.hpp.
std::vector<ShownPrice> find_prices(const PriceTable& table, const Settings& settings,
                                    const PricesOptions& options, WallTime now);

// Names somebody may have meant; at most five.
std::vector<std::string> near_models(const PriceTable& table, const std::string& model);

std::string price_text(const ShownPrice& shown, const std::string& model);
std::string price_json(const std::vector<ShownPrice>& shown, const std::string& model,
                       std::string_view version);

// Prints; gives the exit code: 0, 65 for an unknown model or a file with mistakes, 78 when
// the configured prices can't be read.
int run_prices(const Settings& settings, const PricesOptions& options);

}  // namespace farebox
