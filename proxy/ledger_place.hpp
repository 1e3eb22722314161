// Where a ledger command works: is there a ledger, may we read it, does somebody use it?
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "proxy/data_directory.hpp"
#include "proxy/exit_code.hpp"
#include "storage/ledger_reader.hpp"

namespace farebox {

inline constexpr const char* kGiveDataDir =
    "give its directory with --data-dir, or its configuration with --config";

// The database itself is there.
bool holds_store(const std::string& directory);

// What a person should know before anything is opened. `option` says how to name another
// directory.
CommandResult<void> look_at_ledger(const std::string& directory, std::string_view option);

CommandResult<std::unique_ptr<LedgerReader>> open_reader(const std::string& directory,
                                                         std::string_view option);

// Keeps every farebox out while it lives. `why` says what to do where one runs.
CommandResult<DataDirectory> hold_directory(const std::string& directory, std::string_view why);

}  // namespace farebox
