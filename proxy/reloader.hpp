// Reloader: reads the configuration again and gives it to whoever runs by it; and looks
// after the certificate, which changes on the disk by itself.
//
// A configuration with a mistake changes nothing. Thread-safe: one reload runs at a time,
// others wait. All of it may read from disk, so never on a worker.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "config/base/log.hpp"
#include "config/file_stamp.hpp"
#include "config/load.hpp"
#include "proxy/audit_log.hpp"
#include "proxy/configuration.hpp"
#include "proxy/metrics.hpp"
#include "proxy/tls_server.hpp"

namespace farebox {

// Where the settings come from: the file, the environment and the command line, checked.
struct ConfigSource {
  std::string file;  // empty: there is none, and nothing to read again
  std::function<LoadResult()> load;
};

struct ReloadReport {
  enum class Outcome : std::uint8_t { applied, refused, no_file };
  Outcome outcome = Outcome::no_file;
  std::vector<std::string> changed;        // keys that have effect now
  std::vector<std::string> needs_restart;  // keys that were asked for and can't change
  std::vector<std::string> problems;       // of a refused file, as `farebox check` says them
  std::vector<std::string> warnings;
  std::string before, after;               // what runs, as far as it is for others' eyes: JSON
};

// What an audit record says of it; nothing: nothing was changed.
std::optional<AuditChange> change_of(const ReloadReport& report);

class Reloader {
 public:
  // Called for every new configuration, in their order.
  using Give = std::function<void(std::shared_ptr<const Configuration>)>;

  Reloader(ConfigSource source, std::shared_ptr<const Configuration> first, Give give, Logger& log,
           const Clock& clock);

  // `asked_by` is for the log.
  ReloadReport reload(std::string_view asked_by);

  // Takes up a certificate that was replaced on the disk; one that can't be used is told of
  // once, and the old one stays.
  void look_at_certificate();
  // Reads the file again when it was replaced, as a ConfigMap is by a swap of links, and has not
  // changed since the last look. Only where watch_config says so.
  std::optional<ReloadReport> look_at_file();

  std::shared_ptr<const Configuration> current() const;
  ReloadStatus status() const;

 private:
  ReloadReport attempt();
  void adopt(std::shared_ptr<const Configuration> next);
  void tell(const ReloadReport& report, std::string_view asked_by);

  const ConfigSource source_;
  const Give give_;
  Logger& log_;
  const Clock& clock_;

  std::mutex working_;  // one reload at a time
  mutable std::mutex mutex_;  // of the next two, held for a moment
  std::shared_ptr<const Configuration> current_;
  ReloadStatus status_;
  FileStamp read_, looked_;    // under working_: of the file, when it was read and at the last look
  TlsServer::Stamps refused_;  // under working_: of the pair that was told of
};

}  // namespace farebox
