// One card of a price file; the grammar stands in price_reader.hpp.
#include <algorithm>

#include "config/price_json.hpp"

namespace farebox::price_json {

namespace {

// A million dollars for a million tokens, ten thousand for one unit: far above any
// price, and low enough that sums of 128 bits have room (see policy/pricing.cpp).
constexpr Int128 kMostPerToken = 1'000'000'000'000'000'000;
constexpr Int128 kMostPerUnit = Int128(kMostPerToken) * 10'000;
constexpr int kUnitPlaces = 18;  // attodollars
constexpr std::uint32_t kMostThousandths = 1'000'000;

template <class Name, std::size_t count>
bool find_name(std::string_view text, Name& name) {
  for (std::size_t i = 0; i < count; ++i) {
    name = static_cast<Name>(i);
    if (name_of(name) == text) return true;
  }
  return false;
}

PriceTier tier_of(std::string_view text) {
  if (text == "standard") return PriceTier::standard;
  if (text == "batch") return PriceTier::batch;
  if (text == "flex") return PriceTier::flex;
  if (text == "priority") return PriceTier::priority;
  throw Mistake{"tier '" + std::string(text) + "' is not one of standard, batch, flex, priority"};
}

TokenRates no_rates() {
  TokenRates rates;
  rates.per_token.fill(kUnpublished);
  return rates;
}

bool has_price(const TokenRates& rates) {
  return std::any_of(rates.per_token.begin(), rates.per_token.end(),
                     [](Attodollars price) { return price != kUnpublished; });
}

// True when `key` names a token class, whose price is then in `rates`.
bool read_class(json::value value, std::string_view key, int places, TokenRates& rates) {
  TokenClass name;
  if (!find_name<TokenClass, kTokenClasses>(key, name)) return false;
  rates.publish(name, static_cast<Attodollars>(price_of(value, key, places, kMostPerToken)));
  return true;
}

struct DatedRates {
  TokenRates rates;
  std::int32_t from_day = kAlways;
};

DatedRates read_rates(json::object object, int places) {
  DatedRates dated;
  TokenRates& rates = dated.rates = no_rates();
  SeenKeys seen;
  for (json::field field : object) {
    const std::string_view key = field.unescaped_key();
    seen.add(key);
    if (key == "tier") {
      rates.tier = tier_of(text_of(field.value(), key));
    } else if (key == "above_input_tokens") {
      rates.above_input_tokens = count_of(field.value(), key);
      if (rates.above_input_tokens == 0) throw Mistake{"'above_input_tokens' must be above 0"};
    } else if (key == "from") {
      dated.from_day = day_of(field.value(), key);
    } else if (!read_class(field.value(), key, places, rates)) {
      throw Mistake{"'" + std::string(key) + "' is no token class"};
    }
  }
  if (!has_price(rates)) throw Mistake{"rates without any price"};
  return dated;
}

std::vector<UnitPrice> read_units(json::object object) {
  std::vector<UnitPrice> units;
  SeenKeys seen;
  for (json::field field : object) {
    const std::string_view key = field.unescaped_key();
    seen.add(key);
    UnitPrice price;
    if (!find_name<PriceUnit, kPriceUnits>(key, price.unit)) {
      throw Mistake{"'" + std::string(key) + "' is no unit"};
    }
    price.attodollars = price_of(field.value(), key, kUnitPlaces, kMostPerUnit);
    units.push_back(price);
  }
  return units;
}

std::vector<PriceFactor> read_factors(json::object object) {
  std::vector<PriceFactor> factors;
  SeenKeys seen;
  for (json::field field : object) {
    const std::string_view key = field.unescaped_key();
    seen.add(key);
    const std::size_t equals = key.find('=');
    const std::string_view condition = key.substr(0, equals);
    PriceFactor factor;
    if (condition == "inference_geo") {
      factor.condition = PriceCondition::inference_geo;
    } else if (condition == "speed") {
      factor.condition = PriceCondition::speed;
    } else if (condition == "data_residency") {
      factor.condition = PriceCondition::data_residency;
    } else {
      throw Mistake{"factor '" + std::string(key) +
                    "' is not inference_geo=, speed= or data_residency="};
    }
    if (equals != std::string_view::npos) factor.value = key.substr(equals + 1);
    if (factor.value.empty()) throw Mistake{"factor '" + std::string(key) + "' has no value"};
    factor.thousandths =
        static_cast<std::uint32_t>(price_of(field.value(), key, 3, kMostThousandths));
    if (factor.thousandths == 0) throw Mistake{"factor '" + std::string(key) + "' is zero"};
    factors.push_back(std::move(factor));
  }
  return factors;
}

bool same_row(const TokenRates& a, const TokenRates& b) {
  return a.tier == b.tier && a.above_input_tokens == b.above_input_tokens;
}

void check_rates(const std::vector<DatedRates>& rows) {
  for (std::size_t i = 0; i < rows.size(); ++i) {
    for (std::size_t other = 0; other < i; ++other) {
      if (same_row(rows[i].rates, rows[other].rates) && rows[i].from_day == rows[other].from_day) {
        throw Mistake{"two rates for one tier and size"};
      }
    }
  }
}

// The rows that are valid on that day: of each tier and size the latest.
std::vector<TokenRates> rows_on(const std::vector<DatedRates>& rows, std::int32_t day) {
  std::vector<TokenRates> valid;
  for (const DatedRates& row : rows) {
    const bool replaced = std::any_of(rows.begin(), rows.end(), [&](const DatedRates& other) {
      return same_row(row.rates, other.rates) && other.from_day > row.from_day &&
             other.from_day <= day;
    });
    if (row.from_day <= day && !replaced) valid.push_back(row.rates);
  }
  return valid;
}

// Puts the rows into the card, and into a later one for every day that changes them.
void spread(const std::vector<DatedRates>& rows, PriceCard& card, std::vector<PriceCard>& later) {
  std::vector<std::int32_t> days;
  for (const DatedRates& row : rows) {
    if (row.from_day > card.from_day) days.push_back(row.from_day);
  }
  std::sort(days.begin(), days.end());
  days.erase(std::unique(days.begin(), days.end()), days.end());
  card.rates = rows_on(rows, card.from_day);
  for (const std::int32_t day : days) {
    PriceCard& next = later.emplace_back(card);
    next.from_day = day;
    next.rates = rows_on(rows, day);
    complete_rates(next);
  }
}

// Reads one key of a card that isn't about prices. False when there is no such key.
bool read_property(json::value value, std::string_view key, PriceCard& card) {
  if (key == "id") card.id = text_of(value, key);
  else if (key == "provider") card.provider = text_of(value, key);
  else if (key == "model") card.model = text_of(value, key);
  else if (key == "region") card.region = text_of(value, key);
  else if (key == "variant") card.variant = text_of(value, key);
  else if (key == "from") card.from_day = day_of(value, key);
  else if (key == "mode") card.mode = text_of(value, key);
  else if (key == "tokenizer") card.tokenizer = text_of(value, key);
  else if (key == "tokenizer_public") card.tokenizer_public = flag_of(value, key);
  else if (key == "context_window") card.context_window = count_of(value, key);
  else if (key == "max_output_tokens") card.max_output_tokens = count_of(value, key);
  else if (key == "embedding_dimensions") card.embedding_dimensions = count_of(value, key);
  else if (key == "cache_min_tokens") card.cache_min_tokens = count_of(value, key);
  else if (key == "web_search_per_query") card.web_search_per_query = flag_of(value, key);
  else if (key == "web_search_per_prompt") card.web_search_per_prompt = flag_of(value, key);
  else if (key == "estimated") card.estimated = flag_of(value, key);
  else if (key == "source") card.notes.source = text_of(value, key);
  else if (key == "date") card.notes.date = text_of(value, key);
  else if (key == "price_page") card.notes.price_page = text_of(value, key);
  else if (key == "deprecation_date") card.notes.deprecation_date = text_of(value, key);
  else if (key == "comment") card.notes.comment = text_of(value, key);
  else return false;
  return true;
}

}  // namespace

void read_card(json::object object, int places, CardKind kind, PriceCard& card,
               std::vector<PriceCard>& later) {
  const bool is_override = kind == CardKind::override_card;
  TokenRates standard = no_rates();
  std::vector<DatedRates> rows;
  SeenKeys seen;
  for (json::field field : object) {
    const std::string_view key = field.unescaped_key();
    seen.add(key);
    if (key == "rates") {
      for (json::object rates : field.value().get_array()) {
        rows.push_back(read_rates(rates, places));
      }
    } else if (key == "units") {
      card.units = read_units(field.value().get_object());
    } else if (key == "factors") {
      card.factors = read_factors(field.value().get_object());
    } else if (key == "aliases") {
      for (json::value alias : field.value().get_array()) {
        card.aliases.push_back(text_of(alias, key));
        if (card.aliases.back().empty()) throw Mistake{"an empty alias"};
      }
    } else if (is_override && (key == "id" || key == "model" || key == "region" || key == "variant")) {
      throw Mistake{"'" + std::string(key) + "' has no place in an override"};
    } else if (is_override && key == "token_unit") {
      if (has_price(standard) || !rows.empty()) throw Mistake{"'token_unit' comes first"};
      places = token_places(count_of(field.value(), key));
    } else if (!read_class(field.value(), key, places, standard) &&
               !read_property(field.value(), key, card)) {
      throw Mistake{"'" + std::string(key) + "' is not known"};
    }
  }
  if (has_price(standard)) rows.push_back({standard, kAlways});
  if (card.provider.empty() || card.model.empty()) {
    throw Mistake{"'provider' and 'model' must not be empty"};
  }
  if (rows.empty() && card.units.empty()) throw Mistake{"it has no price at all"};
  if (card.id.empty()) card.id = usual_id(card);
  check_rates(rows);
  spread(rows, card, later);
  complete_rates(card);
}

}  // namespace farebox::price_json
