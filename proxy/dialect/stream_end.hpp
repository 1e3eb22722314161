// StreamEnd: ends a stream early as its dialect ends one that reached its maximum of tokens, so
// that a budget which is used up cuts an answer without breaking it (design 1.5 and 8).
//
// It is fed what goes to the client, as it goes, in pieces of any size, and remembers little: ids
// and short heads, what is open, one event that a piece boundary cuts (at most what the splitters
// keep), and for APIs that repeat the answer in their last event (Responses, Cohere v1) at most
// kMostText octets of it: behind that the repeated answer is the beginning of what was streamed.
// Malformed input makes it unable to end the stream, never fail. For one stream and one thread.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "policy/usage.hpp"
#include "proxy/dialect/dialect.hpp"

namespace farebox {

class StreamEnd {
 public:
  static constexpr std::size_t kMostText = 512u << 10;

  virtual ~StreamEnd() = default;

  // How many octets from the front of `piece` may still go to the client if the stream is cut
  // here: the last event that ends in it ends there. 0: none does.
  virtual std::size_t feed(std::string_view piece) = 0;

  // Everything that was fed ends where an event does. If not, and it has gone to the client, the
  // rest of the event has to go too before an end can.
  virtual bool between_events() const = 0;

  // The stream said its own end, or an error: nothing must follow.
  virtual bool ended() const = 0;

  // The octets that end the stream behind the last whole event that was fed; empty where it has
  // ended. `usage` is told where the dialect tells it, or the client asked. Nothing: this stream
  // can't be ended so, and its connection has to be cut: no event has come yet, an API without
  // such an end, or too much is open.
  virtual std::optional<std::string> end(const Usage& usage) const = 0;
};

// For the reply to a call. Null where its API has no end of this kind: text generation of
// watsonx, TGI and llama.cpp, images, audio, Mistral's conversations, Gemini's interactions,
// described dialects, Bedrock's models but Anthropic's and Nova's.
std::unique_ptr<StreamEnd> stream_end(const Route& route, DialectName own, const BodyFacts& facts);

}  // namespace farebox
