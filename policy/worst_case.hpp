// WorstCase: the most a call can cost, known before its first octet leaves. It is what
// a hold sets aside.
//
// Sound for what one call is asked to do: whatever usage within the bound the reply
// reports, in whichever tier, region or speed, `price` makes it no dearer.
#pragma once

#include "policy/pricing.hpp"

namespace farebox {

// What the request says about how large the call can get.
struct CallSize {
  // Octets of the whole body, not only of what is said in it: no tokenizer makes more
  // tokens than octets, and the punctuation of JSON pays for what a chat template adds.
  Tokens input_octets = 0;
  // False: the body refers to content that isn't in it, holds media (a few octets can
  // draw a picture of thousands of tokens), or wasn't read. The context window then
  // bounds the input, at the price of the dearest kind of input.
  bool input_is_whole = false;
  Tokens max_output_tokens = 0;  // 0: not said
  Tokens choices = 1;            // answers the reply may hold: n, best_of, prompts of a list
  // How often the model may read its whole window: once more after each use of a tool that
  // runs at the provider. With more than one the input isn't whole.
  Tokens windows = 1;
  Tokens least_window = 0;  // the request makes the model's window at least as large
  Tokens added_output_tokens = 0;  // billed as output, and no maximum covers them
  bool unbounded = false;          // something may cost what nobody can tell
  // Uses of tools that the provider bills by the call.
  std::uint64_t web_searches = 0, web_fetches = 0, file_searches = 0, code_sessions = 0;
  // Stands in where neither the request nor the card knows a maximum. The caller must
  // see to it that the provider keeps to it.
  Tokens default_max_output_tokens = 0;
};

struct WorstCase {
  Usage usage;  // source estimated
  Bill bill;    // of the dearest kinds of tokens, so more than `usage` priced as text
};

// The upper bound for `card`, rounded up to the picodollar.
//
// What can't be bounded or has no price makes `bill.priced` false, and its cost is that
// of the rest, as `price` does it: no card; a class without a price; media or references
// to a model whose context window isn't known; media to an embedding model, which takes
// many windows at once; answers that are no text from a model without a known maximum;
// what is sold by the second, the page, the pixel, or by variants of a size.
//
// With the operator's factor. A model that searches by itself and sells what it finds
// (citations) can't be bounded either. Never allocates.
WorstCase worst_case(const PriceCard* card, const CallSize& size, const PriceContext& context);

// The same without place, date and factor.
WorstCase worst_case(const PriceCard* card, const CallSize& size, const PriceTable& table,
                     std::string_view provider, DialectName dialect);

}  // namespace farebox
