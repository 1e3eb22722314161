// What a provider says a request cost, which some put beside the token counts (OpenRouter,
// Perplexity, xAI, the Vercel gateway). Exact: read digit by digit, never as a double.
#pragma once

#include <optional>
#include <string_view>

#include "config/base/money.hpp"
#include "proxy/dialect/json_cursor.hpp"

namespace farebox {

// A JSON number of dollars (RFC 8259 section 6: "0.0013", "3.4e-7") as money. Digits beyond
// the picodollar, which are the noise of a double somewhere, are rounded half up. Nothing
// when it is no number, is negative, or above a billion dollars.
std::optional<Money> dollars_of(std::string_view number);

// The same at the cursor, where the number may stand in a string.
std::optional<Money> read_dollars(JsonCursor& cursor);

// xAI's `cost_in_usd_ticks`: 10^10 ticks are a dollar, so a tick is 100 picodollars.
std::optional<Money> read_ticks(JsonCursor& cursor);

}  // namespace farebox
