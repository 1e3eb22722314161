#include "proxy/ledger_command.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>

#include "config/base/json_writer.hpp"
#include "proxy/ledger_amend.hpp"
#include "proxy/ledger_failure.hpp"
#include "proxy/ledger_place.hpp"
#include "proxy/output.hpp"
#include "proxy/verify_text.hpp"
#include "storage/document_store.hpp"

namespace farebox {
namespace {

namespace fs = std::filesystem;

constexpr const char* kStore = "ledger";  // as RocksLedger names it
constexpr const char* kHalfRestored = "restore.tmp";  // below data_dir, while it is copied

CommandResult<VerifyReport> check(const std::string& directory) {
  const auto reader = open_reader(directory, kGiveDataDir);
  if (!reader) return reader.error();
  auto report = (*reader)->verify();
  if (!report) return ledger_failure(report.error());
  return std::move(*report);
}

// Repairs what has a fault. Sentences go to standard error: standard output is for the
// report alone.
CommandResult<void> repair(const std::string& directory) {
  if (const auto looked = look_at_ledger(directory, kGiveDataDir); !looked) return looked;
  const auto locked = hold_directory(directory, "stop it before repairing its ledger");
  if (!locked) return locked.error();
  {
    const auto reader = LedgerReader::open(directory);
    // What a later version wrote isn't damaged because we can't read it.
    if (!reader && reader.error().code != ErrorCode::ledger_damaged) {
      return ledger_failure(reader.error());
    }
    const auto report = reader ? (*reader)->verify() : Result<VerifyReport>(reader.error());
    if (report && report->faults.empty()) {
      fmt::print(stderr, "nothing to repair\n");
      return {};
    }
  }
  const auto done = repair_ledger(directory);
  if (!done) return ledger_failure(done.error());
  for (const std::string& sentence : *done) fmt::print(stderr, "{}\n", sentence);
  return {};
}

CommandResult<VerifyReport> verify_report(const std::string& directory,
                                          const LedgerOptions& options) {
  if (options.repair) {
    if (const auto repaired = repair(directory); !repaired) return repaired.error();
  }
  return check(directory);
}

int verify(const std::string& directory, const LedgerOptions& options) {
  const auto report = verify_report(directory, options);
  if (!report) {
    if (options.json) {
      std::string out;
      JsonWriter json(out);
      json.begin_object().key("error").begin_object();
      json.key("message").string(report.error().why).end_object().end_object();
      say(out + "\n");
    }
    return complain(report.error());
  }
  const int printed = say(options.json ? verify_json(*report) : verify_text(*report));
  if (report->faults.empty()) return printed;
  return complain({kExitDamaged,
                   options.repair ? "the ledger is still damaged; restore a backup"
                                  : "the ledger is damaged; restore a backup, or stop farebox and "
                                    "keep what is whole with: farebox ledger verify --repair"});
}

int dump(const std::string& directory, const ExportOptions& options) {
  const auto filter = filter_of(options, SystemClock().wall_now());
  if (!filter) return complain(filter.error());
  const auto reader = open_reader(directory, kGiveDataDir);
  if (!reader) return complain(reader.error());
  const auto exported = export_ledger(**reader, *filter, options);
  return exported ? 0 : complain(exported.error());
}

CommandResult<void> refuse_used(const std::string& directory) {
  std::error_code ec;
  if (!fs::exists(directory, ec) || (fs::is_directory(directory, ec) && fs::is_empty(directory, ec))) {
    return {};
  }
  return CommandFailure{kExitCantCreate,
                        fmt::format("'{}' is there and not an empty directory; name another one",
                                    directory)};
}

int backup(const std::string& from, const std::string& to) {
  const auto reader = open_reader(from, kGiveDataDir);
  if (!reader) return complain(reader.error());
  if (const auto free = refuse_used(to); !free) return complain(free.error());
  const auto copied = (*reader)->copy_to(to);
  // Behind the ledger: what they say of records that are gone must cover those of the copy.
  const auto documents = copied ? copy_documents(from, to) : Result<void>();
  if (!copied || !documents) {
    CommandFailure failure = ledger_failure(copied ? documents.error() : copied.error());
    failure.why += fmt::format("; what is in '{}' is no whole backup", to);
    return complain(failure);
  }
  return say(fmt::format("copied to '{}':\n{}", to, verify_text(*copied)));
}

// Everything is copied and checked beside its place and then moved into it, the store last:
// where that is, a restore has been finished.
CommandResult<VerifyReport> restore_into(const std::string& directory, const LedgerReader& backup,
                                         const std::string& from) {
  const fs::path half = fs::path(directory) / kHalfRestored;
  std::error_code ec;
  fs::remove_all(half, ec);
  const auto copied = backup.copy_to(half.string());
  const auto documents = copied ? copy_documents(from, half.string()) : Result<void>();
  if (!copied || !documents) {
    fs::remove_all(half, ec);
    return ledger_failure(copied ? documents.error() : copied.error());
  }
  std::vector<fs::path> names;
  for (const auto& entry : fs::directory_iterator(half, ec)) {
    if (entry.path().filename() != kStore) names.push_back(entry.path().filename());
  }
  names.emplace_back(kStore);
  for (const fs::path& name : names) {
    if (!ec) fs::rename(half / name, fs::path(directory) / name, ec);
  }
  if (ec) {
    return CommandFailure{kExitIo, fmt::format("can't move the ledger into '{}': {}; run it again",
                                               directory, ec.message())};
  }
  fs::remove_all(half, ec);
  return check(directory);
}

int restore(const std::string& from, const std::string& to) {
  const auto reader = open_reader(from, "name the directory of a backup");
  if (!reader) return complain(reader.error());
  const auto locked = hold_directory(to, "stop it before restoring its ledger");
  if (!locked) return complain(locked.error());
  if (holds_store(to)) {
    return complain({kExitCantCreate,
                     fmt::format("'{0}' holds a ledger already; move it away first: mkdir '{0}/old' && "
                                 "mv '{0}'/ledger* '{0}/old/'",
                                 to)});
  }
  if (has_documents(from) && has_documents(to)) {
    return complain({kExitCantCreate,
                     fmt::format("'{0}' holds keys and budgets already; move them away first: mkdir "
                                 "-p '{0}/old' && mv '{0}'/documents '{0}/old/'", to)});
  }
  const auto report = restore_into(to, **reader, from);
  if (!report) return complain(report.error());
  const int printed = say(fmt::format("restored to '{}':\n{}", to, verify_text(*report)));
  if (report->faults.empty()) return printed;
  return complain({kExitDamaged, "the restored ledger is damaged"});
}

}  // namespace

int run_ledger(const Settings& settings, const LedgerOptions& options) {
  switch (options.act) {
    case LedgerOptions::Act::verify: return verify(settings.data_dir, options);
    case LedgerOptions::Act::dump: return dump(settings.data_dir, options.dump);
    case LedgerOptions::Act::rebuild: return rebuild_sums(settings);
    case LedgerOptions::Act::reprice: return reprice_records(settings, options);
    case LedgerOptions::Act::backup: return backup(settings.data_dir, options.directory);
    case LedgerOptions::Act::restore: return restore(options.directory, settings.data_dir);
  }
  return kExitBug;
}

}  // namespace farebox
