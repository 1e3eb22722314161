// Reading a price file in the form of LiteLLM's model_prices_and_context_window.json:
//
//   {"gpt-4o": {"litellm_provider": "openai", "mode": "chat", "input_cost_per_token": 2.5e-06,
//               "input_cost_per_token_batches": ..., "max_input_tokens": ...}, ...}
//
// It is read as it is: numbers by their digits, never as doubles, and where one has more
// decimals than an attodollar keeps it is rounded, half up (such numbers are remains of
// floating point). The key says where a model is sold ("azure/eu/gpt-4o",
// "bedrock/us-west-2/x", "hd/1024-x-1024/dall-e-3"); `litellm_provider` names the seller.
// Fields without a price in them are ignored; ones that look like prices and aren't known
// are told. Entries without any price are left out.
#pragma once

#include "config/price_json.hpp"
#include "config/price_reader.hpp"

namespace farebox::price_json {

// Does the object look like LiteLLM's: no "schema", no "models", but objects?
bool is_litellm(json::object object);

PriceFile read_litellm(json::object object);

}  // namespace farebox::price_json
