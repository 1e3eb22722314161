// Reading price files: JSON text -> cards. A file in LiteLLM's form is known by its shape;
// see litellm_reader.hpp. The grammar, as config/prices.json has it:
//
//   file  = {"schema": 1, "version": text, "currency": "USD",
//            "token_unit": 1000000,          prices are per so many tokens: 1, 1000 or 1000000
//            "models": [card, ...]}
//   card  = {"provider": text, "model": text,   who sells it, and its name on the wire
//            "id": text,                        provider/model[#variant] when left out
//            "region": text, "variant": text, "aliases": [text, ...], "mode": text,
//            "from": "2026-09-01",              UTC; valid from that day on, and until the
//                                               card with the same id and a later day is
//            "context_window": n, "max_output_tokens": n, "embedding_dimensions": n,
//            "cache_min_tokens": n, "tokenizer": text, "tokenizer_public": bool,
//            "rates": [rates, ...], or the token classes of the standard tier right here,
//            "units": {unit: price, ...},       USD for one
//            "factors": {"inference_geo=us": "1.1", ...},   at most three decimals
//            "web_search_per_query": bool, "web_search_per_prompt": bool,
//            "estimated": bool,                 what it prices is marked as an estimate
//            "deprecation_date", "price_page", "source", "date", "comment": text, shown}
//   rates = {"tier": "standard" | "batch" | "flex" | "priority", "from": as above,
//            "above_input_tokens": n, class: price, ...}
//   price = a decimal as a string or as a number, exact: "0.075", 5.46875e-07
//
// The classes and units are those of price_card.hpp. An unknown or repeated key, two
// cards with one id and day, two rates for one tier, size and day, and a price that can't be kept
// exactly are errors that name the card. Accepts any bytes.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "config/base/result.hpp"
#include "config/price_card.hpp"

namespace farebox {

struct PriceFile {
  std::string version;  // empty: it doesn't say
  std::vector<std::string> warnings;  // what was left out of it
  bool litellm = false;               // it was in LiteLLM's form
  std::vector<PriceCard> cards;
};

// `readable` octets may be read from json.data() on; 64 more than its size save a copy.
Result<PriceFile> read_price_file(std::string_view json, std::size_t readable,
                                  std::string_view source_name);

// An override: a card without provider (then "*") and model. Dated rates make several.
Result<std::vector<PriceCard>> read_price_override(std::string_view model, std::string_view json);

}  // namespace farebox
