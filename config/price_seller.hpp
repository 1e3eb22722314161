// Whose prices apply: from the name and the dialect of a configured provider to the
// sellers whose cards are looked at.
#pragma once

#include <array>
#include <string_view>

#include "config/settings.hpp"

namespace farebox {

struct Sellers {
  // In this order; empty ones stand for nobody. The first is the provider's own name
  // where that isn't a seller's: a price file may carry cards for it.
  std::array<std::string_view, 3> names;
  bool named = false;  // the provider's name says who sells; else only its dialect does
};

// A whole word of the name decides ("groq-eu", "my_openai"): a cloud or host before a
// maker ("azure-openai" is azure), and nothing when two of a kind are named. Azure,
// Bedrock and Ollama have dialects of their own, so there the dialect decides.
Sellers sellers_of(std::string_view provider, DialectName dialect);

// The seller that one word names, as in "vertex_ai/gemini-x"; empty when it names none.
std::string_view seller_of_word(std::string_view word);

// Open weights, by their family's name: others sell them too, so that the name alone
// doesn't tell the price.
bool is_open(std::string_view model);

// Sells models it makes itself, so that a name of its list price is its own.
bool is_maker(std::string_view seller);

}  // namespace farebox
