#include "proxy/ledger_command.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>

#include "config/base/json_writer.hpp"
#include "config/base/log.hpp"
#include "proxy/admin_client.hpp"
#include "proxy/data_directory.hpp"
#include "proxy/ledger_failure.hpp"
#include "proxy/output.hpp"
#include "proxy/verify_text.hpp"
#include "storage/rocks_ledger.hpp"

namespace farebox {
namespace {

namespace fs = std::filesystem;

// A rebuild of a long history may take minutes; the admin port answers when it is done.
constexpr std::chrono::hours kRebuildTime{6};
constexpr const char* kStore = "ledger";  // as RocksLedger names them
constexpr const char* kSecondPlace = "ledger.synced";
constexpr const char* kHalfRestored = "restore.tmp";  // below data_dir, while it is copied

bool holds_store(const std::string& directory) {
  std::error_code ec;
  return fs::exists(fs::path(directory) / kStore, ec);
}

// Also where only the second place is left: that is a damaged ledger, not none.
bool holds_ledger(const std::string& directory) {
  std::error_code ec;
  return holds_store(directory) || fs::exists(fs::path(directory) / kSecondPlace, ec);
}

// What a person should know before anything is opened: is there a ledger, may we read it?
CommandResult<void> look_at(const std::string& directory, std::string_view option) {
  if (::access(directory.c_str(), R_OK | X_OK) != 0 && errno != ENOENT && errno != ENOTDIR) {
    return CommandFailure{
        errno == EACCES ? kExitPermission : kExitIo,
        fmt::format("can't read '{}': {}; use the account farebox runs as", directory,
                    std::strerror(errno))};
  }
  if (holds_ledger(directory)) return {};
  if (const std::string demo = directory + "/demo"; holds_ledger(demo)) {
    return CommandFailure{kExitDamaged, fmt::format("no ledger in '{}', but the demo's is in '{}': "
                                                    "--data-dir {}", directory, demo, demo)};
  }
  return CommandFailure{kExitDamaged, fmt::format("no ledger in '{}'; {}", directory, option)};
}

constexpr const char* kGiveDataDir = "give its directory with --data-dir, or its configuration with "
                                     "--config";

CommandResult<std::unique_ptr<LedgerReader>> open_reader(const std::string& directory,
                                                         std::string_view option) {
  if (const auto looked = look_at(directory, option); !looked) return looked.error();
  auto reader = LedgerReader::open(directory);
  if (!reader) return ledger_failure(reader.error());
  return std::move(*reader);
}

CommandResult<DataDirectory> hold_directory(const std::string& directory, std::string_view why) {
  auto locked = DataDirectory::open(directory);
  if (locked) return std::move(*locked);
  const DataDirectoryFailure& failure = locked.error();
  if (failure.exit_code != kExitUnavailable) {
    return CommandFailure{failure.exit_code, failure.why};
  }
  return CommandFailure{kExitUnavailable,
                        fmt::format("a farebox is using '{}'; {}", directory, why)};
}

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
  if (const auto looked = look_at(directory, kGiveDataDir); !looked) return looked;
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

CommandResult<void> rebuild_stopped(const Settings& settings) {
  {
    // Opening it would settle what a crash left, by whatever configuration is at hand.
    const auto reader = LedgerReader::open(settings.data_dir);
    if (!reader) return ledger_failure(reader.error());
    const auto report = (*reader)->verify();
    if (!report) return ledger_failure(report.error());
    if (report->open_holds != 0 || report->pending != 0) {
      return CommandFailure{kExitUnavailable,
                            "calls were in flight when the last run ended; start farebox once, so "
                            "that they are settled by its configuration, then rebuild"};
    }
  }
  RocksLedgerOptions options;
  options.directory = settings.data_dir;
  options.settings = settings.ledger;
  // Only sums are made anew: whatever the configuration at hand says, no record goes.
  options.settings.retain = std::chrono::hours(24 * 36'500);
  options.settings.max_size = 1ull << 50;
  const SystemClock clock;
  Logger log(STDERR_FILENO, Level::warn, Logger::Format::text, clock);
  auto ledger = RocksLedger::open(std::move(options), log, clock);
  if (!ledger) return ledger_failure(ledger.error());
  const auto rebuilt = (*ledger)->rebuild();
  (*ledger)->close();
  if (!rebuilt) return ledger_failure(rebuilt.error());
  return {};
}

CommandResult<void> rebuild_running(const AdminSettings& admin) {
  AdminCall call;
  call.method = "POST";
  call.target = "/api/ledger/rebuild";
  call.answer_time = kRebuildTime;
  const auto answer = admin_body(admin, call);
  if (!answer) return answer.error();
  return {};
}

int rebuild(const Settings& settings) {
  if (const auto looked = look_at(settings.data_dir, kGiveDataDir); !looked) {
    return complain(looked.error());
  }
  // Held while we write, so that no farebox starts meanwhile.
  const auto locked = hold_directory(settings.data_dir, "");
  const bool running = !locked && locked.error().exit_code == kExitUnavailable;
  if (!locked && !running) return complain(locked.error());
  const auto rebuilt = running ? rebuild_running(settings.admin) : rebuild_stopped(settings);
  if (!rebuilt) return complain(rebuilt.error());
  return say(fmt::format("the sums of '{}' were made anew from its records\n", settings.data_dir));
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
  if (!copied) {
    CommandFailure failure = ledger_failure(copied.error());
    failure.why += fmt::format("; what is in '{}' is no whole backup", to);
    return complain(failure);
  }
  return say(fmt::format("copied to '{}':\n{}", to, verify_text(*copied)));
}

// Everything is copied and checked beside its place and then moved into it, the store last:
// where that is, a restore has been finished.
CommandResult<VerifyReport> restore_into(const std::string& directory, const LedgerReader& backup) {
  const fs::path half = fs::path(directory) / kHalfRestored;
  std::error_code ec;
  fs::remove_all(half, ec);
  const auto copied = backup.copy_to(half.string());
  if (!copied) {
    fs::remove_all(half, ec);
    return ledger_failure(copied.error());
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
  const auto report = restore_into(to, **reader);
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
    case LedgerOptions::Act::rebuild: return rebuild(settings);
    case LedgerOptions::Act::backup: return backup(settings.data_dir, options.directory);
    case LedgerOptions::Act::restore: return restore(options.directory, settings.data_dir);
  }
  return kExitBug;
}

}  // namespace farebox
