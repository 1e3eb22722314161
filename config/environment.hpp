// Environment: where the values of ${NAME} come from, so that tests can own it.
#pragma once

#include <functional>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "config/base/result.hpp"

namespace farebox {

// The value of a variable, or nothing when it is not set.
using Environment = std::function<std::optional<std::string>(std::string_view)>;

// The variables of this process, those that were hidden too.
Environment process_environment();

// Takes these out of the process's environment and overwrites their values in place, so
// that neither /proc/PID/environ nor a child shows them; process_environment goes on
// knowing them, for a reload. Before other threads start: environ has no lock.
void hide_variables(const std::set<std::string, std::less<>>& names);

// The names of the variables that `substitute` would ask for.
std::vector<std::string> variables_in(std::string_view text);

// Replaces ${NAME} and ${NAME:-default} (the default also stands in for an empty
// variable, as in a shell) and turns $$ into $. Any other $ stays. The default
// ends at the first }. What a variable holds is taken as it is, never scanned
// again. An Error's context is "why; how to mend" and names only the variable.
Result<std::string> substitute(std::string_view text, const Environment& environment);

// True for "$NAME" alone: most likely ${NAME} was meant.
bool looks_like_bare_variable(std::string_view text);

}  // namespace farebox
