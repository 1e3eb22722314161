// Changes: what a configuration that was read again asks for, beside the one that runs.
//
// A plain comparison. Most settings are swapped while requests run; what the program was
// built around (its sockets, its threads, its store) needs a restart.
#pragma once

#include <string>
#include <vector>

#include "config/settings.hpp"

namespace farebox {

struct Changes {
  std::vector<std::string> applied;        // keys as the file has them: "providers.openai", "limits"
  std::vector<std::string> needs_restart;  // asked for, and kept as they run
};

// Names the differences, and sets what can't change at run time in `wanted` back to what
// runs, so that `wanted` is what will be true.
Changes settle_changes(const Settings& running, Settings& wanted);

}  // namespace farebox
