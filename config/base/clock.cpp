#include "config/base/clock.hpp"

namespace farebox {

SteadyTime SystemClock::steady_now() const { return std::chrono::steady_clock::now(); }

WallTime SystemClock::wall_now() const {
  return std::chrono::time_point_cast<std::chrono::microseconds>(std::chrono::system_clock::now());
}

namespace {

// Writes `value` in exactly `digits` places and returns what follows.
char* write_digits(char* out, unsigned value, int digits) {
  for (int place = digits - 1; place >= 0; --place, value /= 10) {
    out[place] = static_cast<char>('0' + value % 10);
  }
  return out + digits;
}

}  // namespace

// Written by hand: every log line and record has one, and snprintf would cost more
// than the rest of the line.
std::string rfc3339(WallTime time) {
  const auto day = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date{day};
  const auto millis =
      static_cast<unsigned>(std::chrono::floor<std::chrono::milliseconds>(time - day).count());
  char text[] = "0000-00-00T00:00:00.000Z";
  write_digits(text, static_cast<unsigned>(static_cast<int>(date.year())), 4);
  write_digits(text + 5, static_cast<unsigned>(date.month()), 2);
  write_digits(text + 8, static_cast<unsigned>(date.day()), 2);
  write_digits(text + 11, millis / 3'600'000, 2);
  write_digits(text + 14, millis / 60'000 % 60, 2);
  write_digits(text + 17, millis / 1'000 % 60, 2);
  write_digits(text + 20, millis % 1'000, 3);
  return std::string(text, sizeof text - 1);
}

}  // namespace farebox
