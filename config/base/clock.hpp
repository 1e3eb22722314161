// Clock: the only way any room learns the time, so that tests can own it.
//
// Deadlines are measured on the steady clock, calendar windows and records on
// the wall clock. Implementations are safe to call from any thread.
#pragma once

#include <chrono>
#include <string>

namespace farebox {

using SteadyTime = std::chrono::steady_clock::time_point;
using WallTime = std::chrono::sys_time<std::chrono::microseconds>;

class Clock {
 public:
  virtual ~Clock() = default;
  virtual SteadyTime steady_now() const = 0;
  virtual WallTime wall_now() const = 0;
};

class SystemClock final : public Clock {
 public:
  SteadyTime steady_now() const override;
  WallTime wall_now() const override;
};

// RFC 3339 in UTC with milliseconds, as logs and records show time:
// "2026-11-21T04:52:23.123Z".
std::string rfc3339(WallTime time);

}  // namespace farebox
