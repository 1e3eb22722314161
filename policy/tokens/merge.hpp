// Merge: the tokens of one piece, by byte-pair encoding: of all neighbours that together are a
// token, those of the lowest rank become one, the leftmost first, until there are none.
//
// A piece of up to 64 octets is merged as it stands. A longer one is merged window by window,
// in linear time, because merging is local: where two windows overlap and both have the same
// token at the same place, no merge ever crossed that token's edges, and the tokens of the first
// window before it and of the second one from it on are those of the whole. (Merges happen in
// one order, by rank and place, in a window as in the whole; the first merge to cross an edge in
// the whole would have been a merge of one of the windows.) Where no token is common, windows
// grow; the longest is the rest of the piece.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "policy/tokens/merge_small.hpp"
#include "policy/tokens/vocabulary.hpp"

namespace farebox {

// Where tokens begin in a piece of any length but 0, and its length: in sweeps, each of which
// merges all pairs of one rank. For windows of up to kMostSwept octets, which have few ranks where
// they are long because their tokens are: O(n) for each rank.
inline constexpr std::size_t kMostSwept = 1024;
std::vector<std::uint32_t> merge_sweeping(const Vocabulary& vocabulary,
                                          std::span<const unsigned char> piece);

// The same. O(n log n).
std::vector<std::uint32_t> merge_large(const Vocabulary& vocabulary,
                                       std::span<const unsigned char> piece);

// Merges long pieces; remembers windows, so that what repeats itself costs little. Bounded
// memory. For one thread at a time.
class LongMerger {
 public:
  explicit LongMerger(const Vocabulary& vocabulary) : vocabulary_(&vocabulary) {}

  // The tokens of a piece of any length.
  std::size_t count(std::span<const unsigned char> piece) { return run(piece, nullptr); }

  // Appends their ends, places within the piece.
  void split(std::span<const unsigned char> piece, std::vector<std::size_t>& ends) {
    run(piece, &ends);
  }

 private:
  struct Known {
    std::vector<unsigned char> octets;
    std::vector<std::uint32_t> begins;
  };
  static constexpr std::size_t kKnown = 64;
  static constexpr std::size_t kLongestKnown = 1024;  // octets

  struct Common;

  std::optional<Common> common_token(std::size_t first, std::size_t shift) const;
  std::size_t run(std::span<const unsigned char> piece, std::vector<std::size_t>* ends);
  void merge_window(std::span<const unsigned char> window, std::vector<std::uint32_t>& begins);

  const Vocabulary* vocabulary_;
  std::vector<Known> known_;
  std::vector<std::uint32_t> now_;
  std::vector<std::uint32_t> next_;
};

}  // namespace farebox
