// Vocabulary: octets to rank, on the packed table of an encoding.
//
// Immutable and shared by all threads; `of` is thread-safe. No look-up allocates.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "config/encoding.hpp"
#include "config/vocabulary/format.hpp"

namespace farebox {

class Vocabulary {
 public:
  static constexpr std::uint32_t kNone = packed::kNoRank;

  // Null where this build has no such vocabulary.
  static const Vocabulary* of(Encoding encoding);

  // The rank of the token of exactly these octets, else kNone.
  std::uint32_t rank(const unsigned char* at, std::size_t length) const {
    if (length > longest_) return kNone;
    return length <= 16 ? rank_of(packed::load_exact(at, length), length) : rank_of_long(at, length);
  }

  // The same; faster, and reads sixteen octets of whatever follows `at`.
  std::uint32_t rank_padded(const unsigned char* at, std::size_t length) const {
    if (length > longest_) return kNone;
    return length <= 16 ? rank_of(packed::load_padded(at, length), length) : rank_of_long(at, length);
  }

  // The rank of the token of these one to sixteen octets, as packed::load_padded gives them.
  std::uint32_t rank_of(const packed::Words& words, std::size_t length) const {
    const packed::LengthTable& table = lengths_[length];
    const unsigned char* const slot = slot_of(table, packed::hash_of(words), length);
    // Without a branch: whether two tokens make one can't be predicted, and a wrong guess
    // would keep the next look-up from starting.
    const packed::Words there = packed::load_padded(slot + 3, length);
    const std::uint32_t rank = packed::load4(slot) & 0xFFFFFF;
    const bool same = ((there.low ^ words.low) | (there.high ^ words.high)) == 0;
    const bool found = static_cast<bool>(static_cast<unsigned>(same) & static_cast<unsigned>(rank < limit_));
    return rank | ((static_cast<std::uint32_t>(found) - 1) & kNone);
  }

  std::size_t longest() const { return longest_; }  // octets

 private:
  struct All;
  Vocabulary() = default;

  std::uint32_t rank_of_long(const unsigned char* at, std::size_t length) const;
  std::uint32_t visible(std::uint32_t rank) const { return rank < limit_ ? rank : kNone; }

  const unsigned char* slot_of(const packed::LengthTable& table, std::uint64_t hash,
                               std::size_t length) const {
    std::uint16_t seed;
    std::memcpy(&seed, at_ + table.seeds_at + 2 * packed::seed_place(hash, table.seeds), sizeof seed);
    return at_ + table.slots_at + packed::slot_place(hash, seed, table.slots) * (length + 3);
  }

  const unsigned char* at_ = nullptr;
  std::size_t longest_ = 0;
  std::uint32_t limit_ = kNone;  // ranks from here on aren't in this encoding
  std::array<packed::LengthTable, packed::kLongestToken + 1> lengths_{};
};

}  // namespace farebox
