// Changes: what a configuration that was read again asks for, beside the one that runs.
//
// A plain comparison. Most settings are swapped while requests run; what the program was
// built around (its sockets, its threads, its store) needs a restart.
#pragma once

#include <map>
#include <string>
#include <string_view>
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

// A digest of what was said of each key, for a later start that must see what was changed while
// nothing ran. No secret can be found from it.
using SettingsDigests = std::map<std::string, std::string, std::less<>>;
SettingsDigests digests_of(const Settings& settings, std::string_view salt);

// The keys of which two such differ, as the file has them.
std::vector<std::string> changed_keys(const SettingsDigests& before, const SettingsDigests& now);

}  // namespace farebox
