// SpendPattern: what a day costs mostly, learnt from days that are over, and how far it may be
// from that. Statistics; amounts are picodollars as doubles.
#pragma once

#include <array>
#include <span>

#include "policy/spend_days.hpp"

namespace farebox {

// The sum over a stretch of time to come.
struct SpendOutlook {
  double expected = 0;
  double low = 0;
  double high = 0;
};

class SpendPattern {
 public:
  // `days`: whole ones, one behind the other, the newest last; `today` with what is spent in
  // it so far, of which nothing is known before `since`.
  SpendPattern(std::span<const SpendDay> days, const SpendDay& today, WallTime now,
               WallTime since);

  // A day to come, whole; `ahead` is 1 for tomorrow.
  double expected(const SpendDay& day, std::size_t ahead) const;
  // What is left of today.
  double rest_of_today() const { return rest_expected_; }
  // Of a day's spend, the part that mostly comes before `passed` of it is over.
  double share_before(double passed) const;

  // The rest of today and the days behind it that the window has.
  SpendOutlook outlook(std::span<const SpendDay> coming) const;

 private:
  void learn_weekdays(std::span<const SpendDay> days);
  void learn_level(std::span<const SpendDay> days);
  void learn_profile(std::span<const SpendDay> days);
  void learn_today(std::span<const SpendDay> days);
  double weight(const SpendDay& day) const;
  double level(double ahead) const;

  const SpendDay today_;
  const double passed_;
  const std::size_t known_;  // days

  std::array<double, 7> weekday_{1, 1, 1, 1, 1, 1, 1};  // beside the level, from Sunday
  std::array<bool, 2> seen_{};       // working days, weekends
  double level_ = 0;                 // of a day of weight 1, in the middle of the days looked at
  double slope_ = 0;                 // of the level, by day
  double centre_ = 0;                // days from there to today
  double level_error_ = 0;           // standard errors
  double slope_error_ = 0;
  double spread_ = 0;                // of a day around the level, standard deviation
  double skew_ = 0;                  // of a day's spread
  double carry_ = 1;                 // how days in a row go together, as a factor of variance
  double spike_ = 0;                 // the largest single excess, which is not in the level
  std::array<double, kDaySlots> profile_{};  // parts of a day's spend
  double follows_ = 0;  // how much of today's begin goes on until its end
  double rest_expected_ = 0;
  double rest_spread_ = 0;
  double rest_skew_ = 0;
};

}  // namespace farebox
