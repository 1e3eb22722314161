#include "config/base/money.hpp"

namespace farebox {

Result<Money> Money::parse(std::string_view decimal) {
  const auto refuse = [&](const char* why) {
    return Error(ErrorCode::invalid_config,
                 "'" + std::string(decimal.substr(0, 40)) + "' is no amount of money: " + why);
  };
  std::string_view rest = decimal;
  const bool negative = rest.starts_with('-');
  if (negative) rest.remove_prefix(1);

  Int128 amount = 0;
  std::size_t whole_digits = 0;
  for (; whole_digits < rest.size() && rest[whole_digits] >= '0' && rest[whole_digits] <= '9';
       ++whole_digits) {
    if (whole_digits >= 18) return refuse("more than 18 digits before the point");
    amount = amount * 10 + (rest[whole_digits] - '0');
  }
  if (whole_digits == 0) return refuse("write it as 12 or 0.5, in US dollars");
  rest.remove_prefix(whole_digits);

  std::size_t fraction_digits = 0;
  if (rest.starts_with('.')) {
    rest.remove_prefix(1);
    for (; fraction_digits < rest.size() && rest[fraction_digits] >= '0' &&
           rest[fraction_digits] <= '9';
         ++fraction_digits) {
      if (fraction_digits >= 12) return refuse("more than 12 digits after the point");
      amount = amount * 10 + (rest[fraction_digits] - '0');
    }
    if (fraction_digits == 0) return refuse("a digit must follow the point");
    rest.remove_prefix(fraction_digits);
  }
  if (!rest.empty()) return refuse("only digits and one point are allowed");
  for (; fraction_digits < 12; ++fraction_digits) amount *= 10;
  return Money(negative ? -amount : amount);
}

std::string Money::decimal() const {
  const bool negative = amount_ < 0;
  // The magnitude of the smallest value has no positive twin, so go through unsigned.
  UInt128 magnitude = static_cast<UInt128>(amount_);
  if (negative) magnitude = -magnitude;
  UInt128 whole;
  std::uint64_t fraction;
  if (magnitude <= UINT64_MAX) {  // a wide division takes ten times as long
    whole = static_cast<std::uint64_t>(magnitude) / std::uint64_t{kPicodollarsPerDollar};
    fraction = static_cast<std::uint64_t>(magnitude) % std::uint64_t{kPicodollarsPerDollar};
  } else {
    whole = magnitude / static_cast<UInt128>(kPicodollarsPerDollar);
    fraction = static_cast<std::uint64_t>(magnitude % static_cast<UInt128>(kPicodollarsPerDollar));
  }
  char digits[56];
  char* const end = digits + sizeof digits;
  char* first = end;
  if (fraction != 0) {
    int places = 12;
    while (fraction % 10 == 0) {
      fraction /= 10;
      --places;
    }
    for (; places > 0; --places, fraction /= 10) *--first = static_cast<char>('0' + fraction % 10);
    *--first = '.';
  }
  if (whole <= UINT64_MAX) {
    auto rest = static_cast<std::uint64_t>(whole);
    do {
      *--first = static_cast<char>('0' + rest % 10);
      rest /= 10;
    } while (rest != 0);
  } else {
    UInt128 rest = whole;
    do {
      *--first = static_cast<char>('0' + static_cast<int>(rest % 10));
      rest /= 10;
    } while (rest != 0);
  }
  if (negative) *--first = '-';
  return std::string(first, end);
}

}  // namespace farebox
