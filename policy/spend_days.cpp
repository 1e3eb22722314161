#include "policy/spend_days.hpp"

#include <algorithm>

namespace farebox {
namespace {

double seconds(WallTime::duration span) { return std::chrono::duration<double>(span).count(); }

SpendDay make_day(const TimeZone& zone, std::chrono::local_days day) {
  SpendDay made;
  made.day = day;
  made.start = zone.start_of(day);
  made.end = zone.start_of(day + std::chrono::days(1));
  return made;
}

// Adds the part of a piece that lies in the day, evenly over its time.
void add(SpendDay& day, const SpendPiece& piece) {
  const WallTime first = std::max(piece.start, day.start);
  const WallTime end = std::min(piece.end, day.end);
  if (first >= end) return;
  const double cost = static_cast<double>(piece.cost.picodollars()) * seconds(end - first) /
                      seconds(piece.end - piece.start);
  day.total += cost;
  constexpr auto kSlots = static_cast<double>(kDaySlots);
  const double from = day.passed(first) * kSlots;
  const double to = std::max(day.passed(end) * kSlots, from + 1e-9);
  for (std::size_t slot = 0; slot < kDaySlots; ++slot) {
    const auto begin = static_cast<double>(slot);
    const double part = std::min(to, begin + 1) - std::max(from, begin);
    if (part > 0) day.slots[slot] += cost * part / (to - from);
  }
}

}  // namespace

bool SpendDay::is_weekend() const {
  const std::chrono::weekday weekday(day);
  return weekday == std::chrono::Saturday || weekday == std::chrono::Sunday;
}

double SpendDay::passed(WallTime time) const {
  if (end <= start) return 1;
  return std::clamp(seconds(time - start) / seconds(end - start), 0.0, 1.0);
}

SpendDay day_at(const TimeZone& zone, WallTime time) {
  SpendDay day = make_day(zone, zone.day_at(time));
  // A day that comes twice in part, or is skipped, belongs to the bounds and not to its name.
  while (time >= day.end) day = make_day(zone, day.day + std::chrono::days(1));
  while (time < day.start) day = make_day(zone, day.day - std::chrono::days(1));
  return day;
}

SpendDay day_after(const TimeZone& zone, const SpendDay& day) {
  SpendDay next = make_day(zone, day.day + std::chrono::days(1));
  while (next.end <= next.start) next = make_day(zone, next.day + std::chrono::days(1));
  return next;
}

std::vector<SpendDay> spend_days(const TimeZone& zone, std::span<const SpendPiece> pieces,
                                 WallTime since, WallTime now, std::size_t most) {
  const SpendDay today = day_at(zone, now);
  const WallTime earliest = today.start - std::chrono::days(most);
  SpendDay day = day_at(zone, std::clamp(since, earliest, now));
  std::vector<SpendDay> days;
  auto piece = pieces.begin();
  for (;; day = day_after(zone, day)) {
    while (piece != pieces.end() && piece->end <= day.start) ++piece;
    for (auto each = piece; each != pieces.end() && each->start < day.end; ++each) add(day, *each);
    const bool is_today = day.start >= today.start;
    // The first one isn't known from its begin on.
    if (is_today || day.start >= since) days.push_back(day);
    if (is_today) return days;
  }
}

}  // namespace farebox
