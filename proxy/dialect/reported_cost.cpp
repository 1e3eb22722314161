#include "proxy/dialect/reported_cost.hpp"

#include <algorithm>
#include <string>

namespace farebox {
namespace {

constexpr int kPicodollarDigits = 12;     // of a dollar, behind the point
constexpr int kMostDigits = 30;           // that are kept; more say nothing in picodollars
constexpr int kMostExponent = 100;
constexpr Int128 kMost = Int128(1'000'000'000) * Money::kPicodollarsPerDollar;

bool is_digit(char octet) { return octet >= '0' && octet <= '9'; }

// Takes digits off the front of `text`, behind those in `value`. `scale` falls by one for
// each digit behind the point and rises for each one before it that isn't kept.
struct Digits {
  Int128 value = 0;
  int kept = 0;
  int scale = 0;

  bool take(std::string_view& text, bool behind_point) {
    if (text.empty() || !is_digit(text.front())) return false;
    while (!text.empty() && is_digit(text.front())) {
      const int digit = text.front() - '0';
      text.remove_prefix(1);
      if (kept == kMostDigits) {
        if (!behind_point && scale < 2 * kMostExponent) ++scale;
        continue;
      }
      value = value * 10 + digit;
      if (value != 0) ++kept;
      if (behind_point && scale > -2 * kMostExponent) --scale;
    }
    return true;
  }
};

// False: not an exponent. One too large to matter is cut to kMostExponent.
bool take_exponent(std::string_view& text, int& exponent) {
  const bool negative = text.starts_with('-');
  if (negative || text.starts_with('+')) text.remove_prefix(1);
  if (text.empty()) return false;
  for (; !text.empty() && is_digit(text.front()); text.remove_prefix(1)) {
    exponent = std::min(exponent * 10 + (text.front() - '0'), 4 * kMostExponent);
  }
  if (negative) exponent = -exponent;
  return true;
}

}  // namespace

std::optional<Money> dollars_of(std::string_view number) {
  if (number.starts_with('-')) return std::nullopt;
  Digits digits;
  if (!digits.take(number, false)) return std::nullopt;
  if (number.starts_with('.')) {
    number.remove_prefix(1);
    if (!digits.take(number, true)) return std::nullopt;
  }
  int exponent = 0;
  if (number.starts_with('e') || number.starts_with('E')) {
    number.remove_prefix(1);
    if (!take_exponent(number, exponent)) return std::nullopt;
  }
  if (!number.empty()) return std::nullopt;
  Int128 amount = digits.value;
  if (amount == 0) return Money();
  int power = kPicodollarDigits + digits.scale + exponent;
  for (; power > 0; --power) {
    if (amount > kMost) return std::nullopt;
    amount *= 10;
  }
  if (power < 0) {
    for (; power < -1 && amount != 0; ++power) amount /= 10;
    amount = (amount + 5) / 10;  // half up, and 0.5 is what the last digit decides
  }
  if (amount > kMost) return std::nullopt;
  return Money::picodollars(amount);
}

std::optional<Money> read_dollars(JsonCursor& cursor) {
  if (cursor.kind() == JsonCursor::Kind::string) {
    const auto text = cursor.string();
    return text ? dollars_of(text->raw) : std::nullopt;
  }
  const auto number = cursor.number();
  return number ? dollars_of(*number) : std::nullopt;
}

std::optional<Money> read_ticks(JsonCursor& cursor) {
  const auto ticks = cursor.count();
  if (!ticks) return std::nullopt;
  return Money::picodollars(Int128(*ticks) * 100);
}

}  // namespace farebox
