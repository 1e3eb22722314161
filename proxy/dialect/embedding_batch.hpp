// Joining embedding calls of one input each into one call with an array of inputs, and splitting
// its reply into what each caller would have been answered alone.
//
// OpenAI's form (POST /embeddings: `input`, `data`, `usage`), which Azure, Mistral and most
// compatible servers speak. Nothing here does I/O; thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "config/base/digest.hpp"

namespace farebox {

// A call that can be joined with others. Views into its body, which must outlive it.
struct EmbeddingCall {
  std::string_view before, after;  // of the body, on both sides of the value of `input`
  std::string_view input;          // as written, as one element of an array of inputs
  // Of all other members, as BodyDigest compares them, and of whether the input is text or
  // tokens: calls with one digest can be joined. Nothing is left out, not even `user`.
  Digest group{};
  std::uint64_t most_tokens = 0;  // of its input: octets of the text, or the tokens themselves
};

// Nothing where a call can't be joined: no JSON object, several inputs or an empty one, an input
// that is neither text nor tokens, `stream`, a key that comes twice, a key that can't be compared.
std::optional<EmbeddingCall> read_embedding_call(std::string_view body);

// The body for the provider: the first call's, with all inputs in their order. At least one call;
// all of one group.
std::string join_embedding_calls(std::span<const EmbeddingCall> calls);

// One reply for each call, in their order: the provider's octets around its one element of `data`,
// whose index is 0, and its part of each number in `usage`. The parts sum up to what the provider
// said; tokens are shared by the weights (each call's tokens, or an estimate), all else by the
// tokens, so a detail is never more than its whole.
//
// Nothing where the reply isn't exactly that: an error, elements that don't answer the calls one to
// one by their index, numbers that can't be shared, counts in other places than `usage`, more than
// 16 KiB around the elements. Linear in the reply; memory of it once, and what is around the
// elements once for each call.
std::optional<std::vector<std::string>> split_embedding_reply(
    std::string_view reply, std::span<const std::uint64_t> weights);

}  // namespace farebox
