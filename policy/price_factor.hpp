// PriceFactor: the operator's discounts and margins for one call.
#pragma once

#include <span>
#include <string_view>

#include "config/settings.hpp"

namespace farebox {

// The product of all factors whose provider and key match, in millionths. Rounded, half
// up, to six decimals, so that what a record shows is what was used.
std::uint32_t price_factor(std::span<const PriceAdjustment> adjustments,
                           std::string_view provider, std::string_view key);

}  // namespace farebox
