#include "policy/price_factor.hpp"

#include <algorithm>
#include <limits>

#include "policy/exact_sum.hpp"

namespace farebox {

namespace {

bool covers(const std::string& said, std::string_view name) {
  return said.empty() || said == "*" || said == name;
}

}  // namespace

std::uint32_t price_factor(std::span<const PriceAdjustment> adjustments,
                           std::string_view provider, std::string_view key) {
  constexpr std::uint64_t kMost = std::numeric_limits<std::uint32_t>::max();
  std::uint64_t product = kNoPriceFactor;
  for (const PriceAdjustment& each : adjustments) {
    if (!covers(each.provider, provider) || !covers(each.key, key)) continue;
    product = (product * each.millionths + kNoPriceFactor / 2) / kNoPriceFactor;
    product = std::clamp<std::uint64_t>(product, 1, kMost);
  }
  return static_cast<std::uint32_t>(product);
}

}  // namespace farebox
