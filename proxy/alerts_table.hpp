// Answers of the admin port about alerts, for people.
#pragma once

#include <string>
#include <string_view>

#include "config/base/result.hpp"

namespace farebox {

// The body of GET /api/alerts. Error: upstream_invalid.
Result<std::string> alerts_table(std::string_view body);

// The body of POST /api/alerts/test; a line for each channel.
Result<std::string> alert_tests_text(std::string_view body);
// Was every test delivered?
bool all_delivered(std::string_view body);

}  // namespace farebox
