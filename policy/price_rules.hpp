// The rules by which a price is picked from a card: which tier a reply means, what its
// place and speed multiply, which unit a count is sold in. Pure; price_walk.hpp asks them.
#pragma once

#include <optional>
#include <string_view>

#include "config/price_card.hpp"
#include "policy/usage.hpp"

namespace farebox {

// Nothing was ever used in larger numbers; what claims so has no price.
inline constexpr std::uint64_t kMostCounted = std::uint64_t(1) << 48;

// The tier a reply names, in any spelling of any provider; nothing where nobody knows it.
std::optional<PriceTier> tier_named(std::string_view said);

// The rates for the tier a reply names.
//
// A tier that isn't sold, or that nobody knows, costs the list price, as an estimate. So
// do committed capacities (OpenAI's scale, Vertex's PROVISIONED_THROUGHPUT, Bedrock's
// reserved): they are billed by time, not by request, and the list price tells what the
// same work would have cost. A tier without rates for long inputs where the list price
// has some costs its own, as an estimate too.
struct NamedRates {
  const TokenRates* rates = nullptr;  // null: no tokens are sold
  bool estimated = false;
};
NamedRates rates_of(const PriceCard& card, std::optional<PriceTier> tier, Tokens input);

// The product of the factors for where and how fast it ran, in millionths; 0 when the
// reply names a speed without a published price. A region the reply names that has no
// factor costs the list price, estimated. Where the host stands multiplies only where
// that is published: most models have one price everywhere.
struct PlaceAndSpeed {
  std::uint64_t millionths = 1'000'000;
  bool estimated = false;
};
PlaceAndSpeed factor_of(const PriceCard& card, const Usage& usage, std::string_view place);

// A price by how much a search may read.
struct SizedUnits {
  PriceUnit low, medium, high;
  PriceUnit usual;  // the size when the caller doesn't choose one
};
inline constexpr SizedUnits kSearchSizes{PriceUnit::web_search_low, PriceUnit::web_search_medium,
                                         PriceUnit::web_search_high,
                                         PriceUnit::web_search_medium};
inline constexpr SizedUnits kRequestSizes{PriceUnit::request_low, PriceUnit::request_medium,
                                          PriceUnit::request_high, PriceUnit::request_low};

// Without a said size the usual one, an estimate where the sizes differ.
struct SizedPrice {
  const UnitPrice* price = nullptr;
  bool estimated = false;
};
SizedPrice by_size(const PriceCard& card, const SizedUnits& units, std::string_view said);

// The price of a second, by what the model does. A card that prices both sides alike
// (whisper) is charged once. Null: none is published.
const UnitPrice* unit_of_time(const PriceCard& card);

// The price of an image that was made (or embedded), or of one of its pixels.
struct ImagePrice {
  const UnitPrice* price = nullptr;
  std::uint64_t pixels = 1;  // 1 when the price is for the image
};
ImagePrice image_price(const PriceCard& card, std::string_view variant);

// Tools by the names that dialects give their counters.
enum class Tool : std::uint8_t {
  unknown, web_search, web_fetch, file_search, code_interpreter, image_generation,
  sub_inference,  // tokens on top, no fee
};
Tool tool_of(std::string_view type);

}  // namespace farebox
