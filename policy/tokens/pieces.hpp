// Pieces: where the patterns of the encodings cut a text before it becomes tokens.
//
// Pure functions; no regular expressions are run. The patterns are facts of the encodings
// (openai/tiktoken, tiktoken_ext/openai_public.py, as npm tiktoken 1.0.22 carries them) and
// stand in the .cpp beside the code for each alternative.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "config/encoding.hpp"
#include "policy/tokens/characters.hpp"

namespace farebox {

enum class Pattern : std::uint8_t { o200k, cl100k, gpt2 };

Pattern pattern_of(Encoding encoding);

// What follows the octets at hand: nothing, or something yet unknown.
enum class Rest : std::uint8_t { none, unknown };

inline constexpr std::size_t kUndecided = 0;

// The end of the piece that begins at `at`, which is less than text.size() and the begin of a
// piece. `text` is whole characters of valid UTF-8. kUndecided where it depends on what follows.
std::size_t piece_end(Pattern pattern, const CharacterTable& table,
                      std::span<const unsigned char> text, std::size_t at, Rest rest);

}  // namespace farebox
