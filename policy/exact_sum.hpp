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
    if (is_plain(factor)) return whole_of(amount_ + kPicodollar / 2);
    return times(factor, kPicodollar * kNoPriceFactor / 2);
  }
  Money rounded_up(std::uint32_t factor = kNoPriceFactor) const {
    if (is_plain(factor)) return whole_of(amount_ + kPicodollar - 1);
    return times(factor, kPicodollar * kNoPriceFactor - 1);
  }

 private:
  // Most bills: no factor, and less than a million dollars.
  bool is_plain(std::uint32_t factor) const {
    return factor == kNoPriceFactor && amount_ >= 0 && amount_ < kPicodollar * kPicodollar * 1'000'000;
  }

  // The same as dividing by kPicodollar, which is 2^12 * 5^12, without dividing 128 bits: by
  // hand in base 2^32, where each remainder (28 bits) and the next digit fit into 64 bits.
  static Money whole_of(Int128 amount) {
    constexpr std::uint64_t kFives = 244'140'625;
    static_assert(Int128(kFives) << 12 == kPicodollar);
    const auto shifted = static_cast<UInt128>(amount) >> 12;
    const auto upper = static_cast<std::uint64_t>(shifted >> 64);
    const auto lower = static_cast<std::uint64_t>(shifted);
    const std::uint64_t middle = upper % kFives << 32 | lower >> 32;
    const std::uint64_t last = middle % kFives << 32 | (lower & 0xFFFFFFFF);
    const UInt128 above = static_cast<UInt128>(upper / kFives) << 64;
    const UInt128 below = (static_cast<UInt128>(middle / kFives) << 32) + last / kFives;
    return Money::picodollars(static_cast<Int128>(above + below));
  }

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
