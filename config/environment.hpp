// Environment: where the values of ${NAME} come from, so that tests can own it.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "config/base/result.hpp"

namespace farebox {

// The value of a variable, or nothing when it is not set.
using Environment = std::function<std::optional<std::string>(std::string_view)>;

// The variables of this process.
Environment process_environment();

// Replaces ${NAME} and ${NAME:-default} (the default also stands in for an empty
// variable, as in a shell) and turns $$ into $. Any other $ stays. The default
// ends at the first }. What a variable holds is taken as it is, never scanned
// again. An Error's context is "why; how to mend" and names only the variable.
Result<std::string> substitute(std::string_view text, const Environment& environment);

// True for "$NAME" alone: most likely ${NAME} was meant.
bool looks_like_bare_variable(std::string_view text);

}  // namespace farebox
