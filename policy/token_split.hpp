// TokenSplit: every token of a call in exactly one class of the price table.
#pragma once

#include <array>

#include "config/price_card.hpp"
#include "policy/usage.hpp"

namespace farebox {

// What is counted in tokens. A sub-inference has no counts but some of these.
struct TokenUse {
  Tokens input = 0;
  Tokens output = 0;
  Tokens cached_input = 0;
  Tokens cache_write = 0;
  Tokens cache_write_1h = 0;
  Tokens audio_input = 0;
  Tokens image_input = 0;
  Tokens reasoning = 0;
  Tokens audio_output = 0;
  Tokens image_output = 0;
  Tokens citation = 0;
};
TokenUse counts_of(const Usage& usage);
TokenUse counts_of(const UsageExtra& extra);

using TokenSplit = std::array<Tokens, kTokenClasses>;

// Cache reads, then cache writes, are taken off the input. Providers don't say how much
// of the audio and of the images was cached: as little as the totals allow is, which is
// the dearer reading. So media fill the fresh input first, and only what doesn't fit
// there counts as cached audio (cached images cost like cached text). Tool-use input is
// plain input. Reasoning, then audio, then images are taken off the output.
TokenSplit split(const TokenUse& counts);

}  // namespace farebox
