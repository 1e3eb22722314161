// PriceLayers: price files one over the other. What a later file says about a model goes
// before what an earlier one does; nothing is copied.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "config/packed_prices.hpp"

namespace farebox {

// The seller of an override that doesn't name one.
inline constexpr std::string_view kEveryProvider = "*";

struct PriceLayers {
  std::vector<std::shared_ptr<const PackedPrices>> files;  // the later, the more they count
  bool overridden = false;  // the last of them has cards for every provider

  // What that seller sells under that name on that day, in the latest file that knows it.
  // A card found by another name in an earlier file gives way to the same model's card in
  // a later one.
  const PriceCard* find(std::string_view seller, std::string_view name, std::int32_t day) const;

  // What one maker, and only one, sells under that very name.
  const PriceCard* find_of_any_maker(std::string_view name, std::int32_t day) const;
};

}  // namespace farebox
