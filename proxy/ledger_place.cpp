#include "proxy/ledger_place.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

#include "proxy/ledger_failure.hpp"

namespace farebox {
namespace {

namespace fs = std::filesystem;

constexpr const char* kStore = "ledger";  // as RocksLedger names them
constexpr const char* kSecondPlace = "ledger.synced";

// Also where only the second place is left: that is a damaged ledger, not none.
bool holds_ledger(const std::string& directory) {
  std::error_code ec;
  return holds_store(directory) || fs::exists(fs::path(directory) / kSecondPlace, ec);
}

}  // namespace

bool holds_store(const std::string& directory) {
  std::error_code ec;
  return fs::exists(fs::path(directory) / kStore, ec);
}

CommandResult<void> look_at_ledger(const std::string& directory, std::string_view option) {
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

CommandResult<std::unique_ptr<LedgerReader>> open_reader(const std::string& directory,
                                                         std::string_view option) {
  if (const auto looked = look_at_ledger(directory, option); !looked) return looked.error();
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

}  // namespace farebox
