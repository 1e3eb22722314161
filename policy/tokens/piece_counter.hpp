// PieceCounter: how many tokens one piece makes, with a memory of pieces seen before.
//
// Memory: 1.6 MiB, of which only what is used is resident, and no more. For one thread at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "policy/tokens/merge.hpp"
#include "policy/tokens/vocabulary.hpp"

namespace farebox {

// Whether a piece that is no token is merged, or only bounded, which no text makes slow.
enum class Precision : std::uint8_t { exact, bound };

// A piece is merged to this many tokens at most, by its neighbouring octets alone: in what merging
// ends with, no two neighbours together are a token, else they would have been merged. So two
// octets that are a token are never two tokens there. This is the most tokens of one, two
// or three octets under that rule; a longer token could only be cut into more of two and three,
// which the rule doesn't touch. Linear.
std::size_t most_merged(const Vocabulary& vocabulary, std::span<const unsigned char> piece);

class PieceCounter {
 public:
  explicit PieceCounter(const Vocabulary& vocabulary, Precision precision = Precision::exact);

  // What is sure to be readable behind a piece.
  enum class Behind : std::uint8_t { nothing, sixteen_octets };

  template <Behind kBehind>
  std::size_t count(const unsigned char* piece, std::size_t length) {
    if (length > kShort) [[unlikely]] return count_long(piece, length);
    packed::Words key = kBehind == Behind::nothing ? packed::load_exact(piece, length)
                                           : packed::load_padded(piece, length);
    key.high |= std::uint64_t{length} << 56;
    Pair& pair = memory_->pairs[place_of(key)];
    if (pair.key[0] == key) [[likely]] return pair_count(pair, 0);
    if (pair.key[1] == key) return pair_count(pair, 1);
    return learn(key, pair, piece, length);
  }

 private:
  static constexpr std::size_t kShort = 15;  // octets; the sixteenth of a key is the length
  static constexpr unsigned kPlaceBits = 15;
  static constexpr std::size_t kLong = 61;
  static constexpr unsigned kLongBits = 13;

  struct LongPiece {
    std::uint8_t length;
    std::uint8_t count;
    unsigned char octets[kLong + 1];
  };
  // Two pieces that share a place, the newer one first.
  struct alignas(32) Pair {
    packed::Words key[2];
  };
  struct Counts {
    std::uint8_t of[2];
  };
  struct Memory {
    Pair pairs[std::size_t{1} << kPlaceBits];
    Counts counts[std::size_t{1} << kPlaceBits];
    LongPiece pieces[std::size_t{1} << kLongBits];
  };

  static std::size_t place_of(const packed::Words& key) {
    const std::uint64_t hash =
        key.low * 0x9E3779B97F4A7C15ull + key.high * 0xC2B2AE3D27D4EB4Full;
    return hash >> (64 - kPlaceBits);
  }

  std::size_t pair_count(const Pair& pair, std::size_t which) const {
    return memory_->counts[&pair - memory_->pairs].of[which];
  }

  std::size_t learn(const packed::Words& key, Pair& pair,
                    const unsigned char* piece, std::size_t length);
  std::size_t count_long(const unsigned char* piece, std::size_t length);
  std::size_t merged(const unsigned char* piece, std::size_t length) const;

  const Vocabulary* vocabulary_;
  Precision precision_;
  struct Release {
    void* block;  // what the memory lies in
    void operator()(Memory* memory) const;
  };

  static std::unique_ptr<Memory, Release> make_memory();

  std::unique_ptr<Memory, Release> memory_;  // never null
  LongMerger merger_;
};

}  // namespace farebox
