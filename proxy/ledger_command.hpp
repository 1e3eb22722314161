// farebox ledger: check, export, copy and mend a ledger from the command line.
#pragma once

#include <cstdint>
#include <string>

#include "config/settings.hpp"
#include "proxy/ledger_export.hpp"

namespace farebox {

struct LedgerOptions {
  enum class Act : std::uint8_t { verify, dump, rebuild, reprice, backup, restore };
  Act act = Act::verify;
  bool json = false;      // verify, reprice
  bool repair = false;    // verify
  std::string directory;  // backup: to it; restore: from it
  ExportOptions dump;     // export; its filter also says what to reprice
  bool dry_run = false;   // reprice
};

// Looks at settings.data_dir and, for a rebuild beside a running farebox, at
// settings.admin. Prints and gives the exit code.
int run_ledger(const Settings& settings, const LedgerOptions& options);

}  // namespace farebox
