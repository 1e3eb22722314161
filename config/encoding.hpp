// Encoding: the tokenizers whose vocabularies are public (names and facts: openai/tiktoken,
// tiktoken_ext/openai_public.py).
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace farebox {

enum class Encoding : std::uint8_t {
  o200k_base,
  o200k_harmony,  // ordinary text as o200k_base; other special tokens
  cl100k_base,
  p50k_base,
  p50k_edit,  // ordinary text as p50k_base; other special tokens
  r50k_base,
  gpt2,  // another name of r50k_base
};

inline constexpr std::size_t kEncodings = 7;

std::string_view name_of(Encoding encoding);

// The names, in the order of the enum.
std::span<const std::string_view> encoding_names();

std::optional<Encoding> encoding_named(std::string_view name);

// What the encoding takes for one token each where special tokens are allowed; the reserved ones
// of o200k_harmony aren't among them.
std::span<const std::string_view> special_tokens(Encoding encoding);

// The encoding whose vocabulary counts ordinary text: itself, or the one it extends.
Encoding base_of(Encoding encoding);

}  // namespace farebox
