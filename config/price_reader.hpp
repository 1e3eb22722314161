// Reading price files: JSON text -> cards. The grammar, as config/prices.json has it:
//
//   file  = {"schema": 1, "version": text, "currency": "USD",
//            "token_unit": 1000000,          prices are per so many tokens: 1, 1000 or 1000000
//            "models": [card, ...]}
//   card  = {"provider": text, "model": text,   who sells it, and its name on the wire
//            "id": text,                        provider/model[#variant] when left out
//            "variant": text, "aliases": [text, ...], "mode": text,
//            "context_window": n, "max_output_tokens": n, "embedding_dimensions": n,
//            "cache_min_tokens": n, "tokenizer": text, "tokenizer_public": bool,
//            "rates": [rates, ...], or the token classes of the standard tier right here,
//            "units": {unit: price, ...},       USD for one
//            "factors": {"inference_geo=us": "1.1", ...},   at most three decimals
//            "web_search_per_query": bool,
//            "deprecation_date", "price_page", "source", "date", "comment": text, not used}
//   rates = {"tier": "standard" | "batch" | "flex" | "priority",
//            "above_input_tokens": n, class: price, ...}
//   price = a decimal as a string or as a number, exact: "0.075", 5.46875e-07
//
// The classes and units are those of price_card.hpp. An unknown or repeated key, two
// cards with one id, two rates for one tier and size, and a price that can't be kept
// exactly are errors that name the card. Accepts any bytes.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "config/base/result.hpp"
#include "config/price_card.hpp"

namespace farebox {

struct PriceFile {
  std::string version;
  std::vector<PriceCard> cards;
};

// `readable` octets may be read from json.data() on; 64 more than its size save a copy.
Result<PriceFile> read_price_file(std::string_view json, std::size_t readable,
                                  std::string_view source_name);

// An override: a card without provider (then "*") and model.
Result<PriceCard> read_price_override(std::string_view model, std::string_view json);

}  // namespace farebox
