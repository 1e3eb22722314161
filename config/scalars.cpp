#include "config/scalars.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <limits>

#include "config/base/money.hpp"

namespace farebox {

namespace {

struct Unit {
  std::string_view name;
  std::uint64_t factor;
};

// Smallest first.
constexpr std::array<Unit, 5> kDurationUnits{
    {{"ms", 1}, {"s", 1'000}, {"m", 60'000}, {"h", 3'600'000}, {"d", 86'400'000}}};
constexpr std::array<Unit, 5> kSizeUnits{
    {{"B", 1}, {"KiB", 1ull << 10}, {"MiB", 1ull << 20}, {"GiB", 1ull << 30}, {"TiB", 1ull << 40}}};

constexpr const char* kDurationExample = "write it like 250ms, 5s, 10m, 24h or 30d";
constexpr const char* kSizeExample = "write it like 512, 64KiB, 8MiB or 1GiB";

Error refusal(std::string why) { return Error(ErrorCode::invalid_config, std::move(why)); }

Error too_large() { return refusal("it is too large a number; write a smaller one"); }

std::size_t leading_digits(std::string_view text) {
  return std::min(text.find_first_not_of("0123456789"), text.size());
}

const Unit* unit_named(const std::array<Unit, 5>& units, std::string_view name) {
  const auto unit = std::find_if(units.begin(), units.end(),
                                 [&](const Unit& each) { return each.name == name; });
  return unit == units.end() ? nullptr : &*unit;
}

// number * factor, unless it passes `largest`.
Result<std::uint64_t> scaled(std::string_view digits, std::uint64_t factor, std::uint64_t largest) {
  std::uint64_t number = 0;
  for (const char digit : digits) {
    const auto value = static_cast<std::uint64_t>(digit - '0');
    if (number > (largest - value) / 10) return too_large();
    number = number * 10 + value;
  }
  if (number > largest / factor) return too_large();
  return number * factor;
}

std::string in_largest_unit(const std::array<Unit, 5>& units, std::uint64_t amount) {
  const Unit* largest = &units.front();
  for (const Unit& unit : units) {
    if (amount != 0 && amount % unit.factor == 0) largest = &unit;
  }
  return fmt::format("{}{}", amount / largest->factor, largest->name);
}

}  // namespace

Result<bool> parse_flag(std::string_view text) {
  if (text == "true" || text == "True" || text == "TRUE") return true;
  if (text == "false" || text == "False" || text == "FALSE") return false;
  return refusal("this key is switched on or off; write true or false");
}

Result<std::uint64_t> parse_count(std::string_view text) {
  if (text.empty() || leading_digits(text) != text.size()) {
    return refusal("it is not a whole number; write only digits, such as 64");
  }
  if (text.size() > 1 && text.starts_with('0')) {
    return refusal("a number with a leading zero can be read in two ways; write it without");
  }
  return scaled(text, 1, std::numeric_limits<std::uint64_t>::max());
}

// A hundred years: what is added to a clock must not pass its end.
constexpr std::chrono::milliseconds kLongestDuration = std::chrono::hours(24) * 36'500;

Result<std::chrono::milliseconds> parse_duration(std::string_view text) {
  const std::size_t digits = leading_digits(text);
  const std::string_view unit_name = text.substr(digits);
  if (digits == 0) return refusal(fmt::format("it is not a duration; {}", kDurationExample));
  if (unit_name.empty()) return refusal(fmt::format("it has no unit; {}", kDurationExample));
  const Unit* unit = unit_named(kDurationUnits, unit_name);
  if (unit == nullptr) {
    return refusal(fmt::format("a duration is one whole number and one unit of ms, s, m, h or d; "
                               "{}", kDurationExample));
  }
  const Result<std::uint64_t> milliseconds =
      scaled(text.substr(0, digits), unit->factor,
             static_cast<std::uint64_t>(kLongestDuration.count()));
  if (!milliseconds) return milliseconds.error();
  return std::chrono::milliseconds(static_cast<std::int64_t>(*milliseconds));
}

std::string duration_text(std::chrono::milliseconds duration) {
  return in_largest_unit(kDurationUnits, static_cast<std::uint64_t>(duration.count()));
}

Result<std::uint64_t> parse_size(std::string_view text) {
  const std::size_t digits = leading_digits(text);
  if (digits == 0) return refusal(fmt::format("it is not a size; {}", kSizeExample));
  const std::string_view unit_name = text.substr(digits);
  const Unit* unit = unit_name.empty() ? &kSizeUnits.front() : unit_named(kSizeUnits, unit_name);
  if (unit == nullptr) {
    return refusal(
        fmt::format("a size is one whole number and one unit of B, KiB, MiB, GiB or TiB; {}",
                    kSizeExample));
  }
  return scaled(text.substr(0, digits), unit->factor, std::numeric_limits<std::uint64_t>::max());
}

std::string size_text(std::uint64_t bytes) { return in_largest_unit(kSizeUnits, bytes); }

Result<std::uint32_t> parse_millionths(std::string_view text) {
  // Money reads exact decimals of up to twelve places; here six of them may be used.
  const Result<Money> part = Money::parse(text);
  if (!part || *part < Money() || *part > Money::dollars(1)) {
    return refusal("it must be a part of one between 0 and 1; write 0.8 for 80 percent");
  }
  constexpr Int128 kPicoPerMillionth = 1'000'000;
  if (part->picodollars() % kPicoPerMillionth != 0) {
    return refusal("it has more than six digits after the point; write it shorter");
  }
  return static_cast<std::uint32_t>(part->picodollars() / kPicoPerMillionth);
}

}  // namespace farebox
