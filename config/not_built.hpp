// NotBuilt: keys that are read and checked, but that nothing acts on yet.
#pragma once

#include "config/load.hpp"

namespace farebox {

// Refuses what would be unsafe to ignore, warns of the rest.
void check_not_built(LoadResult& result);

}  // namespace farebox
