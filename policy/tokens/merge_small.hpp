// Merging pieces of up to 64 octets, which most misses of the memory are; see merge.hpp.
#pragma once

#include <cstddef>
#include <cstdint>

#include "policy/tokens/block.hpp"
#include "policy/tokens/vocabulary.hpp"

namespace farebox {

inline constexpr std::size_t kSmallPiece = 64;

// Where tokens begin in a piece of 1 to kSmallPiece octets: a bit for each. Pure. Reads sixteen
// octets beyond the piece. `most` limits the instructions used, for tests.
std::uint64_t merge_small(const Vocabulary& vocabulary, const unsigned char* piece,
                          std::size_t length, Instructions most = Instructions::avx512);

}  // namespace farebox
