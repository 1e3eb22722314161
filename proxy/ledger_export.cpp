#include "proxy/ledger_export.hpp"

#include <fmt/format.h>

#include "proxy/ledger_failure.hpp"
#include "proxy/output.hpp"
#include "proxy/said_time.hpp"
#include "storage/record_csv.hpp"

namespace farebox {
namespace {

CommandResult<std::optional<WallTime>> time_of(std::string_view name, const std::string& said,
                                               WallTime now) {
  if (said.empty()) return std::optional<WallTime>();
  const auto time = said_time(said, now);
  if (time) return time;
  return CommandFailure{kExitUsage,
                        fmt::format("--{} is '{}', which is not a time; {}", name, said, kTimeExample)};
}

}  // namespace

CommandResult<RecordFilter> filter_of(const ExportOptions& options, WallTime now) {
  RecordFilter filter;
  const auto since = time_of("since", options.since, now);
  if (!since) return since.error();
  const auto until = time_of("until", options.until, now);
  if (!until) return until.error();
  filter.since = *since;
  filter.until = *until;
  filter.project = options.project;
  filter.model = options.model;
  filter.provider = options.provider;
  filter.user = options.user;
  filter.key_name = options.key;
  return filter;
}

CommandResult<void> export_ledger(const LedgerReader& reader, const RecordFilter& filter,
                                  const ExportOptions& options) {
  auto output = Output::open(options.output);
  if (!output) return output.error();
  const bool csv = options.format == ExportOptions::Format::csv;
  std::string line;
  if (csv) {
    append_csv_header(line);
    output->write(line);
  }
  const auto read = reader.for_each(filter, [&](const Record& record) {
    line.clear();
    if (csv) {
      append_csv(line, record);
    } else {
      append_json(line, record);
      line += '\n';
    }
    return output->write(line);
  });
  if (!read) return ledger_failure(read.error());
  return output->finish();
}

}  // namespace farebox
