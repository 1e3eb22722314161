// Made-up spend, hour by hour, of known kinds: what forecasts and anomalies are tried on. The
// same for the same seed.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <random>
#include <vector>

#include "policy/period.hpp"
#include "policy/spend_days.hpp"

namespace farebox::testing {

// How many curves are tried: under sanitizers, which take ten times as long, fewer of the same.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr bool kAllSeeds = false;
#else
inline constexpr bool kAllSeeds = true;
#endif

enum class CurveKind { flat, weekly, growing, bursty, spike };
inline constexpr std::array<CurveKind, 5> kCurveKinds = {
    CurveKind::flat, CurveKind::weekly, CurveKind::growing, CurveKind::bursty, CurveKind::spike};

inline const char* name_of(CurveKind kind) {
  constexpr const char* kNames[] = {"flat", "weekly", "growing", "bursty", "one-off spike"};
  return kNames[static_cast<std::size_t>(kind)];
}

// std distributions may differ between libraries; these don't.
class Chance {
 public:
  explicit Chance(std::uint64_t seed) : random_(seed * 7919 + 1) {}

  double part() { return static_cast<double>(random_() >> 11) * 0x1p-53; }
  double between(double low, double high) { return low + (high - low) * part(); }
  std::size_t below(std::size_t end) { return static_cast<std::size_t>(random_() % end); }
  double normal() {
    const double radius = std::sqrt(-2 * std::log(1 - part()));
    return radius * std::cos(2 * 3.14159265358979323846 * part());
  }
  // How many come by chance where so many are expected.
  std::size_t count(double expected) {
    if (expected > 200) {
      return static_cast<std::size_t>(std::max(0.0, expected + std::sqrt(expected) * normal() + 0.5));
    }
    std::size_t found = 0;
    for (double left = std::exp(-expected), product = part(); product > left; product *= part()) ++found;
    return found;
  }
  // Around one, never below zero.
  double noise(double spread) { return std::exp(spread * normal() - spread * spread / 2); }

 private:
  std::mt19937_64 random_;
};

struct SpendCurve {
  std::vector<SpendPiece> hours;
  std::size_t spike_begin = 0, spike_end = 0;  // hours, of a one-off spike

  WallTime start() const { return hours.front().start; }
  double sum(WallTime from, WallTime until) const {
    double total = 0;
    for (const SpendPiece& hour : hours) {
      if (hour.start >= from && hour.start < until) total += static_cast<double>(hour.cost.picodollars());
    }
    return total;
  }
};

struct CurveOrder {
  CurveKind kind = CurveKind::flat;
  std::uint64_t seed = 0;
  WallTime start;
  WallTime end;
  std::size_t spike_hours = 24;  // that it lasts
  double most_noise = 0.35;      // of an hour
  // What calls cost, in picodollars: hours are then made of whole calls with these costs.
  const std::vector<double>* calls = nullptr;
};

inline SpendCurve make_curve(const CurveOrder& order) {
  Chance chance(order.seed * 5 + static_cast<std::uint64_t>(order.kind));
  const auto hours = static_cast<std::size_t>((order.end - order.start) / std::chrono::hours(1));
  const double base = std::pow(10.0, chance.between(8, 13));  // picodollars an hour
  // Where its people live, whatever zone its budget says; some work by night too.
  const auto noon = static_cast<int>(chance.below(24));
  const double night = chance.between(0.05, 0.5);
  const double weekend = chance.between(0.05, 0.6);
  const bool works = order.kind == CurveKind::weekly ||
                     (order.kind != CurveKind::flat && chance.part() < 0.5);
  const double hourly = chance.between(0.1, order.most_noise), daily = chance.between(0.03, 0.15);
  const double growth = order.kind == CurveKind::growing ? chance.between(0.003, 0.025) : 0;
  const bool straight = chance.part() < 0.5;
  const double bursts = order.kind == CurveKind::bursty ? chance.between(0.2, 0.8) / 24 : 0;
  const double burst_size = chance.between(6, 30);  // hours' worth, mostly

  const double hourly_calls = order.calls == nullptr ? 0 : std::pow(10.0, chance.between(0, 2));

  SpendCurve curve;
  double day_noise = 1, burst = 0, burst_fades = 0;
  for (std::size_t hour = 0; hour < hours; ++hour) {
    const WallTime start = order.start + std::chrono::hours(hour);
    const auto day = std::chrono::floor<std::chrono::days>(start);
    const auto clock = static_cast<int>((start - day) / std::chrono::hours(1));
    if (clock == 0 || hour == 0) day_noise = chance.noise(daily);
    double rate = day_noise * chance.noise(hourly);
    if (works) {
      const int from_noon = std::min((clock - noon + 24) % 24, (noon - clock + 24) % 24);
      const std::chrono::weekday weekday(day);
      const bool off = weekday == std::chrono::Saturday || weekday == std::chrono::Sunday;
      rate *= (from_noon <= 5 ? 2 : 2 * night) * (off ? weekend : 1);
    }
    const double age = static_cast<double>(hour) / 24;
    rate *= straight ? 1 + growth * age : std::exp(growth * age);
    // A batch comes of a sudden and is worked off in some hours.
    if (chance.part() < bursts) {
      burst = -std::log(1 - chance.part()) * burst_size / 4;
      burst_fades = chance.between(0.6, 0.85);
    }
    rate += burst;
    burst *= burst_fades;
    if (order.calls != nullptr) {
      double sum = 0;
      for (std::size_t i = chance.count(rate * hourly_calls); i != 0; --i) {
        sum += (*order.calls)[chance.below(order.calls->size())];
      }
      rate = sum / base;
    }
    curve.hours.push_back({start, start + std::chrono::hours(1),
                           Money::picodollars(static_cast<Int128>(base * rate))});
  }
  if (order.kind == CurveKind::spike) {
    const double times = chance.between(3, 6);
    curve.spike_begin = chance.below(hours - order.spike_hours + 1);
    curve.spike_end = curve.spike_begin + order.spike_hours;
    for (std::size_t hour = curve.spike_begin; hour < curve.spike_end; ++hour) {
      Money& cost = curve.hours[hour].cost;
      cost = Money::picodollars(static_cast<Int128>(static_cast<double>(cost.picodollars()) * times));
    }
  }
  return curve;
}

}  // namespace farebox::testing
