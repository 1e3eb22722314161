// Server: owns what lives as long as the program, in the order it must be built.
#pragma once

#include <functional>
#include <string>

#include "config/base/log.hpp"
#include "config/settings.hpp"
#include "proxy/reloader.hpp"

namespace farebox {

// Where it listens, with the ports the system picked.
struct Addresses {
  std::string data, admin;
};

// Opens everything the settings ask for, serves until SIGTERM or SIGINT, drains, and
// returns the exit code (conventions, section 9). A second signal stops at once; SIGHUP
// reads `source` again. `greet` is called once, when requests are being served.
int run_server(const Settings& settings, ConfigSource source, Logger& log, const Clock& clock,
               const std::function<void(const Addresses&)>& greet = nullptr);

}  // namespace farebox
