// Server: owns what lives as long as the program, in the order it must be built.
#pragma once

#include "config/base/log.hpp"
#include "config/settings.hpp"

namespace farebox {

// Opens everything the settings ask for, serves until SIGTERM or SIGINT, drains, and
// returns the exit code (conventions, section 9). A second signal stops at once.
int run_server(const Settings& settings, Logger& log, const Clock& clock);

}  // namespace farebox
