#include "config/base/time_zone.hpp"

#include <date/tz.h>

#include <exception>

namespace farebox {

using std::chrono::days;
using std::chrono::floor;

namespace {

// The library has its own calendar types where the compiler's are meant.
std::chrono::sys_seconds instant_of(date::sys_seconds time) {
  return std::chrono::sys_seconds(time.time_since_epoch());
}

}  // namespace

Result<TimeZone> TimeZone::find(std::string_view name) {
  TimeZone found;
  if (name == "UTC" || name == "Etc/UTC") return found;
  // The library says with exceptions what it doesn't know.
  try {
    found.zone_ = date::locate_zone(name);
    // It reads a zone when that is first asked: now, not under a request.
    found.zone_->get_info(date::sys_seconds(std::chrono::seconds(0)));
  } catch (const std::exception&) {
    return Error(ErrorCode::invalid_config,
                 "'" + std::string(name) + "' is no time zone this machine knows; write a name "
                 "such as Europe/Berlin, and see that the package tzdata is installed");
  }
  return found;
}

std::chrono::local_days TimeZone::day_at(WallTime time) const {
  const auto second = floor<std::chrono::seconds>(time);
  std::chrono::seconds offset{0};
  if (zone_ != nullptr) {
    offset = zone_->get_info(date::sys_seconds(second.time_since_epoch())).offset;
  }
  return std::chrono::local_days(floor<days>(second.time_since_epoch() + offset));
}

WallTime TimeZone::start_of(std::chrono::local_days day) const {
  const auto midnight = std::chrono::duration_cast<std::chrono::seconds>(day.time_since_epoch());
  if (zone_ == nullptr) return WallTime(midnight);
  const auto info = zone_->get_info(date::local_seconds(midnight));
  // The clocks jump over midnight: the day begins when they do.
  if (info.result == date::local_info::nonexistent) return WallTime(instant_of(info.first.end));
  return WallTime(std::chrono::sys_seconds(midnight - info.first.offset));
}

}  // namespace farebox
