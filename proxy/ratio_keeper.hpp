// RatioKeeper: the RatioTable of the running program: taught by the token desk, asked by it,
// kept across restarts. Thread-safe by one lock, which is never held over I/O.
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "config/base/log.hpp"
#include "policy/tokens/ratio_table.hpp"
#include "storage/octet_store.hpp"

namespace farebox {

class RatioKeeper {
 public:
  // Takes up what `store` has and saves there from now on; before, all is in memory only. What
  // can't be read is set aside with a line in the log, and learning begins anew. Call once,
  // before others use this. `log` must outlive it.
  void keep_in(std::unique_ptr<OctetStore> store, Logger& log);

  void learn(const RatioTable::Lesson& lesson);

  // As RatioTable::find.
  std::optional<TokenRatio> find(std::string_view provider, std::string_view model, Side side) const;

  // Writes what was learnt since the last time, if anything. Blocks on the disk; one thread at
  // a time. A failure is logged once and tried again at the next call.
  void save();

 private:
  mutable std::mutex mutex_;
  RatioTable table_;
  bool changed_ = false;

  std::unique_ptr<OctetStore> store_;  // null: in memory only
  Logger* log_ = nullptr;
  bool failing_ = false;
};

// Where the ratios of a ledger on disk are kept.
std::string ratios_path(const std::string& data_dir);

}  // namespace farebox
