// OctetStore: some octets that outlive the program; as a whole, not by key.
//
// For what farebox may lose without harm, as what it learnt: not for money, which is the
// ledger's. For one thread at a time.
#pragma once

#include <string>
#include <string_view>

#include "config/base/result.hpp"

namespace farebox {

class OctetStore {
 public:
  virtual ~OctetStore() = default;

  // What was saved last. Errors: not_found (nothing yet), ledger_damaged (not what was saved),
  // io_failed.
  virtual Result<std::string> load() = 0;

  // All of it or nothing, also when the power fails. Error: io_failed. Blocks on the disk.
  virtual Result<void> save(std::string_view octets) = 0;

  // Takes what is there out of the way, and keeps it for people to look at; says where.
  virtual Result<std::string> set_aside() = 0;
};

}  // namespace farebox
