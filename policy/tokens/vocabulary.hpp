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
  static constexpr std::uint32_t kNone = vocabulary_format::kNoRank;

  // Null where this build has no such vocabulary.
  static const Vocabulary* of(Encoding encoding);

  // The rank of the token of exactly these octets, else kNone.
  std::uint32_t rank(const unsigned char* at, std::size_t length) const {
    using namespace vocabulary_format;
    if (length > longest_) return kNone;
    return length <= 16 ? rank_of(load_exact(at, length), length) : rank_of_long(at, length);
  }

  // The same; faster, and reads sixteen octets of whatever follows `at`.
  std::uint32_t rank_padded(const unsigned char* at, std::size_t length) const {
    using namespace vocabulary_format;
    if (length > longest_) return kNone;
    return length <= 16 ? rank_of(load_padded(at, length), length) : rank_of_long(at, length);
  }

  // The rank of the token of these one to sixteen octets, as load_padded gives them.
  std::uint32_t rank_of(const vocabulary_format::Words& words, std::size_t length) const {
    using namespace vocabulary_format;
    const LengthTable& table = lengths_[length];
    const unsigned char* const slot = slot_of(table, hash_of(words), length);
    if (load_padded(slot + 3, length) != words) return kNone;
    return visible(load4(slot) & 0xFFFFFF);
  }

  std::size_t longest() const { return longest_; }  // octets

 private:
  struct All;
  Vocabulary() = default;

  std::uint32_t rank_of_long(const unsigned char* at, std::size_t length) const;
  std::uint32_t visible(std::uint32_t rank) const { return rank < limit_ ? rank : kNone; }

  const unsigned char* slot_of(const vocabulary_format::LengthTable& table, std::uint64_t hash,
                               std::size_t length) const {
    using namespace vocabulary_format;
    std::uint16_t seed;
    std::memcpy(&seed, at_ + table.seeds_at + 2 * seed_place(hash, table.seeds), sizeof seed);
    return at_ + table.slots_at + slot_place(hash, seed, table.slots) * (length + 3);
  }

  const unsigned char* at_ = nullptr;
  std::size_t longest_ = 0;
  std::uint32_t limit_ = kNone;  // ranks from here on aren't in this encoding
  std::array<vocabulary_format::LengthTable, vocabulary_format::kLongestToken + 1> lengths_{};
};

}  // namespace farebox
