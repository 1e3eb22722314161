// NotBuilt: keys that are read and checked, but that nothing acts on yet.
#pragma once

#include "config/load.hpp"

namespace farebox {

// Warns of each that was said.
void check_not_built(LoadResult& result);

}  // namespace farebox
