// OutputWatch: the tokens that a running stream has shown, counted as they pass, so that a
// budget can end it in time. Never fewer than its provider will bill for what was shown, but
// for marks of its own that no text shows; the allowance for cut streams pays for those.
//
// For one stream, on its worker.
#pragma once

#include <optional>

#include "policy/tokens/stream_counter.hpp"
#include "proxy/dialect/usage_reader.hpp"

namespace farebox {

class OutputWatch {
 public:
  // `counter`: of the model's own vocabulary, and outlives this; null: octets are counted,
  // since no tokenizer makes more tokens than there are octets.
  explicit OutputWatch(TokenCounter* counter) {
    if (counter != nullptr) stream_.emplace(*counter);
  }

  // All that was shown so far; `reading` is the same at every call, and grows.
  Tokens seen(const Reading& reading);

 private:
  std::optional<StreamCounter> stream_;
  std::size_t fed_ = 0;        // octets of the reading's text
  std::uint64_t octets_ = 0;   // shown at the last call
  Tokens uncounted_ = 0;       // octets that aren't in the counter
};

}  // namespace farebox
