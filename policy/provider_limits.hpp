// ProviderLimits: what an answer's headers say about how fast its provider may be asked.
//
// Four spellings of the same (wire-formats, section 4): retry-after(-ms) and x-should-retry;
// OpenAI's x-ratelimit-{limit,remaining,reset}-{requests,tokens} with durations such as 6m0s
// and its cousins with bare seconds or moments; Mistral's by minute; Anthropic's
// anthropic-ratelimit-*-{limit,remaining,reset} with RFC 3339 times. Anything may stand
// there: what can't be read is left out, and no wait is longer than a day. Pure.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>

#include "config/base/clock.hpp"

namespace farebox {

inline constexpr std::chrono::hours kLongestWait{24};

class ProviderLimits {
 public:
  // `now` is the wall clock: some headers name a moment.
  explicit ProviderLimits(WallTime now) : now_(now) {}

  // One field of the answer's head; those that say nothing here are skipped quickly.
  void read(std::string_view name, std::string_view value);

  // Milliseconds where the provider says them, else seconds or a date. It may stand on a 200
  // too, where it means nothing.
  std::optional<std::chrono::nanoseconds> retry_after() const;
  std::optional<bool> should_retry() const { return should_retry_; }

  // Something is used up: how long until it is whole again, and until a call is likely to
  // pass. Providers refill steadily, so the next request comes when its share of the reset is
  // over, and an eighth of the tokens is a guess at what a call needs.
  struct UsedUp {
    std::chrono::nanoseconds whole{0};
    std::chrono::nanoseconds next{0};
  };
  std::optional<UsedUp> used_up() const;
  // Something is counted, and of all that is something is left.
  bool some_left() const;

 private:
  enum class Part : std::uint8_t { limit, remaining, reset };
  struct Standing {
    std::optional<std::uint64_t> limit, remaining;
    std::optional<std::chrono::nanoseconds> reset;
  };
  static constexpr std::size_t kKinds = 9;

  void read_part(std::string_view kind, Part part, std::string_view value);

  WallTime now_;
  std::optional<std::chrono::nanoseconds> retry_after_, retry_after_ms_;
  std::optional<bool> should_retry_;
  std::array<Standing, kKinds> standings_;
};

// "1s", "6m0s", "20ms", "1h2m3.5s", "7" (seconds), RFC 3339, and moments since 1970 in seconds
// or milliseconds: how long from now, 0 ... kLongestWait. Nothing: it is none of them.
std::optional<std::chrono::nanoseconds> parse_reset(std::string_view text, WallTime now);

// Seconds, whole or with a fraction, or an HTTP date: how long from now, 0 ... kLongestWait.
std::optional<std::chrono::nanoseconds> parse_retry_after(std::string_view text, WallTime now);

}  // namespace farebox
