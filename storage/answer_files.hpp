// The answer cache's database as files: taken out of the way, or away. For one thread at a time,
// while it isn't open.
#pragma once

#include <string>

#include "config/base/result.hpp"

namespace farebox {

// Renames `directory` to `directory`.damaged-N for people to look at; of those before, the latest
// stays. Returns the new name. Error: io_failed.
Result<std::string> set_answers_aside(const std::string& directory);

// Deletes what RocksDB made there, first of all what it needs to open it. Nothing there is no
// error. Error: io_failed.
Result<void> delete_answers(const std::string& directory);

}  // namespace farebox
