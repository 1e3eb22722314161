// The usage object of Anthropic's Messages API (anthropic-sdk-python: types/usage.py,
// message_delta_usage.py, beta/beta_usage.py).
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "policy/usage.hpp"
#include "proxy/dialect/json_cursor.hpp"
#include "proxy/dialect/server_tools.hpp"

namespace farebox {

// As sent; nothing means the provider has not said.
struct AnthropicUsage {
  std::optional<Tokens> input;  // neither cache reads nor cache writes are in it
  std::optional<Tokens> output;
  std::optional<Tokens> cache_read, cache_write, cache_write_5m, cache_write_1h;
  std::optional<Tokens> thinking;
  ServerTools tools;
  std::string service_tier, inference_geo, speed;
  std::vector<UsageExtra> extras;  // iterations that the counts above leave out
  std::string serving_model;       // of a fallback iteration; empty: as message.model says

  // Takes every field that the object at the cursor says over the earlier one: a stream
  // tells the input at its start, and all of it again, cumulative, at its end.
  void merge(JsonCursor& cursor);

  // The sum is said beside its two parts; where it isn't, they are the sum.
  Tokens all_cache_writes() const {
    return cache_write.value_or(cache_write_5m.value_or(0) + cache_write_1h.value_or(0));
  }

  // The counts as farebox means them; false when one side is missing.
  bool put_into(Usage& usage) const;

 private:
  void merge_iterations(JsonCursor& cursor);
  void merge_tools(JsonCursor& cursor);
  void merge_part(JsonCursor& cursor, std::optional<Tokens>& into);

  bool part_unusable_ = false;    // a part was said, but is no count
  bool cache_unusable_ = false;   // a part of the input was said, but is no count
  bool extras_unusable_ = false;  // an iteration was, whose counts aren't
};

}  // namespace farebox
