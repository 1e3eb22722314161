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
  char digits[56];
  char* const end = digits + sizeof digits;
  char* first = end;
  bool significant = false;
  for (int place = 0; place < 12; ++place, magnitude /= 10) {
    const int digit = static_cast<int>(magnitude % 10);
    if (digit != 0 || significant) {
      *--first = static_cast<char>('0' + digit);
      significant = true;
    }
  }
  if (significant) *--first = '.';
  do {
    *--first = static_cast<char>('0' + static_cast<int>(magnitude % 10));
    magnitude /= 10;
  } while (magnitude != 0);
  if (negative) *--first = '-';
  return std::string(first, end);
}

}  // namespace farebox
