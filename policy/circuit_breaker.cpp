#include "policy/circuit_breaker.hpp"

#include <algorithm>

#include "config/base/check.hpp"

namespace farebox {
namespace {

// While all places of HALF_OPEN are taken nobody knows when one comes free.
constexpr std::chrono::seconds kProbeWait{1};

}  // namespace

CircuitBreaker::Admission CircuitBreaker::admit(SteadyTime now) {
  Admission admission;
  if (!settings_.enabled) return admission;
  if (state_ == State::open && now >= retry_at_) change(State::half_open, now);
  admission.generation = generation_;
  switch (state_) {
    case State::closed: break;
    case State::open:
      admission.allowed = false;
      admission.retry_at = retry_at_;
      break;
    case State::half_open:
      admission.allowed = admission.probe = probes_ < settings_.half_open_requests;
      if (admission.probe) {
        ++probes_;
      } else {
        admission.retry_at = now + kProbeWait;
      }
      break;
  }
  return admission;
}

void CircuitBreaker::report(Admission& admission, BreakerVerdict verdict, SteadyTime now) {
  if (!settings_.enabled || !admission.allowed || admission.generation != generation_) return;
  const bool failed = verdict == BreakerVerdict::failure || verdict == BreakerVerdict::unreached;
  const bool unreached = verdict == BreakerVerdict::unreached;
  if (state_ == State::closed) {
    if (verdict == BreakerVerdict::ok) {
      admission.row_before = failures_in_a_row_;
      failures_in_a_row_ = 0;
      window_.add(kOk, now);
    } else if (failed) {
      // What broke off hadn't ended the row.
      failures_in_a_row_ = std::max(failures_in_a_row_, admission.row_before) + 1;
      window_.add(kFailed, now);
      if (too_many_failures(now)) open(unreached, now);
    }
    return;
  }
  DCHECK(state_ == State::half_open);  // nothing is admitted when it is open
  if (admission.probe) {
    DCHECK(probes_ > 0);
    admission.probe = false;
    --probes_;
    const bool found = verdict == BreakerVerdict::alive && unreached_;
    if (verdict == BreakerVerdict::ok || found) ++proved_;
  }
  if (failed) {
    open(unreached, now);
  } else if (proved_ >= settings_.half_open_requests) {
    pause_ = std::chrono::nanoseconds(0);
    change(State::closed, now);
  }
}

void CircuitBreaker::take_over(const CircuitBreaker& before) {
  if (!settings_.enabled || !before.settings_.enabled) return;
  change(before.state_, before.since_);
  retry_at_ = before.retry_at_;
  pause_ = before.pause_;
  failures_in_a_row_ = before.failures_in_a_row_;
  unreached_ = before.unreached_;
  times_opened_ = before.times_opened_;
}

void CircuitBreaker::change(State state, SteadyTime now) {
  state_ = state;
  since_ = now;
  ++generation_;
  failures_in_a_row_ = probes_ = proved_ = 0;
  window_.clear();
}

void CircuitBreaker::open(bool unreached, SteadyTime now) {
  unreached_ = unreached;
  const std::chrono::nanoseconds first = settings_.reset_timeout;
  const std::chrono::nanoseconds most = std::max(settings_.max_reset_timeout,
                                                 settings_.reset_timeout);
  if (pause_ == std::chrono::nanoseconds(0)) {
    pause_ = first;
  } else {
    const auto half = static_cast<std::uint64_t>(pause_.count() / 2);
    const auto more = half + draw_below(half + 1, random_.next());
    pause_ = std::min(most, pause_ + std::chrono::nanoseconds(more));
  }
  change(State::open, now);
  retry_at_ = now + pause_;
  ++times_opened_;
}

bool CircuitBreaker::too_many_failures(SteadyTime now) const {
  if (failures_in_a_row_ >= settings_.failure_threshold) return true;
  const std::uint64_t failed = window_.count(kFailed, now);
  const std::uint64_t all = failed + window_.count(kOk, now);
  return all >= settings_.min_requests &&
         failed * 100 >= all * settings_.error_threshold_percentage;
}

std::string_view name_of(CircuitBreaker::State state) {
  switch (state) {
    case CircuitBreaker::State::closed: return "CLOSED";
    case CircuitBreaker::State::open: return "OPEN";
    case CircuitBreaker::State::half_open: return "HALF_OPEN";
  }
  return "CLOSED";
}

}  // namespace farebox
