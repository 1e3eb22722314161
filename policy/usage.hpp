// Usage: what one upstream answer consumed, by token class.
//
// `input` counts all input (cached, cache-write and tool-use tokens included) and
// `output` all output (reasoning included), whichever way the provider reports
// them. The other token fields are parts of one of the two; `clamp_parts` keeps
// that true where a provider's numbers don't fit (wire-formats rule 8).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "config/base/money.hpp"

namespace farebox {

using Tokens = std::uint64_t;

// Who counted.
enum class UsageSource : std::uint8_t {
  none,       // nobody: the endpoint isn't metered, or nothing was sent upstream
  reported,   // the provider
  estimated,  // farebox, because the provider never said
};

// A sub-inference or tool fee billed on top of the top-level token totals.
struct UsageExtra {
  std::string type;   // "compaction", "advisor_message", "web_search" ...
  std::string model;  // empty: the model of the call
  Tokens input = 0;
  Tokens output = 0;
  Tokens cached_input = 0;
  Tokens cache_write = 0;
  std::uint64_t count = 0;  // requests, for tool fees
};

struct Usage {
  UsageSource source = UsageSource::none;

  Tokens input = 0;
  Tokens output = 0;

  // Parts of input.
  Tokens cached_input = 0;
  Tokens cache_write = 0;     // all cache writes
  Tokens cache_write_1h = 0;  // the part of cache_write with the one-hour lifetime
  Tokens tool_use_input = 0;
  Tokens audio_input = 0;
  Tokens image_input = 0;

  // Parts of output.
  Tokens reasoning = 0;
  Tokens audio_output = 0;
  Tokens image_output = 0;

  // Units that are not tokens.
  std::uint64_t microseconds = 0;  // billed audio time
  std::uint64_t images = 0;
  std::uint64_t characters = 0;
  std::uint64_t queries = 0;

  // What the reply says that changes the price; empty when it says nothing.
  std::string service_tier;
  std::string inference_geo;
  std::string speed;

  std::vector<UsageExtra> extras;

  // Cuts every part down to its whole. Idempotent.
  void clamp_parts();
};

}  // namespace farebox
