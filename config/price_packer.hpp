// Packing: cards into the octets that packed_prices.hpp reads.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "config/base/result.hpp"
#include "config/price_card.hpp"

namespace farebox {

// What becomes of a name that two cards of one seller claim with equal right.
enum class SharedNames : std::uint8_t { refused, first_wins };

// Error: invalid_config, naming the two cards. Cards with one id must differ in from_day.
Result<std::string> pack_prices(const std::vector<PriceCard>& cards, std::string_view version,
                                SharedNames shared);

}  // namespace farebox
