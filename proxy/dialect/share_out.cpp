#include "proxy/dialect/share_out.hpp"

#include <algorithm>
#include <charconv>

#include "config/base/money.hpp"

namespace farebox {
namespace {

constexpr std::uint64_t kMost = 1'000'000'000'000'000'000;  // 18 digits
constexpr int kMostExponent = 60;
constexpr int kMoreDigits = 6;  // of a part, behind those of the whole

// digits * 10^exponent
struct Decimal {
  std::uint64_t digits = 0;
  int exponent = 0;
  std::string_view fraction;  // as it was written, with its point
  bool whole = false;         // no exponent is written, and only zeros behind the point
};

bool take_digits(std::string_view text, std::uint64_t& digits) {
  for (const char octet : text) {
    if (octet < '0' || octet > '9' || digits >= kMost / 10) return false;
    digits = digits * 10 + static_cast<std::uint64_t>(octet - '0');
  }
  return true;
}

// RFC 8259 section 6, without a minus.
std::optional<Decimal> read_decimal(std::string_view number) {
  Decimal decimal;
  const std::size_t mark = std::min(number.find_first_of("eE"), number.size());
  std::string_view exponent = number.substr(mark);
  const std::string_view written = number.substr(0, mark);
  const std::size_t point = std::min(written.find('.'), written.size());
  decimal.fraction = written.substr(point);
  decimal.whole = exponent.empty() && decimal.fraction.find_first_not_of(".0") == std::string_view::npos;
  if (point == 0 || decimal.fraction == ".") return std::nullopt;
  if (!take_digits(written.substr(0, point), decimal.digits)) return std::nullopt;
  if (!decimal.whole && !decimal.fraction.empty()) {
    const std::string_view behind = decimal.fraction.substr(1);
    if (behind.size() > kMostExponent || !take_digits(behind, decimal.digits)) {
      return std::nullopt;
    }
    decimal.exponent = -static_cast<int>(behind.size());
  }
  if (!exponent.empty()) {
    exponent.remove_prefix(1);
    if (exponent.starts_with('+')) exponent.remove_prefix(1);
    int said = 0;
    const auto read = std::from_chars(exponent.data(), exponent.data() + exponent.size(), said);
    if (read.ec != std::errc() || read.ptr != exponent.data() + exponent.size()) return std::nullopt;
    if (said < -kMostExponent || said > kMostExponent) return std::nullopt;
    decimal.exponent += said;
  }
  return decimal;
}

std::string write_decimal(std::uint64_t digits, int exponent) {
  if (digits == 0) return "0";
  for (; digits % 10 == 0; digits /= 10) ++exponent;
  std::string text = std::to_string(digits);
  if (exponent >= 0) return text + std::string(static_cast<std::size_t>(exponent), '0');
  const auto behind = static_cast<std::size_t>(-exponent);
  if (text.size() <= behind) text.insert(0, behind + 1 - text.size(), '0');
  return text.insert(text.size() - behind, 1, '.');
}

}  // namespace

std::vector<std::uint64_t> share_out(std::uint64_t total, std::span<const std::uint64_t> weights) {
  struct Rest {
    UInt128 size;
    std::size_t place;
  };
  std::vector<std::uint64_t> parts(weights.size());
  if (weights.empty()) return parts;
  UInt128 sum = 0;
  for (const std::uint64_t weight : weights) sum += weight;
  const bool equal = sum == 0;
  if (equal) sum = weights.size();
  std::vector<Rest> rests;
  rests.reserve(weights.size());
  std::uint64_t left = total;
  for (std::size_t i = 0; i < weights.size(); ++i) {
    const UInt128 quota = UInt128(total) * (equal ? 1 : weights[i]);
    parts[i] = static_cast<std::uint64_t>(quota / sum);
    left -= parts[i];
    rests.push_back({quota % sum, i});
  }
  // Fewer are left than there are remainders.
  const auto last = rests.begin() + static_cast<std::ptrdiff_t>(left);
  std::partial_sort(rests.begin(), last, rests.end(), [](const Rest& a, const Rest& b) {
    return a.size != b.size ? a.size > b.size : a.place < b.place;
  });
  for (auto rest = rests.begin(); rest != last; ++rest) ++parts[rest->place];
  return parts;
}

std::vector<std::uint64_t> share_to_each(std::uint64_t total,
                                         std::span<const std::uint64_t> weights) {
  std::vector<std::uint64_t> parts = share_out(total, weights);
  if (total < parts.size()) return parts;
  std::vector<std::size_t> rich;  // those that can give
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (parts[i] > 1) rich.push_back(i);
  }
  const auto poorer = [&](std::size_t a, std::size_t b) {
    return parts[a] != parts[b] ? parts[a] < parts[b] : a > b;
  };
  std::make_heap(rich.begin(), rich.end(), poorer);
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (parts[i] != 0) continue;
    // While one has nothing another has two or more, since the total is enough for all.
    std::pop_heap(rich.begin(), rich.end(), poorer);
    --parts[rich.back()];
    std::push_heap(rich.begin(), rich.end(), poorer);
    parts[i] = 1;
  }
  return parts;
}

std::optional<std::vector<std::string>> share_number(std::string_view number,
                                                     std::span<const std::uint64_t> weights) {
  std::optional<Decimal> decimal = read_decimal(number);
  if (!decimal) return std::nullopt;
  if (weights.size() == 1) return std::vector<std::string>{std::string(number)};
  if (!decimal->whole) {
    for (int i = 0; i < kMoreDigits && decimal->digits < kMost / 10; ++i) {
      decimal->digits *= 10;
      --decimal->exponent;
    }
  }
  std::vector<std::string> texts;
  texts.reserve(weights.size());
  for (const std::uint64_t part : share_out(decimal->digits, weights)) {
    texts.push_back(decimal->whole ? std::to_string(part).append(decimal->fraction)
                                   : write_decimal(part, decimal->exponent));
  }
  return texts;
}

}  // namespace farebox
