// Block: where pieces begin in the next 64 octets, for ASCII text, with bit operations alone.
//
// A block begins where a piece begins, so nothing of what stands before it matters. Only begins
// that are certain are told: those that depend on octets beyond the block, or on the first one
// that isn't ASCII, are left to the next block or to piece_end.
#pragma once

#include <cstdint>

#include "policy/tokens/pieces.hpp"

namespace farebox {

inline constexpr std::size_t kBlock = 64;

// Bit n: a piece begins at `text` + n. Never bit 0, which is known; 0 where nothing is certain.
// Reads kBlock octets. Pure.
using BlockBegins = std::uint64_t (*)(const unsigned char* text);

enum class Instructions : std::uint8_t { plain, avx2, avx512 };

// The best this processor has.
Instructions best_instructions();

// Null where there is none: piece_end then does the work.
BlockBegins block_begins(Pattern pattern, Instructions instructions);

}  // namespace farebox
