// PieceCounter: how many tokens one piece makes, with a memory of pieces seen before.
//
// Memory: 0.4 MiB from the first piece on, and no more. For one thread at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "policy/tokens/merge.hpp"
#include "policy/tokens/vocabulary.hpp"

namespace farebox {

class PieceCounter {
 public:
  explicit PieceCounter(const Vocabulary& vocabulary);

  // What is sure to be readable behind a piece.
  enum class Behind : std::uint8_t { nothing, sixteen_octets };

  template <Behind kBehind>
  std::size_t count(const unsigned char* piece, std::size_t length) {
    using namespace vocabulary_format;
    if (length > kShort) [[unlikely]] return count_long(piece, length);
    Words key = kBehind == Behind::nothing ? load_exact(piece, length)
                                           : masked(piece, length);
    key.high |= std::uint64_t{length} << 56;
    const std::size_t at = place_of(key);
    if (memory_->keys[at] == key) [[likely]] return memory_->counts[at];
    return learn(key, at, piece, length);
  }

 private:
  static constexpr std::size_t kShort = 15;  // octets; the sixteenth of a key is the length
  static constexpr unsigned kPlaceBits = 14;
  static constexpr std::size_t kLong = 61;
  static constexpr unsigned kLongBits = 11;

  struct LongPiece {
    std::uint8_t length;
    std::uint8_t count;
    unsigned char octets[kLong + 1];
  };
  struct Memory {
    vocabulary_format::Words keys[std::size_t{1} << kPlaceBits];
    std::uint8_t counts[std::size_t{1} << kPlaceBits];
    LongPiece pieces[std::size_t{1} << kLongBits];
  };

  static vocabulary_format::Words masked(const unsigned char* piece, std::size_t length) {
    using vocabulary_format::load8;
    return {load8(piece) & kMasks[length].low, load8(piece + 8) & kMasks[length].high};
  }

  static std::size_t place_of(const vocabulary_format::Words& key) {
    const std::uint64_t hash =
        key.low * 0x9E3779B97F4A7C15ull + key.high * 0xC2B2AE3D27D4EB4Full;
    return hash >> (64 - kPlaceBits);
  }

  std::size_t learn(const vocabulary_format::Words& key, std::size_t at,
                    const unsigned char* piece, std::size_t length);
  std::size_t count_long(const unsigned char* piece, std::size_t length);
  std::size_t merged(const unsigned char* piece, std::size_t length) const;

  static const vocabulary_format::Words kMasks[16];

  const Vocabulary* vocabulary_;
  std::unique_ptr<Memory> memory_;
  LongMerger merger_;
};

}  // namespace farebox
