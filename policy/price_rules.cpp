#include "policy/price_rules.hpp"

#include <algorithm>
#include <initializer_list>

namespace farebox {

namespace {

// `word` is in lower case.
bool is_word(std::string_view text, std::string_view word) {
  return text.size() == word.size() &&
         std::equal(text.begin(), text.end(), word.begin(), [](char a, char b) {
           return (a >= 'A' && a <= 'Z' ? static_cast<char>(a - 'A' + 'a') : a) == b;
         });
}

struct NamedTier {
  std::string_view word;
  PriceTier tier;
};
constexpr NamedTier kTiers[] = {
    {"default", PriceTier::standard},        // OpenAI, Azure, Bedrock
    {"standard", PriceTier::standard},       // Anthropic, Gemini
    {"on_demand", PriceTier::standard},      // Groq, Vertex
    {"priority", PriceTier::priority},       // OpenAI, Bedrock, Gemini
    {"fast", PriceTier::priority},           // OpenAI
    {"flex", PriceTier::flex},               // OpenAI, Groq, Bedrock, Gemini
    {"batch", PriceTier::batch},             // Anthropic, Gemini
    {"on_demand_priority", PriceTier::priority},  // Vertex
    {"on_demand_flex", PriceTier::flex},
    {"on_demand_batch", PriceTier::batch},
};

const UnitPrice* first_of(const PriceCard& card, std::initializer_list<PriceUnit> units) {
  for (const PriceUnit unit : units) {
    if (const UnitPrice* price = card.unit(unit)) return price;
  }
  return nullptr;
}

// "hd/1024-x-1792", "512x512" -> the product; 0 when there is no size in it.
std::uint64_t pixels_of(std::string_view variant) {
  std::uint64_t sides[2] = {0, 0};
  int side = 0;
  variant.remove_prefix(std::min(variant.size(), variant.rfind('/') + 1));
  for (const char c : variant) {
    if (c >= '0' && c <= '9') {
      sides[side] = sides[side] * 10 + static_cast<std::uint64_t>(c - '0');
      if (sides[side] > 100'000) return 0;
    } else if (c == 'x' && side == 0) {
      side = 1;
    } else if (c != '-') {
      return 0;
    }
  }
  return sides[0] * sides[1];
}

}  // namespace

std::optional<PriceTier> tier_named(std::string_view said) {
  if (said.empty()) return PriceTier::standard;
  const auto* known = std::find_if(std::begin(kTiers), std::end(kTiers),
                                   [&](const NamedTier& each) { return is_word(said, each.word); });
  if (known == std::end(kTiers)) return std::nullopt;
  return known->tier;
}

NamedRates rates_of(const PriceCard& card, std::optional<PriceTier> tier, Tokens input) {
  const TokenRates* const listed = card.rates_for(PriceTier::standard, input);
  if (tier == PriceTier::standard) return {listed, false};
  if (!tier) return {listed, true};
  const TokenRates* const own = card.rates_for(*tier, input);
  if (own == nullptr) return {listed, true};
  const bool lacks_long =
      listed != nullptr && listed->above_input_tokens > own->above_input_tokens;
  return {own, lacks_long};
}

PlaceAndSpeed factor_of(const PriceCard& card, const Usage& usage, std::string_view place) {
  PlaceAndSpeed found;
  if (card.factors.empty() && usage.inference_geo.empty() && usage.speed.empty()) return found;
  const std::string_view geo = usage.inference_geo;
  if (!geo.empty() && geo != "global" && geo != "not_available") {
    const std::uint32_t thousandths = card.factor(PriceCondition::inference_geo, geo);
    if (thousandths == 0) found.estimated = true;
    else found.millionths = found.millionths * thousandths / 1'000;
  }
  if (!place.empty() && place != "global") {
    std::uint32_t thousandths = card.factor(PriceCondition::data_residency, place);
    if (thousandths == 0) thousandths = card.factor(PriceCondition::data_residency, "*");
    if (thousandths != 0) found.millionths = found.millionths * thousandths / 1'000;
  }
  const std::string_view speed = usage.speed;
  if (!speed.empty() && speed != "standard") {
    found.millionths = found.millionths * card.factor(PriceCondition::speed, speed) / 1'000;
  }
  return found;
}

SizedPrice by_size(const PriceCard& card, const SizedUnits& units, std::string_view said) {
  const UnitPrice* const usual = card.unit(units.usual);
  if (!said.empty()) {
    const UnitPrice* const own = said == "low"      ? card.unit(units.low)
                                 : said == "medium" ? card.unit(units.medium)
                                 : said == "high"   ? card.unit(units.high)
                                                    : nullptr;
    if (own != nullptr) return {own, false};
  }
  SizedPrice found{usual, false};
  for (const PriceUnit other : {units.low, units.medium, units.high}) {
    const UnitPrice* const published = card.unit(other);
    if (usual != nullptr && published != nullptr &&
        published->attodollars != usual->attodollars) {
      found.estimated = true;
    }
  }
  return found;
}

const UnitPrice* unit_of_time(const PriceCard& card) {
  if (card.mode == "video") {
    return first_of(card, {PriceUnit::video_second_output, PriceUnit::second_output});
  }
  if (card.mode == "speech") {
    return first_of(card, {PriceUnit::second_output, PriceUnit::second_input});
  }
  return first_of(card, {PriceUnit::second_input, PriceUnit::audio_second_input,
                         PriceUnit::video_second_input});
}

ImagePrice image_price(const PriceCard& card, std::string_view variant) {
  if (const UnitPrice* price = card.unit(PriceUnit::image_output)) return {price, 1};
  if (card.mode == "image" || card.mode == "embedding") {
    if (const UnitPrice* price = card.unit(PriceUnit::image_input)) return {price, 1};
  }
  const std::uint64_t pixels = pixels_of(card.variant.empty() ? variant : card.variant);
  const UnitPrice* const input = card.unit(PriceUnit::pixel_input);
  const UnitPrice* const output = card.unit(PriceUnit::pixel_output);
  // Tables put the price of a made pixel on either side, and zero on the other.
  const UnitPrice* const price =
      output != nullptr && (input == nullptr || output->attodollars != 0) ? output : input;
  if (price == nullptr || pixels == 0) return {};
  return {price, pixels};
}

Tool tool_of(std::string_view type) {
  struct Named {
    std::string_view type;
    Tool tool;
  };
  static constexpr Named kTools[] = {
      {"web_search", Tool::web_search},
      {"google_search", Tool::web_search},
      {"web_fetch", Tool::web_fetch},
      {"file_search", Tool::file_search},
      {"code_interpreter", Tool::code_interpreter},
      {"code_execution", Tool::code_interpreter},
      {"image_generation", Tool::image_generation},
      {"compaction", Tool::sub_inference},
      {"advisor_message", Tool::sub_inference},
  };
  for (const Named& known : kTools) {
    if (known.type == type) return known.tool;
  }
  return Tool::unknown;
}

}  // namespace farebox
