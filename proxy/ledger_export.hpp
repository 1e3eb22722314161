// farebox ledger export: the records of a ledger as lines, oldest first.
#pragma once

#include <cstdint>
#include <string>

#include "proxy/exit_code.hpp"
#include "storage/ledger_reader.hpp"

namespace farebox {

struct ExportOptions {
  enum class Format : std::uint8_t { jsonl, csv };
  Format format = Format::jsonl;
  std::string since, until;  // as said_time reads them
  std::string project, model, provider, user, key;
  std::string output;  // a file; empty or "-": standard output
};

// Fails for a time that is none.
CommandResult<RecordFilter> filter_of(const ExportOptions& options, WallTime now);

// JSON lines are what /api/usage/records says of a record; CSV: record_csv.hpp. A file
// appears whole or not at all. That a pipe's reader leaves early is no failure.
CommandResult<void> export_ledger(const LedgerReader& reader, const RecordFilter& filter,
                                  const ExportOptions& options);

}  // namespace farebox
