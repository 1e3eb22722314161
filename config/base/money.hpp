// Money: an exact amount of picodollars (1e-12 USD). No floating point anywhere.
//
// The representation is 128 bits, because sums pass the $9.2 million at which 64
// bits of picodollars end. Arithmetic is checked: an overflow is a bug and stops
// the program (1.7e26 dollars can't be reached by summing real bills).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "config/base/result.hpp"

namespace farebox {

__extension__ typedef __int128 Int128;
__extension__ typedef unsigned __int128 UInt128;

class Money {
 public:
  static constexpr std::int64_t kPicodollarsPerDollar = 1'000'000'000'000;

  constexpr Money() = default;
  static constexpr Money picodollars(Int128 amount) { return Money(amount); }
  static constexpr Money dollars(std::int64_t amount) {
    return Money(Int128(amount) * kPicodollarsPerDollar);
  }

  // Reads a decimal such as "500", "0.013" or "-1.5" in USD. More than twelve
  // digits after the point, exponents and anything else are errors, never rounded.
  static Result<Money> parse(std::string_view decimal);

  constexpr Int128 picodollars() const { return amount_; }

  // The shortest exact decimal: "0", "0.000123", "12.5", "-3".
  std::string decimal() const;

  friend constexpr bool operator==(Money, Money) = default;
  friend constexpr auto operator<=>(Money a, Money b) { return a.amount_ <=> b.amount_; }
  friend Money operator+(Money a, Money b) {
    Int128 sum;
    CHECK(!__builtin_add_overflow(a.amount_, b.amount_, &sum));
    return Money(sum);
  }
  friend Money operator-(Money a, Money b) {
    Int128 difference;
    CHECK(!__builtin_sub_overflow(a.amount_, b.amount_, &difference));
    return Money(difference);
  }
  Money& operator+=(Money other) { return *this = *this + other; }
  Money& operator-=(Money other) { return *this = *this - other; }

 private:
  constexpr explicit Money(Int128 amount) : amount_(amount) {}

  Int128 amount_ = 0;
};

}  // namespace farebox
