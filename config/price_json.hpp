// The small reads that price files are made of, over simdjson. For the two sources that
// read them, price_reader.cpp and price_card_reader.cpp; nobody else pays for simdjson.
#pragma once

#include <simdjson.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "config/base/money.hpp"
#include "config/price_card.hpp"

namespace farebox::price_json {

namespace json = simdjson::ondemand;

// What a file says wrong. Thrown by these reads and caught in price_reader.cpp.
struct Mistake {
  std::string what;
};

std::string text_of(json::value value, std::string_view key);
std::uint64_t count_of(json::value value, std::string_view key);
bool flag_of(json::value value, std::string_view key);

// A decimal, string or number, times ten to the power of `places`, exactly.
Int128 price_of(json::value value, std::string_view key, int places, Int128 most);

// Places of attodollars per token, for prices per so many tokens.
int token_places(std::uint64_t token_unit);

// "2026-09-01": days since 1970-01-01.
std::int32_t day_of(json::value value, std::string_view key);

// The keys that a file may have and nobody reads: notes for people.
bool is_note(std::string_view key);

// Refuses a key that was there before. On-demand parsing would let it pass.
class SeenKeys {
 public:
  void add(std::string_view key);

 private:
  std::vector<std::string_view> keys_;
};

// Reads one card into `card`, which may have values already and keeps what was read when
// a mistake is thrown. Rates that begin at a date make another card from that day on, which
// goes to `later`. `places` as token_places gives it; an override may say its own unit, and
// has no id, model, region or variant.
enum class CardKind : std::uint8_t { listed, override_card };
void read_card(json::object object, int places, CardKind kind, PriceCard& card,
               std::vector<PriceCard>& later);

}  // namespace farebox::price_json
