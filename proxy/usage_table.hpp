// UsageTable: answers of the admin port as tables for people. Pure: JSON in, text out.
#pragma once

#include <string>
#include <string_view>

#include "config/base/result.hpp"

namespace farebox {

// The answer of /api/usage. `span` says which time was asked for, "since 24h ago". Money
// is the server's decimal, untouched. An Error: this is no such answer.
Result<std::string> usage_table(std::string_view json, std::string_view span);

// The same for /api/usage/records: one line for each record, newest first.
Result<std::string> records_table(std::string_view json, std::string_view span);

}  // namespace farebox
