#include "proxy/said_time.hpp"

#include <charconv>
#include <cstdint>

#include "config/calendar_time.hpp"
#include "config/scalars.hpp"

namespace farebox {
namespace {

// 9999-12-31T23:59:59Z, the last second RFC 3339 can write.
constexpr std::int64_t kLastSecond = 253'402'300'799;

std::optional<WallTime> unix_time(std::string_view said) {
  std::int64_t seconds = 0;
  const char* const end = said.data() + said.size();
  const auto parsed = std::from_chars(said.data(), end, seconds);
  if (parsed.ec != std::errc() || parsed.ptr != end || seconds < 0 || seconds > kLastSecond) {
    return std::nullopt;
  }
  return WallTime(std::chrono::seconds(seconds));
}

}  // namespace

std::optional<WallTime> said_time(std::string_view said, WallTime now) {
  if (said == "now") return now;
  std::string_view span = said;
  if (span.ends_with(" ago")) span.remove_suffix(4);
  if (const auto duration = parse_duration(span)) return now - *duration;
  if (const auto time = calendar_time(said)) return time;
  return unix_time(said);
}

}  // namespace farebox
