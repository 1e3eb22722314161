// A moment as a calendar and a clock say it, for settings, the admin port and commands.
#pragma once

#include <optional>
#include <string_view>

#include "config/base/clock.hpp"

namespace farebox {

// "2026-11-21", which is its first moment in UTC, or an RFC 3339 time with Z, an offset such
// as +02:00 or nothing (which means UTC); seconds may be left out.
std::optional<WallTime> calendar_time(std::string_view said);

}  // namespace farebox
