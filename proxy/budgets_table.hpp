// The answer of GET /api/budgets as a table for people.
#pragma once

#include <string>
#include <string_view>

#include "config/base/clock.hpp"
#include "config/base/result.hpp"

namespace farebox {

// A line for each counter, and below them what was changed for a while. Amounts stay as the
// server wrote them. Error: upstream_invalid, it is no such answer.
Result<std::string> budgets_table(std::string_view body, WallTime now);

}  // namespace farebox
