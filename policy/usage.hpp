// Usage: what one upstream answer consumed, by token class.
//
// `input` counts all input (cached, cache-write and tool-use tokens included) and
// `output` all output (reasoning included), whichever way the provider reports
// them. The other token fields are parts of one of the two; `clamp_parts` keeps
// that true where a provider's numbers don't fit (wire-formats rule 8).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
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

// By which rule a part of a bill was estimated. A bill can have several.
enum class Estimate : std::uint8_t {
  input_octets,      // no tokenizer makes more tokens than there are octets: a bound
  input_counted,     // exactly, with the model's own vocabulary
  input_ratio,       // tokens of another vocabulary times a calibrated ratio
  output_octets,     // as above, of what was seen of the answer
  output_counted,
  output_ratio,
  output_allowance,  // for what was under way when the answer was cut
  held_amount,       // the whole hold was charged
  price_tier,        // the tier the reply named isn't published: the list price
  price_class,       // the kind of token isn't: the price of its next of kin
  price_size,        // nobody said which size or quality it had
  price_place,       // the region it ran in has no published factor
  tool_sessions,     // calls of a tool may have shared one session
  usage_part,        // a part of the usage was said but is no count, and taken for none
};
inline constexpr std::size_t kEstimates = 14;
std::string_view name_of(Estimate rule);

// A set of rules; empty: nothing was estimated.
class Estimates {
 public:
  void add(Estimate rule) { bits_ |= 1u << static_cast<unsigned>(rule); }
  void add(Estimates others) { bits_ |= others.bits_; }
  bool has(Estimate rule) const { return (bits_ >> static_cast<unsigned>(rule) & 1u) != 0; }
  bool empty() const { return bits_ == 0; }

  // As stored; bits that mean nothing here are dropped.
  std::uint32_t bits() const { return bits_; }
  static Estimates of_bits(std::uint32_t bits) {
    Estimates set;
    set.bits_ = bits & ((1u << kEstimates) - 1);
    return set;
  }
  friend bool operator==(Estimates, Estimates) = default;

 private:
  std::uint32_t bits_ = 0;
};

// A sub-inference or tool fee billed on top of the top-level token totals.
struct UsageExtra {
  std::string type;   // "compaction", "advisor_message", "web_search" ...
  std::string model;  // empty: the model of the call
  Tokens input = 0;
  Tokens output = 0;
  Tokens cached_input = 0;
  Tokens cache_write = 0;
  Tokens cache_write_1h = 0;  // the part of cache_write with the one-hour lifetime
  std::uint64_t count = 0;    // requests, for tool fees
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

  // In neither of the two: what a search put into the answer's sources (Perplexity).
  Tokens citation = 0;

  // Units that are not tokens.
  std::uint64_t microseconds = 0;  // billed audio time
  std::uint64_t images = 0;
  std::uint64_t characters = 0;
  std::uint64_t queries = 0;
  std::uint64_t pages = 0;            // read by OCR
  std::uint64_t annotated_pages = 0;  // the part of them that was annotated

  // What the reply says that changes the price; empty when it says nothing.
  std::string service_tier;
  std::string inference_geo;
  std::string speed;
  std::string variant;         // of images: size and quality as the price cards spell them
  std::string search_context;  // low, medium or high: how much a search may read

  // What the provider says it charged, in its own reckoning; nothing when it doesn't.
  std::optional<Money> reported_cost;

  // A part was said, but it is no count (negative, fractional, beyond 2^53, text ...): it is
  // taken for none, and what it would have cost is not known.
  bool unusable_part = false;

  std::vector<UsageExtra> extras;

  // Cuts every part down to its whole. Idempotent.
  void clamp_parts();
};

}  // namespace farebox
