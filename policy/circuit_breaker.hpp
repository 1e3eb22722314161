// CircuitBreaker: a provider that fails is left alone for a while, then asked carefully.
//
// CLOSED: calls pass; failure_threshold failures in a row, or error_threshold_percentage of
// at least min_requests within the window, open it. OPEN: nothing passes until the reset
// timeout is over. HALF_OPEN: half_open_requests calls at a time try; that many successes
// close it, one failure opens it again, for longer: each time between one and a half and
// two times as long, up to max_reset_timeout, so that many proxies don't ask in step.
//
// A fixed size, nothing is kept for a call. Time is an argument; not thread-safe.
#pragma once

#include <cstdint>
#include <string_view>

#include "config/base/clock.hpp"
#include "config/settings.hpp"
#include "policy/failure.hpp"
#include "policy/random.hpp"
#include "policy/rolling_window.hpp"

namespace farebox {

class CircuitBreaker {
 public:
  enum class State : std::uint8_t { closed, open, half_open };

  // May a call be made? What was allowed is reported when it is known how it went.
  struct Admission {
    bool allowed = true;
    bool probe = false;            // has one of the places of HALF_OPEN
    std::uint32_t generation = 0;  // of the state that it was admitted in
    std::uint32_t row_before = 0;  // of failures, when its answer began well
    SteadyTime retry_at{};         // when it isn't allowed: ask again then
  };

  CircuitBreaker(const BreakerSettings& settings, std::uint64_t seed)
      : settings_(settings), random_(seed), window_(settings.window) {}

  Admission admit(SteadyTime now);

  // How an allowed call went. Results of calls that were admitted in an earlier state don't
  // count. A call may be reported again, when its answer began well and then broke off: its
  // first report gave the place of a probe back.
  void report(Admission& admission, BreakerVerdict verdict, SteadyTime now);

  // What another one has learnt, whose calls under way report to that.
  void take_over(const CircuitBreaker& before);

  State state() const { return state_; }
  SteadyTime since() const { return since_; }        // of that state
  SteadyTime retry_at() const { return retry_at_; }  // when OPEN: the first probe may pass
  std::uint32_t generation() const { return generation_; }  // one more for each change
  std::uint64_t times_opened() const { return times_opened_; }

 private:
  enum Counted : std::size_t { kOk, kFailed, kCounted };

  void change(State state, SteadyTime now);
  void open(bool unreached, SteadyTime now);
  bool too_many_failures(SteadyTime now) const;

  BreakerSettings settings_;
  Random random_;
  RollingWindow<kCounted> window_;
  State state_ = State::closed;
  SteadyTime since_{}, retry_at_{};
  std::chrono::nanoseconds pause_{0};  // of the last opening; 0: it was closed since
  std::uint32_t generation_ = 0;
  std::uint32_t failures_in_a_row_ = 0;
  std::uint32_t probes_ = 0;  // under way
  std::uint32_t proved_ = 0;  // probes that went well
  bool unreached_ = false;    // what opened it last: nobody was there
  std::uint64_t times_opened_ = 0;
};

std::string_view name_of(CircuitBreaker::State state);  // "HALF_OPEN"

}  // namespace farebox
