// The answer of GET /api/budgets/forecast as a table for people.
#pragma once

#include <string>
#include <string_view>

#include "config/base/result.hpp"

namespace farebox {

// One line for the counter, and below it what the figures were made from. Amounts are cut
// behind the millionth of a dollar. Error: upstream_invalid, it is no such answer.
Result<std::string> forecast_table(std::string_view body);

}  // namespace farebox
