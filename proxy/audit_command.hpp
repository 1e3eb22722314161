// farebox audit: who changed what, asked of the running farebox by its admin port.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "config/base/result.hpp"
#include "config/settings.hpp"

namespace farebox {

struct AuditOptions {
  std::uint32_t limit = 20;  // the newest so many changes
  bool json = false;
};

// What GET /api/audit answers, for people. Error: it is no such answer.
Result<std::string> audit_table(std::string_view body);

// Prints a table on a terminal, else the JSON of the admin port. Gives the exit code.
int run_audit(const AdminSettings& admin, const AuditOptions& options);

}  // namespace farebox
