// PriceCard: what one model costs at one seller, exactly as published.
//
// Prices are integers of attodollars (1e-18 USD), so "0.075 USD per million
// tokens" is 75,000,000,000 per token and up to twelve decimals per million stay
// exact. Cards are values inside a PriceTable and never change.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "config/base/money.hpp"

namespace farebox {

using Attodollars = std::int64_t;

// Neither published nor covered by a fallback. Not zero: "0" is published and free.
inline constexpr Attodollars kUnpublished = -1;

// What the provider says it served with; `standard` is the list price.
enum class PriceTier : std::uint8_t { standard, batch, flex, priority };

// The kinds of tokens that have prices of their own. The names are those of the
// keys in config/prices.json.
enum class TokenClass : std::uint8_t {
  input, cache_read, cache_write_5m, cache_write_1h, output, reasoning,
  audio_input, audio_cache_read, audio_cache_write, audio_output,
  image_input, image_output, video_output, citation,
};
inline constexpr std::size_t kTokenClasses = 14;
std::string_view name_of(TokenClass name);
std::string_view name_of(PriceTier name);

// The token prices of one tier, from one input size on.
struct TokenRates {
  PriceTier tier = PriceTier::standard;
  // These rates replace the ones below for the whole request, output included,
  // when all its input tokens (cached ones too) are more than this.
  std::uint64_t above_input_tokens = 0;
  std::array<Attodollars, kTokenClasses> per_token;  // fallbacks filled in
  std::uint16_t published = 0;  // bit per class: the file says it; else a fallback or nothing
  std::uint16_t estimated = 0;  // bit per class: the fallback is a guess, see price_card.cpp

  // Takes a price as published.
  void publish(TokenClass name, Attodollars price) {
    per_token[static_cast<std::size_t>(name)] = price;
    published = static_cast<std::uint16_t>(published | (1u << static_cast<unsigned>(name)));
  }
  bool is_published(TokenClass name) const {
    return ((published >> static_cast<unsigned>(name)) & 1u) != 0;
  }
  Attodollars of(TokenClass name) const { return per_token[static_cast<std::size_t>(name)]; }
  bool is_estimate(TokenClass name) const {
    return ((estimated >> static_cast<unsigned>(name)) & 1u) != 0;
  }
};

// Things sold by the piece.
enum class PriceUnit : std::uint8_t {
  image_output, image_input, pixel_input, pixel_output,
  second_input, second_output, audio_second_input, video_second_input, video_second_output,
  character_input, character_output, page_ocr, page_annotation, query,
  request, request_low, request_medium, request_high,          // a fee per call, by search size
  web_search_low, web_search_medium, web_search_high, web_fetch,  // per search, by context size
  code_interpreter_session, file_search_1k_calls, file_search_gb_day,
};
inline constexpr std::size_t kPriceUnits = 25;
std::string_view name_of(PriceUnit name);

// Days since 1970-01-01, UTC.
inline constexpr std::int32_t kAlways = INT32_MIN;

struct UnitPrice {
  PriceUnit unit = PriceUnit::request;
  Int128 attodollars = 0;  // for one; at most 1e22
};

// A factor on all token prices: 1.1 for inference_geo=us. The reply says speed and
// inference_geo; data_residency is where the provider's host stands, and its value "*"
// is any place but "global".
enum class PriceCondition : std::uint8_t { inference_geo, speed, data_residency };
std::string_view name_of(PriceCondition name);
struct PriceFactor {
  PriceCondition condition = PriceCondition::speed;
  std::string value;
  std::uint32_t thousandths = 1000;
};

// What people may want to know of a card, and nothing computes with.
struct PriceNotes {
  std::string source;
  std::string date;  // when it was captured
  std::string price_page;
  std::string deprecation_date;
  std::string comment;
};

struct PriceCard {
  std::string id;        // provider/model, then @region and #variant where they set the price
  std::string provider;  // who sells it: openai, groq ...; "*" in an override for everybody
  std::string model;     // as on the wire
  std::vector<std::string> aliases;
  std::string region;    // "us-west-2", "eu": found for calls to that place only
  std::string variant;   // image size and quality; such a card is not found by its model's name
  std::int32_t from_day = kAlways;     // valid from that day of UTC on, until a later card is
  std::string mode;      // chat, embedding, image, transcription ...; empty: not known
  std::string tokenizer;  // vocabulary family; empty: not known
  bool tokenizer_public = false;       // that vocabulary is exact for this model's text
  std::uint64_t context_window = 0;    // tokens; 0: not known, here and below
  std::uint64_t max_output_tokens = 0;
  std::uint64_t embedding_dimensions = 0;
  std::uint64_t cache_min_tokens = 0;
  bool has_variants = false;           // other cards of the file price variants of this model
  bool web_search_per_query = false;   // each query of a search counts
  bool web_search_per_prompt = false;  // one fee, however often that request searched
  bool estimated = false;              // derived by a rule of thumb: its bills are estimates
  std::vector<TokenRates> rates;       // by tier, then by above_input_tokens
  std::vector<UnitPrice> units;
  std::vector<PriceFactor> factors;
  PriceNotes notes;

  // The rates for that tier and size. Null when that tier isn't sold.
  const TokenRates* rates_for(PriceTier tier, std::uint64_t input_tokens) const;

  // Null when nothing is published for that unit.
  const UnitPrice* unit(PriceUnit name) const;

  // Thousandths, or 0 when no factor is published for that value. Not for "*".
  std::uint32_t factor(PriceCondition condition, std::string_view value) const;
};

// provider/model, then @region and #variant.
std::string usual_id(const PriceCard& card);

// Sorts `rates` and fills the classes that aren't published from the ones they fall
// back to. Called once, before the card is given to anybody.
void complete_rates(PriceCard& card);

}  // namespace farebox
