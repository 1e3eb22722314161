#include "config/calendar_time.hpp"

#include <cstdint>

namespace farebox {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// Takes a time apart from its front; every function says whether that was there.
struct Cursor {
  std::string_view rest;

  bool skip(char wanted) {
    if (rest.empty() || rest.front() != wanted) return false;
    rest.remove_prefix(1);
    return true;
  }
  bool number(std::size_t digits, int& out) {
    if (rest.size() < digits) return false;
    out = 0;
    for (std::size_t i = 0; i < digits; ++i) {
      if (!is_digit(rest[i])) return false;
      out = out * 10 + (rest[i] - '0');
    }
    rest.remove_prefix(digits);
    return true;
  }
  // The digits behind a point. What is finer than a microsecond is cut off.
  bool fraction(std::int64_t& microseconds) {
    if (rest.empty() || !is_digit(rest.front())) return false;
    for (std::int64_t unit = 100'000; !rest.empty() && is_digit(rest.front()); unit /= 10) {
      microseconds += (rest.front() - '0') * unit;
      rest.remove_prefix(1);
    }
    return true;
  }
  // RFC 3339, 5.6: time-offset. Without one we say UTC.
  bool offset(std::chrono::minutes& east) {
    if (rest.empty() || skip('Z') || skip('z')) return true;
    const bool west = skip('-');
    int hours = 0, minutes = 0;
    if (!west && !skip('+')) return false;
    if (!number(2, hours) || !skip(':') || !number(2, minutes)) return false;
    if (hours > 23 || minutes > 59) return false;
    east = std::chrono::minutes(hours * 60 + minutes) * (west ? -1 : 1);
    return true;
  }
};

}  // namespace

// RFC 3339, 5.6: full-date, or date-time with seconds and offset left out at will.
std::optional<WallTime> calendar_time(std::string_view said) {
  Cursor cursor{said};
  int year = 0, month = 0, day = 0;
  if (!cursor.number(4, year) || !cursor.skip('-') || !cursor.number(2, month) ||
      !cursor.skip('-') || !cursor.number(2, day)) {
    return std::nullopt;
  }
  const std::chrono::year_month_day date{std::chrono::year(year),
                                         std::chrono::month(static_cast<unsigned>(month)),
                                         std::chrono::day(static_cast<unsigned>(day))};
  if (!date.ok()) return std::nullopt;
  const WallTime midnight = std::chrono::sys_days(date);
  if (cursor.rest.empty()) return midnight;

  if (!cursor.skip('T') && !cursor.skip(' ')) return std::nullopt;
  int hour = 0, minute = 0, second = 0;
  std::int64_t microseconds = 0;
  std::chrono::minutes east{0};
  if (!cursor.number(2, hour) || !cursor.skip(':') || !cursor.number(2, minute)) {
    return std::nullopt;
  }
  if (cursor.skip(':')) {
    if (!cursor.number(2, second)) return std::nullopt;
    if (cursor.skip('.') && !cursor.fraction(microseconds)) return std::nullopt;
  }
  // A leap second is the 60th.
  if (hour > 23 || minute > 59 || second > 60) return std::nullopt;
  if (!cursor.offset(east) || !cursor.rest.empty()) return std::nullopt;
  return midnight + std::chrono::hours(hour) + std::chrono::minutes(minute) +
         std::chrono::seconds(second) + std::chrono::microseconds(microseconds) - east;
}

}  // namespace farebox
