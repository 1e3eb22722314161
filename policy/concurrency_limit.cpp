#include "policy/concurrency_limit.hpp"

#include <algorithm>
#include <cmath>

namespace farebox {
namespace {

constexpr std::uint64_t kOne = 1024;        // a call, in the limit's fixed point
constexpr std::uint64_t kBegin = 20;        // calls at once before anything is known
constexpr std::uint32_t kRoundSamples = 32;
constexpr std::uint64_t kMeasureEach = 64, kMeasureSoon = 4;  // rounds
constexpr std::uint64_t kLongestLatency = 3'600'000'000'000;  // an hour; sums stay in 64 bits

// Of a fixed-point number: sqrt(x * kOne) is the root in the same fixed point.
std::uint64_t root_of(std::uint64_t fixed) {
  return static_cast<std::uint64_t>(std::sqrt(static_cast<double>(fixed * kOne)));
}

}  // namespace

ConcurrencyLimit::ConcurrencyLimit(Adaptive kind, Bounds bounds)
    : kind_(kind),
      least_(std::clamp<std::uint64_t>(bounds.least, 1, std::max(bounds.most, 1u)) * kOne),
      most_(std::max<std::uint64_t>(bounds.most, 1) * kOne),
      limit_(kind == Adaptive::off ? most_ : std::clamp(kBegin * kOne, least_, most_)) {}

std::uint32_t ConcurrencyLimit::limit() const {
  const std::uint64_t now = measuring_ ? std::max(limit_ / 2, least_) : limit_;
  return static_cast<std::uint32_t>(now / kOne);
}

void ConcurrencyLimit::put(std::uint64_t limit) { limit_ = std::clamp(limit, least_, most_); }

void ConcurrencyLimit::add(const Sample& sample) {
  if (kind_ == Adaptive::off || sample.went == Went::unknown) return;
  if (sample.went == Went::refused) return back_off(sample);
  if (kind_ == Adaptive::aimd) {
    // A limit that isn't used says nothing about one that is higher.
    if (std::uint64_t{sample.in_flight} * 2 * kOne < limit_) return;
    const std::uint64_t step = kOne * kOne / limit_;
    const bool careful = refused_at_ != 0 && limit_ + kOne >= refused_at_;
    put(limit_ + (careful ? step / 8 : step));
    if (limit_ > refused_at_ + kOne) refused_at_ = 0;
    return;
  }
  // What began at another limit ran beside other calls.
  if (sample.began < changed_) return;
  const auto latency = static_cast<std::uint64_t>(
      std::max<std::int64_t>(std::chrono::nanoseconds(sample.ended - sample.began).count(), 1));
  latencies_ += std::min(latency, kLongestLatency);
  busiest_ = std::max(busiest_, sample.in_flight);
  ++samples_;
  if (samples_ >= std::max<std::uint64_t>(kRoundSamples, limit_ / kOne)) end_round(sample.ended);
}

// Calls that were under way at the last one are refused for the same reason.
void ConcurrencyLimit::back_off(const Sample& sample) {
  if (sample.began < backed_off_) return;
  refused_at_ = limit_;
  put(limit_ - limit_ / 10);
  backed_off_ = changed_ = sample.ended;
  latencies_ = samples_ = busiest_ = 0;
}

void ConcurrencyLimit::end_round(SteadyTime now) {
  const std::uint64_t mean = latencies_ / samples_;
  const bool used = std::uint64_t{busiest_} * 2 * kOne >= limit_;
  latencies_ = samples_ = busiest_ = 0;
  changed_ = now;
  ++rounds_;
  if (measuring_ || base_ == 0) {
    const bool found_less = mean < base_ - base_ / 20;
    measure_at_ = rounds_ + (found_less || base_ == 0 ? kMeasureSoon : kMeasureEach);
    base_ = mean;
  } else if (mean < base_) {
    base_ -= (base_ - mean) / 8;
  }
  const bool measured = measuring_;
  measuring_ = used && rounds_ >= measure_at_;
  if (measured || measuring_ || !used) return;

  const std::uint64_t allowed = base_ + base_ / 20;
  if (mean <= allowed) return put(limit_ + root_of(limit_) / 2);
  const std::uint64_t headroom = std::max(kOne / 2, limit_ / 16);
  // limit * gradient; a limit below 2^30 of them and thousandths stay in 64 bits.
  const std::uint64_t thousandths =
      std::max<std::uint64_t>(500, static_cast<std::uint64_t>(UInt128(allowed) * 1'000 / mean));
  const std::uint64_t wanted = limit_ * thousandths / 1'000 + headroom;
  put(wanted > limit_ ? limit_ + (wanted - limit_) / 5 : limit_ - (limit_ - wanted) / 5);
}

}  // namespace farebox
