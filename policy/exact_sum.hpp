// ExactSum: money finer than any price, so that a bill is rounded once.
//
// Kept in millionths of an attodollar, 1e-24 USD, in 128 bits: up to 1.7e14 dollars.
// What doesn't fit is refused by add, never wrapped.
#pragma once

#include "config/base/money.hpp"

namespace farebox {

// One, in millionths: no discount and no margin.
inline constexpr std::uint32_t kNoPriceFactor = 1'000'000;

class ExactSum {
 public:
  static constexpr Int128 kAttodollar = 1'000'000;
  static constexpr Int128 kPicodollar = kAttodollar * 1'000'000;

  // False, and nothing added, when the sum has no room for it.
  [[nodiscard]] bool add(Int128 amount) {
    Int128 sum = 0;
    if (__builtin_add_overflow(amount_, amount, &sum)) return false;
    amount_ = sum;
    return true;
  }

  Int128 amount() const { return amount_; }

  // Times a factor in millionths, and then rounded to picodollars: half up, as sums are
  // never negative.
  Money rounded(std::uint32_t factor = kNoPriceFactor) const {
    return times(factor, kPicodollar * kNoPriceFactor / 2);
  }
  Money rounded_up(std::uint32_t factor = kNoPriceFactor) const {
    return times(factor, kPicodollar * kNoPriceFactor - 1);
  }

 private:
  // Whole picodollars and the rest are multiplied apart: the product would not fit.
  Money times(std::uint32_t factor, Int128 added) const {
    const Int128 whole = amount_ / kPicodollar * factor;
    const Int128 rest = amount_ % kPicodollar * factor +
                        whole % kNoPriceFactor * kPicodollar + added;
    return Money::picodollars(whole / kNoPriceFactor + rest / (kPicodollar * kNoPriceFactor));
  }

  Int128 amount_ = 0;
};

}  // namespace farebox
