// TokenizerOf: which tokenizer a model counts with, as far as it is public.
//
// Data, not code: rules by the begin of a model's name, in tokenizer.cpp. Models whose
// vocabulary isn't public are estimated: their tokens are a ratio of those of o200k_base, a
// starting value that policy/tokens/token_ratio.hpp betters from what providers report.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "config/encoding.hpp"

namespace farebox {

struct TokenizerOf {
  std::string_view family;  // "openai", "anthropic"
  Encoding encoding = Encoding::o200k_base;  // exact, or what an estimate is a ratio of
  bool exact = false;       // this encoding is the model's own
  // For estimates, in thousandths: the model's tokens for 1000 of o200k_base, and how far a
  // single text may be off (nine in ten are within; prose and code, not rare languages).
  std::uint32_t ratio = 1000;
  std::uint32_t error = 0;
};

// The tokenizer of `model`, or null: unknown is an answer. Names are taken without case, and
// with what sellers put in front: "openai/gpt-4o", "us.anthropic.claude-...", "ft:gpt-4o:...".
const TokenizerOf* tokenizer_of(std::string_view model);

// The begins of names that are known, for messages.
std::span<const std::string_view> known_models();

}  // namespace farebox
