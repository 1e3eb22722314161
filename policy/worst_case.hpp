// WorstCase: the most a call can cost, known before its first octet leaves. It is what
// a hold sets aside.
//
// Sound for what one call is asked to do: whatever usage within the bound the reply
// reports, in whichever tier, region or speed, `price` makes it no dearer. Not in it are
// fees and sub-inferences of tools that run at the provider, because a CallSize doesn't
// tell of them.
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
