#include "config/price_decimal.hpp"

namespace farebox {

namespace {

constexpr const char* kTooLarge = "it is too large";
constexpr const char* kTooFine = "it has too many decimals to be kept exactly";

bool is_digit(char c) { return c >= '0' && c <= '9'; }

Error refuse(std::string_view text, const char* why) {
  return Error(ErrorCode::invalid_config,
               "'" + std::string(text.substr(0, 40)) + "' is no price: " + why);
}

// The digits of a run at the start of `rest`, which is moved behind it.
std::string_view take_digits(std::string_view& rest) {
  std::size_t count = 0;
  while (count < rest.size() && is_digit(rest[count])) ++count;
  const std::string_view digits = rest.substr(0, count);
  rest.remove_prefix(count);
  return digits;
}

// Takes "e-07" off the start of `rest`. False when it isn't one, or is absurd.
bool take_exponent(std::string_view& rest, int& exponent) {
  rest.remove_prefix(1);
  const bool negative = rest.starts_with('-');
  if (negative || rest.starts_with('+')) rest.remove_prefix(1);
  const std::string_view digits = take_digits(rest);
  if (digits.empty() || digits.size() > 3) return false;
  for (const char c : digits) exponent = exponent * 10 + (c - '0');
  if (negative) exponent = -exponent;
  return true;
}

}  // namespace

Result<Int128> read_decimal(std::string_view text, int places, Int128 most, TooFine too_fine) {
  std::string_view rest = text;
  const std::string_view whole = take_digits(rest);
  if (whole.empty()) return refuse(text, "write it as 12 or 0.075, not negative");
  std::string_view fraction;
  if (rest.starts_with('.')) {
    rest.remove_prefix(1);
    fraction = take_digits(rest);
    if (fraction.empty()) return refuse(text, "a digit must follow the point");
  }
  int exponent = 0;
  if (!rest.empty() && (rest.front() == 'e' || rest.front() == 'E')) {
    if (!take_exponent(rest, exponent)) return refuse(text, "its exponent can't be read");
  }
  if (!rest.empty()) return refuse(text, "only digits, a point and an exponent are allowed");

  // The value is the digits without their point, times ten to the power of `shift`.
  if (fraction.size() > 64) return refuse(text, kTooFine);
  int shift = places + exponent - static_cast<int>(fraction.size());
  Int128 value = 0;
  int dropped_zeros = 0;  // zeros that may turn out to be trailing
  for (const std::string_view digits : {whole, fraction}) {
    for (const char c : digits) {
      if (c == '0') {
        ++dropped_zeros;
        continue;
      }
      for (; dropped_zeros > 0 && value != 0; --dropped_zeros) {
        if (__builtin_mul_overflow(value, Int128(10), &value)) return refuse(text, kTooLarge);
      }
      dropped_zeros = 0;
      if (__builtin_mul_overflow(value, Int128(10), &value) ||
          __builtin_add_overflow(value, Int128(c - '0'), &value)) {
        return refuse(text, kTooLarge);
      }
    }
  }
  if (value == 0) return Int128(0);
  shift += dropped_zeros;
  if (shift < 0 && too_fine == TooFine::refused) return refuse(text, kTooFine);
  for (; shift < -1 && value != 0; ++shift) value /= 10;
  if (shift < 0) value = (value + 5) / 10;
  for (; shift > 0; --shift) {
    if (__builtin_mul_overflow(value, Int128(10), &value)) return refuse(text, kTooLarge);
  }
  if (value > most) return refuse(text, kTooLarge);
  return value;
}

std::string write_decimal(Int128 value, int places) {
  if (value == 0) return "0";
  const bool negative = value < 0;
  UInt128 rest = negative ? -static_cast<UInt128>(value) : static_cast<UInt128>(value);
  std::string digits;  // backwards
  for (int place = 0; rest != 0 || place <= places; ++place) {
    const char digit = static_cast<char>('0' + static_cast<int>(rest % 10));
    rest /= 10;
    if (place == places && !digits.empty()) digits += '.';
    if (place >= places || digit != '0' || !digits.empty()) digits += digit;
  }
  if (negative) digits += '-';
  return std::string(digits.rbegin(), digits.rend());
}

}  // namespace farebox
