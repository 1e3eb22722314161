// ConfigurationMemory: what the last run was configured with, so that what was changed while
// farebox was stopped leaves an audit record too.
//
// Kept are what others may see of it (proxy/configuration_state.hpp) and a digest for each key;
// no secret can be found from them. Not thread-safe; reads and writes the disk.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "config/base/log.hpp"
#include "config/changes.hpp"
#include "proxy/audit_log.hpp"
#include "proxy/configuration.hpp"
#include "storage/octet_store.hpp"

namespace farebox {

class ConfigurationMemory {
 public:
  // Without a store nothing is remembered. `log` must outlive it.
  ConfigurationMemory(std::unique_ptr<OctetStore> store, Logger& log);

  // What is other now than when it was kept; nothing: all is the same, or nothing was kept.
  // What can't be read is set aside with a line in the log.
  std::optional<AuditChange> compare(const Configuration& now);

  // A failure is logged; the next start then compares with what was kept before.
  void keep(const Configuration& now);

 private:
  struct Kept {
    std::string salt;      // of the digests of secrets
    std::string defaults;  // a digest of what is said of nothing, which another version changes
    std::string prices;    // the version of the table
    std::string state;     // JSON
    SettingsDigests keys;
  };

  static std::optional<Kept> read(const std::string& text);
  void set_aside(std::string_view why);

  std::unique_ptr<OctetStore> store_;
  Logger& log_;
  std::string salt_;
};

}  // namespace farebox
