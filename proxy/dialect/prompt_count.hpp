// Counting the input tokens of a request before any provider reports them: for those that
// never will (streams cut short, old servers), and for limits before the call.
//
// Walks the body where it lies, linear in its octets. Memory: what is written again for the
// count, which is tools (tool_text.hpp), the arguments of calls up to a MiB, and the results of
// calls made at once. Any octets are accepted, nothing throws. For one thread at a time, as the
// counter is.
#pragma once

#include <cstdint>
#include <string_view>

#include "policy/tokens/token_counter.hpp"
#include "proxy/dialect/dialect.hpp"

namespace farebox {

// Why a count may differ from what the provider will report, least first; the worst counts.
enum class PromptDoubt : std::uint8_t {
  none,           // text alone: exact for models of a public vocabulary
  tools,          // functions and calls, rendered as far as is known: mostly exact
  format,         // a schema for the answer, rendered as far as is known
  images,         // by their size
  model,          // the marks around the text aren't known for this model
  unknown_image,  // an image whose size isn't in the body: the most it can be
  hidden,         // the provider adds what it doesn't say: its own tools, searches
  elsewhere,      // text that isn't in the body: earlier responses, files, kept reasoning
  unread,         // audio and files, or a body that can't be read
};
std::string_view name_of(PromptDoubt doubt);

// Tokens, by what they are for.
struct PromptParts {
  std::uint64_t text = 0;
  std::uint64_t marks = 0;  // roles, names and what separates messages
  std::uint64_t calls = 0;
  std::uint64_t tools = 0;
  std::uint64_t format = 0;
  std::uint64_t images = 0;
  std::uint64_t reasoning = 0;  // of earlier turns, encrypted: by its size
};

struct PromptCount {
  std::uint64_t tokens = 0;
  PromptDoubt doubt = PromptDoubt::none;
  PromptParts parts;

  bool exact() const { return doubt == PromptDoubt::none; }
  // The provider may count any number more.
  bool at_least() const { return doubt >= PromptDoubt::hidden; }
};

// OpenAI's chats, responses, completions and embeddings are counted as its servers do; of other
// endpoints the texts alone, with PromptDoubt::model at least. An Endpoint without a prompt is
// unread. `counter` is of the model's encoding, or of o200k_base where a ratio makes an estimate of
// it; whether the encoding is the model's own is the caller's to know (config/tokenizer.hpp).
PromptCount count_prompt(Endpoint endpoint, std::string_view model, std::string_view body,
                         TokenCounter& counter);

// The most input tokens a request can be counted as by the provider, for a model whose own
// encoding that of `bounding` is (TokenCounter::make_bounding). Sound: where the count of the
// text isn't all there is to it (tools, pictures, what isn't in the body), it is the octets of
// the body, and `from_text` is false. One pass, a lookup for each word.
struct PromptBound {
  std::uint64_t tokens = 0;
  bool from_text = false;
};
PromptBound bound_prompt(Endpoint endpoint, std::string_view model, std::string_view body,
                         TokenCounter& bounding);

}  // namespace farebox
