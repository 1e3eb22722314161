// farebox alerts: lists, tests and acknowledges the alerts of the running farebox, by its admin
// port.
#pragma once

#include <string>

#include "config/settings.hpp"
#include "proxy/exit_code.hpp"

namespace farebox {

struct AlertsOptions {
  enum class Act : std::uint8_t { list, test, acknowledge };
  Act act = Act::list;
  bool active = false;   // list: only those that aren't over
  std::string channel;   // test; empty: all
  std::string id;        // acknowledge
  std::string by, note;
  bool json = false;
};

// Prints and gives the exit code: 69 when a test wasn't delivered.
int run_alerts(const AdminSettings& admin, const AlertsOptions& options);

}  // namespace farebox
