#include "config/price_card.hpp"

#include <algorithm>

namespace farebox {

namespace {

constexpr std::array<std::string_view, kTokenClasses> kTokenClassNames = {
    "input",       "cache_read",       "cache_write_5m",    "cache_write_1h", "output",
    "reasoning",   "audio_input",      "audio_cache_read",  "audio_cache_write",
    "audio_output", "image_input",     "image_output",      "video_output",   "citation",
};
static_assert(static_cast<std::size_t>(TokenClass::citation) + 1 == kTokenClasses);

constexpr std::array<std::string_view, kPriceUnits> kPriceUnitNames = {
    "image_output", "image_input", "pixel_input", "pixel_output",
    "second_input", "second_output", "audio_second_input", "video_second_input",
    "video_second_output", "character_input", "character_output", "page_ocr",
    "page_annotation", "query", "request", "request_low", "request_medium", "request_high",
    "web_search_low", "web_search_medium", "web_search_high", "web_fetch",
    "code_interpreter_session", "file_search_1k_calls", "file_search_gb_day",
};
static_assert(static_cast<std::size_t>(PriceUnit::file_search_gb_day) + 1 == kPriceUnits);

// Which class a missing class costs as much as, in an order that fills the right
// side before the left needs it. `close` marks the two that nobody documents:
// cached audio then costs like cached text.
struct Fallback {
  TokenClass missing;
  TokenClass instead;
  bool documented = true;
};
constexpr Fallback kFallbacks[] = {
    {TokenClass::cache_read, TokenClass::input},
    {TokenClass::cache_write_5m, TokenClass::input},
    {TokenClass::cache_write_1h, TokenClass::cache_write_5m},
    {TokenClass::audio_input, TokenClass::input},
    {TokenClass::image_input, TokenClass::input},
    {TokenClass::reasoning, TokenClass::output},
    {TokenClass::audio_output, TokenClass::output},
    {TokenClass::image_output, TokenClass::output},
    {TokenClass::audio_cache_read, TokenClass::cache_read, false},
    {TokenClass::audio_cache_write, TokenClass::cache_write_5m, false},
};

constexpr std::size_t at(TokenClass name) { return static_cast<std::size_t>(name); }
constexpr std::uint16_t bit(TokenClass name) {
  return static_cast<std::uint16_t>(1u << static_cast<unsigned>(name));
}

// The rates that `row` varies: those of its tier from the first token on, else the
// standard ones. Null for the standard rates themselves. `rates` are sorted.
const TokenRates* base_of(const TokenRates& row, const std::vector<TokenRates>& rates) {
  const TokenRates* base = nullptr;
  for (const TokenRates& other : rates) {
    if (&other == &row) break;
    const bool first_token_on = other.above_input_tokens == 0;
    if (first_token_on && (other.tier == row.tier || other.tier == PriceTier::standard)) {
      base = &other;
    }
  }
  return base;
}

// A tier or a size that leaves a class out falls back like any other, but never below
// what the base publishes for a class that is dearer than its own fallback: a batch
// row without `image_output` doesn't sell images at the price of text.
void fill(TokenRates& row, const TokenRates* base) {
  for (const TokenClass plain : {TokenClass::input, TokenClass::output}) {
    Attodollars& price = row.per_token[at(plain)];
    if (price != kUnpublished || base == nullptr || base->of(plain) == kUnpublished) continue;
    price = base->of(plain);
    row.estimated = static_cast<std::uint16_t>(row.estimated | bit(plain));
  }
  const bool prices_audio = row.of(TokenClass::audio_input) != kUnpublished;
  for (const Fallback& fallback : kFallbacks) {
    Attodollars& price = row.per_token[at(fallback.missing)];
    if (price != kUnpublished) continue;
    price = row.of(fallback.instead);
    bool guess = row.is_estimate(fallback.instead) || (!fallback.documented && prices_audio);
    if (base != nullptr && base->of(fallback.missing) > base->of(fallback.instead) &&
        base->of(fallback.missing) > price) {
      price = base->of(fallback.missing);
      guess = true;
    }
    if (guess) row.estimated = static_cast<std::uint16_t>(row.estimated | bit(fallback.missing));
  }
}

}  // namespace

std::string_view name_of(TokenClass name) { return kTokenClassNames[at(name)]; }

std::string_view name_of(PriceTier name) {
  constexpr std::string_view kNames[] = {"standard", "batch", "flex", "priority"};
  return kNames[static_cast<std::size_t>(name)];
}

std::string_view name_of(PriceCondition name) {
  constexpr std::string_view kNames[] = {"inference_geo", "speed", "data_residency"};
  return kNames[static_cast<std::size_t>(name)];
}

std::string_view name_of(PriceUnit name) {
  return kPriceUnitNames[static_cast<std::size_t>(name)];
}

const TokenRates* PriceCard::rates_for(PriceTier tier, std::uint64_t input_tokens) const {
  const TokenRates* found = nullptr;
  for (const TokenRates& row : rates) {
    const bool applies = row.above_input_tokens == 0 || input_tokens > row.above_input_tokens;
    if (row.tier == tier && applies) found = &row;
  }
  return found;
}

const UnitPrice* PriceCard::unit(PriceUnit name) const {
  for (const UnitPrice& price : units) {
    if (price.unit == name) return &price;
  }
  return nullptr;
}

std::uint32_t PriceCard::factor(PriceCondition condition, std::string_view value) const {
  for (const PriceFactor& published : factors) {
    if (published.condition == condition && published.value == value) return published.thousandths;
  }
  return 0;
}

std::string usual_id(const PriceCard& card) {
  std::string id = card.provider + "/" + card.model;
  if (!card.region.empty()) id += "@" + card.region;
  if (!card.variant.empty()) id += "#" + card.variant;
  return id;
}

void complete_rates(PriceCard& card) {
  std::sort(card.rates.begin(), card.rates.end(), [](const TokenRates& a, const TokenRates& b) {
    return a.tier != b.tier ? a.tier < b.tier : a.above_input_tokens < b.above_input_tokens;
  });
  for (TokenRates& row : card.rates) fill(row, base_of(row, card.rates));
}

}  // namespace farebox
