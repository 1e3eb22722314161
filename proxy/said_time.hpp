// A time as people say it, to the admin port and on the command line.
#pragma once

#include <optional>
#include <string_view>

#include "config/base/clock.hpp"

namespace farebox {

// "now", "24h ago", "24h" (which means the same), "2026-11-21", an RFC 3339 time with Z,
// an offset such as +02:00 or nothing (which means UTC), or Unix seconds.
std::optional<WallTime> said_time(std::string_view said, WallTime now);

// How to write one: the end of a message about `said_time`'s refusal.
inline constexpr std::string_view kTimeExample =
    "write 24h ago, now, or 2026-11-21T00:00:00Z";

}  // namespace farebox
