#include "policy/pricing.hpp"

#include <algorithm>
#include <array>

namespace farebox {

namespace {

// Nothing was ever used in larger numbers; what claims so has no price.
constexpr std::uint64_t kMostCounted = std::uint64_t(1) << 48;

// Sums are kept in millionths of an attodollar, 1e-24 USD. One product of a price
// (at most 1e18 per token) and a count stays below 3e32, so a whole sum of them fits
// before it is scaled by the factors (thousandths of one, times thousandths of another).
using Sum = Int128;
constexpr Sum kOneAttodollar = 1'000'000;
constexpr Sum kOnePicodollar = kOneAttodollar * 1'000'000;

// What is being added up. A part that can't be priced leaves `priced` false.
struct Tally {
  Sum sum = 0;
  bool priced = true;
  Estimates estimated_by;

  void add(Sum amount) {
    if (__builtin_add_overflow(sum, amount, &sum)) priced = false;
  }
};

// A sub-inference has no counts but these.
struct TokenCounts {
  Tokens input = 0;
  Tokens output = 0;
  Tokens cached_input = 0;
  Tokens cache_write = 0;
  Tokens cache_write_1h = 0;
  Tokens audio_input = 0;
  Tokens image_input = 0;
  Tokens reasoning = 0;
  Tokens audio_output = 0;
  Tokens image_output = 0;
};

TokenCounts counts_of(const Usage& usage) {
  return {usage.input,       usage.output,       usage.cached_input, usage.cache_write,
          usage.cache_write_1h, usage.audio_input, usage.image_input, usage.reasoning,
          usage.audio_output, usage.image_output};
}

TokenCounts counts_of(const UsageExtra& extra) {
  TokenCounts counts;
  counts.input = extra.input;
  counts.output = extra.output;
  counts.cached_input = extra.cached_input;
  counts.cache_write = extra.cache_write;
  return counts;
}

// What is left of `whole` after taking up to `part` off it; returns what was taken.
Tokens take(Tokens& whole, Tokens part) {
  const Tokens taken = std::min(whole, part);
  whole -= taken;
  return taken;
}

// Every token in exactly one class.
//
// Cache reads, then cache writes, are taken off the input. Providers don't say how much
// of the audio and of the images was cached: as little as the totals allow is, which is
// the dearer reading. So media fill the fresh input first, and only what doesn't fit
// there counts as cached audio (cached images cost like cached text). Tool-use input is
// plain input. Reasoning, then audio, then images are taken off the output.
std::array<Tokens, kTokenClasses> split(const TokenCounts& counts) {
  std::array<Tokens, kTokenClasses> of{};
  const auto set = [&](TokenClass name, Tokens tokens) {
    of[static_cast<std::size_t>(name)] = tokens;
  };

  Tokens fresh = counts.input;
  Tokens cached = take(fresh, counts.cached_input);
  Tokens written = take(fresh, counts.cache_write);
  const Tokens written_1h = take(written, counts.cache_write_1h);
  const Tokens fresh_audio = take(fresh, counts.audio_input);
  Tokens more_audio = counts.audio_input - fresh_audio;
  const Tokens cached_audio = take(cached, more_audio);
  more_audio -= cached_audio;
  const Tokens written_audio = take(written, more_audio);
  set(TokenClass::image_input, take(fresh, counts.image_input));
  set(TokenClass::audio_input, fresh_audio);
  set(TokenClass::audio_cache_read, cached_audio);
  set(TokenClass::audio_cache_write, written_audio);
  set(TokenClass::cache_read, cached);
  set(TokenClass::cache_write_5m, written);
  set(TokenClass::cache_write_1h, written_1h);
  set(TokenClass::input, fresh);

  Tokens text = counts.output;
  set(TokenClass::reasoning, take(text, counts.reasoning));
  set(TokenClass::audio_output, take(text, counts.audio_output));
  set(TokenClass::image_output, take(text, counts.image_output));
  set(TokenClass::output, text);
  return of;
}

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
    {"default", PriceTier::standard},   {"standard", PriceTier::standard},
    {"on_demand", PriceTier::standard}, {"priority", PriceTier::priority},
    {"fast", PriceTier::priority},      {"flex", PriceTier::flex},
    {"batch", PriceTier::batch},        {"on_demand_priority", PriceTier::priority},
    {"on_demand_flex", PriceTier::flex},
};

// The tier the reply named. One that isn't known costs the list price, estimated.
PriceTier tier_of(std::string_view text, Tally& tally) {
  if (text.empty()) return PriceTier::standard;
  for (const NamedTier& known : kTiers) {
    if (is_word(text, known.word)) return known.tier;
  }
  tally.estimated_by.add(Estimate::price_tier);
  return PriceTier::standard;
}

// The product of the factors for where and how fast it ran, in millionths; 0 when the
// reply names a speed that has no published price. A region without a factor costs
// the list price, estimated.
Sum factor_of(const PriceCard& card, const Usage& usage, Tally& tally) {
  Sum factor = 1'000'000;
  const std::string_view geo = usage.inference_geo;
  if (!geo.empty() && geo != "global" && geo != "not_available") {
    const std::uint32_t thousandths = card.factor(PriceCondition::inference_geo, geo);
    if (thousandths == 0) tally.estimated_by.add(Estimate::price_place);
    else factor = factor * thousandths / 1'000;
  }
  const std::string_view speed = usage.speed;
  if (!speed.empty() && speed != "standard") {
    factor = factor * card.factor(PriceCondition::speed, speed) / 1'000;
  }
  return factor;
}

void add_tokens(const PriceCard& card, const TokenCounts& counts, const Usage& usage,
                Tally& tally) {
  if (counts.input == 0 && counts.output == 0) return;
  if (counts.input > kMostCounted || counts.output > kMostCounted) {
    tally.priced = false;
    return;
  }
  const PriceTier tier = tier_of(usage.service_tier, tally);
  const TokenRates* rates = card.rates_for(tier, counts.input);
  if (rates == nullptr && tier != PriceTier::standard) {
    rates = card.rates_for(PriceTier::standard, counts.input);
    tally.estimated_by.add(Estimate::price_tier);
  }
  if (rates == nullptr) {
    tally.priced = false;
    return;
  }
  const std::array<Tokens, kTokenClasses> tokens = split(counts);
  Sum attodollars = 0;
  for (std::size_t i = 0; i < kTokenClasses; ++i) {
    if (tokens[i] == 0) continue;
    const auto name = static_cast<TokenClass>(i);
    if (rates->of(name) == kUnpublished) {
      tally.priced = false;
      continue;
    }
    if (rates->is_estimate(name)) tally.estimated_by.add(Estimate::price_class);
    attodollars += Sum(rates->of(name)) * tokens[i];
  }
  const Sum factor = factor_of(card, usage, tally);
  Sum scaled = 0;
  if (factor == 0 || __builtin_mul_overflow(attodollars, factor, &scaled)) tally.priced = false;
  tally.add(scaled);
}

// `count` things at a price for `per` of them.
void add_units(const UnitPrice* price, std::uint64_t count, Tally& tally, Sum per = 1) {
  Sum amount = 0;
  if (price == nullptr || count > kMostCounted ||
      __builtin_mul_overflow(price->attodollars, Sum(count), &amount) ||
      __builtin_mul_overflow(amount, kOneAttodollar / per, &amount)) {
    tally.priced = false;
    return;
  }
  tally.add(amount);
}

// A price that depends on the size of a search, which replies don't tell: `usual` is
// the size when the caller doesn't choose one, and an estimate where the sizes differ.
const UnitPrice* by_size(const PriceCard& card, PriceUnit usual,
                         std::array<PriceUnit, 2> other_sizes, Tally& tally) {
  const UnitPrice* price = card.unit(usual);
  for (const PriceUnit other : other_sizes) {
    const UnitPrice* published = card.unit(other);
    if (price != nullptr && published != nullptr &&
        published->attodollars != price->attodollars) {
      tally.estimated_by.add(Estimate::price_size);
    }
  }
  return price;
}

const UnitPrice* first_of(const PriceCard& card, std::initializer_list<PriceUnit> units) {
  for (const PriceUnit unit : units) {
    if (const UnitPrice* price = card.unit(unit)) return price;
  }
  return nullptr;
}

// What is sold by the piece. Where the reply reports tokens for the same thing, the
// tokens are its price and the piece isn't charged again: images with output tokens,
// seconds with audio tokens, characters and searches with input tokens that have no
// price of their own.
void add_pieces(const PriceCard& card, const Usage& usage, Tally& tally) {
  if (usage.images > 0 && usage.output == 0) {
    if (card.has_variants) tally.estimated_by.add(Estimate::price_size);  // size and quality set the price
    const UnitPrice* price = card.unit(PriceUnit::image_output);
    const bool sells_by_image = card.mode == "image" || card.mode == "embedding";
    if (price == nullptr && sells_by_image) price = card.unit(PriceUnit::image_input);
    add_units(price, usage.images, tally);
  }
  if (usage.microseconds > 0 && usage.audio_input == 0 && usage.audio_output == 0) {
    add_units(first_of(card, {PriceUnit::second_input, PriceUnit::audio_second_input}),
              usage.microseconds, tally, 1'000'000);
  }
  if (usage.characters > 0 && usage.input == 0) {
    add_units(card.unit(PriceUnit::character_input), usage.characters, tally);
  }
  if (usage.queries > 0) {
    const UnitPrice* price = card.unit(PriceUnit::query);
    if (price != nullptr || usage.input == 0) add_units(price, usage.queries, tally);
  }
  const UnitPrice* fee = card.unit(PriceUnit::request);
  if (fee == nullptr) {
    fee = by_size(card, PriceUnit::request_low,
                  {PriceUnit::request_medium, PriceUnit::request_high}, tally);
  }
  if (fee != nullptr) add_units(fee, 1, tally);
}

void add_tool(const PriceCard& card, std::string_view type, std::uint64_t count, Tally& tally) {
  if (type == "web_search" || type == "google_search") {
    add_units(by_size(card, PriceUnit::web_search_medium,
                      {PriceUnit::web_search_low, PriceUnit::web_search_high}, tally),
              count, tally);
  } else if (type == "web_fetch") {
    add_units(card.unit(PriceUnit::web_fetch), count, tally);
  } else if (type == "file_search") {
    add_units(card.unit(PriceUnit::file_search_1k_calls), count, tally, 1'000);
  } else if (type == "code_interpreter") {
    tally.estimated_by.add(Estimate::tool_sessions);  // several calls can share one session
    add_units(card.unit(PriceUnit::code_interpreter_session), count, tally);
  } else {
    tally.priced = false;
  }
}

}  // namespace

Bill price(const PriceCard* card, const Usage& usage, const PriceTable& table,
           std::string_view provider, DialectName dialect) {
  Bill bill;
  bill.estimated = usage.source == UsageSource::estimated;
  if (card == nullptr || usage.source == UsageSource::none) return bill;

  Tally tally;
  add_tokens(*card, counts_of(usage), usage, tally);
  add_pieces(*card, usage, tally);
  for (const UsageExtra& extra : usage.extras) {
    const PriceCard* own = extra.model.empty() ? card : table.find(provider, dialect, extra.model);
    if (own == nullptr) {
      tally.priced = false;
      continue;
    }
    add_tokens(*own, counts_of(extra), usage, tally);
    if (extra.count > 0) add_tool(*own, extra.type, extra.count, tally);
  }

  // The one rounding. Sums are never negative, so half up is half away from zero.
  bill.cost = Money::picodollars((tally.sum + kOnePicodollar / 2) / kOnePicodollar);
  bill.priced = tally.priced;
  bill.estimated = bill.estimated || !tally.estimated_by.empty();
  bill.estimated_by = tally.estimated_by;
  return bill;
}

}  // namespace farebox
