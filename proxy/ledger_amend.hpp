// farebox ledger rebuild and reprice: what adds to a ledger from the command line, through
// the admin port of a running farebox or in the directory of a stopped one.
#pragma once

#include "config/settings.hpp"
#include "proxy/ledger_command.hpp"

namespace farebox {

// Both print what they did and give the exit code.
int rebuild_sums(const Settings& settings);
int reprice_records(const Settings& settings, const LedgerOptions& options);

}  // namespace farebox
