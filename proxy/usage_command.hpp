// farebox usage: what the running farebox has metered, asked from its admin port.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "config/settings.hpp"

namespace farebox {

struct UsageOptions {
  std::string by = "model";  // what to group by, with commas; "none": the total only
  std::string since = "24h";
  std::string until, granularity, project, model, provider, user, key;
  bool json = false;
  std::uint32_t records = 0;  // show that many of the newest records; 0: sums
};

// The path and query that these options ask for.
std::string usage_target(const UsageOptions& options);
// One page of records, at most as many as the admin port gives at once.
std::string records_target(const UsageOptions& options, std::uint32_t limit,
                           std::string_view cursor);

// "since 24h ago", "from 48h ago until 24h ago": the time the options ask for, for people.
std::string span_of(const UsageOptions& options);

// Prints a table on a terminal, else the JSON of the admin port. Gives the exit code.
int run_usage(const AdminSettings& admin, const UsageOptions& options);

}  // namespace farebox
