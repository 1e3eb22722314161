// CacheRules: which calls a cache may answer, which answers it may keep, and for how long.
//
// Plain values without I/O.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/base/clock.hpp"
#include "config/base/result.hpp"
#include "config/settings.hpp"

namespace farebox {

// What a caller says of one request (x-farebox-cache).
struct CacheWish {
  bool bypass = false;   // as if there were no cache
  bool refresh = false;  // ask the provider, and keep what it says
  bool only = false;     // what is kept, or nothing
  std::optional<Milliseconds> ttl;
  std::vector<std::string> tags;        // that it can be invalidated by
  std::vector<std::string> depends_on;  // tags and keys it falls with
};

// "bypass", "refresh", "only", "ttl=60" (seconds) or "ttl=5m", "tags=a,b", "depends-on=a,b";
// several are separated by commas, semicolons or blanks. Error: bad_request.
Result<CacheWish> parse_cache_wish(std::string_view text);

// What is known of a call.
struct CacheFacts {
  bool readable = false;       // its body means one thing
  bool kind = false;           // an endpoint whose answers can be kept
  bool deterministic = false;  // it would be answered alike again
};

enum class CacheUse : std::uint8_t {
  off,     // there is no cache for it
  bypass,  // there is, and this call passes it by
  use,
};

// How a call may use the cache.
struct CacheRule {
  CacheUse use = CacheUse::off;
  Milliseconds ttl{0};
  Milliseconds while_revalidate{0};  // after `ttl`
  Milliseconds if_error{0};          // after `ttl`
  Milliseconds keep{0};              // from the beginning; at least `ttl`
};

// `route`, of the route that the call takes, may be null. `stale_on_open`: its provider's breaker
// wants old answers.
CacheRule cache_rule(const CacheSettings& settings, const RouteCacheSettings* route,
                     const CacheWish& wish, const CacheFacts& facts, bool stale_on_open);

// Did it end as answers end that are complete? `reason`: the provider's word.
bool is_complete_finish(std::string_view reason);

// Does any of an answer's choices say that it ended otherwise, or nothing yet? `content` as below.
bool holds_incomplete_finish(std::string_view content);

// Does an answer say that the model refused (OpenAI's `refusal`)? In doubt, yes. `content`: JSON
// or events, without chunks.
bool holds_refusal(std::string_view content);

}  // namespace farebox
