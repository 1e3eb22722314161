// StreamCounter: the tokens of a text that comes bit by bit, cut anywhere, even inside a
// character: exactly those of the whole.
//
// Holds the octets of the piece that isn't finished, and after octets that aren't UTF-8 all
// that follows (they are one piece, see token_counter.hpp). Linear in the octets fed. For one
// thread at a time; the counter it borrows may serve others between two calls.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "policy/tokens/token_counter.hpp"

namespace farebox {

class StreamCounter {
 public:
  // `counter` must outlive this.
  explicit StreamCounter(TokenCounter& counter) : counter_(&counter) {}

  void feed(std::string_view octets);

  // The tokens of everything fed, as if it were the end. More may be fed and asked later.
  std::size_t tokens() const;

  // The tokens that are certain whatever follows; cheap. Never more than a later `tokens`,
  // unless octets come that aren't UTF-8.
  std::size_t tokens_so_far() const { return settled_tokens_ + kept_tokens_; }

 private:
  void settle(const TokenCounter::Counted& counted);

  TokenCounter* counter_;
  std::string kept_;  // from the begin of a piece on; the first counted_ octets are counted
  std::size_t counted_ = 0;
  std::size_t settled_tokens_ = 0;  // of what isn't kept any more
  std::size_t kept_tokens_ = 0;     // of the counted octets that are still kept
  std::size_t valid_ = 0;           // octets of kept_ that are whole characters
  std::size_t next_try_ = 0;        // size of kept_ before which no end of a piece is looked for
  bool broken_ = false;
};

}  // namespace farebox
