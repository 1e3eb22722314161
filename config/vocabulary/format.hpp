// The packed vocabularies: how pack.cpp writes them at build time and how they are read in
// place, without parsing, from the program's read-only data.
//
//   file       := header vocabulary* classes padding
//   header     := magic:8 size:u32 entries:u32 classes_at:u32 zero:u32 entry{8}
//   entry      := name:16 (zero-padded) at:u32 tokens:u32 longest:u32 zero:u32
//   vocabulary := length_table{kLongestToken + 1} (seeds | slots)*, places relative to `at`
//   length_table := slots_at:u32 slots:u32 seeds_at:u32 seeds:u32, one for each token length
//   seeds      := u16*
//   slots      := (rank:u24 octet{length})*, kNoRank where a slot is empty
//   classes    := page:u8{kCodePoints / kPage} class:u8{kPage}*
//
// Integers are little-endian. Each length has a hash table of its own, so that a token needs
// neither its length nor a pointer: the octets hash to one seed, and octets and seed to the one
// slot where the token can be. A look-up touches two places and never probes.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace farebox::packed {

static_assert(std::endian::native == std::endian::little, "tables are used as they lie there");

inline constexpr char kMagic[8] = {'F', 'B', 'X', 'V', 'O', 'C', '0', '1'};
inline constexpr std::size_t kMostVocabularies = 8;
inline constexpr std::size_t kLongestToken = 128;
inline constexpr std::uint32_t kNoRank = 0xFFFFFF;
inline constexpr std::size_t kPadding = 256;  // readers may look so far beyond the end
inline constexpr std::uint32_t kCodePoints = 0x110000;
inline constexpr std::uint32_t kPage = 128;

struct Entry {
  char name[16];
  std::uint32_t at;
  std::uint32_t tokens;
  std::uint32_t longest;
  std::uint32_t zero;
};

struct Header {
  char magic[8];
  std::uint32_t size;
  std::uint32_t entries;
  std::uint32_t classes_at;
  std::uint32_t zero;
  Entry entry[kMostVocabularies];
};

struct LengthTable {
  std::uint32_t slots_at;
  std::uint32_t slots;
  std::uint32_t seeds_at;
  std::uint32_t seeds;
};

// Up to sixteen octets in two words, zeros above.
struct Words {
  std::uint64_t low = 0;
  std::uint64_t high = 0;
  bool operator==(const Words&) const = default;
};

inline std::uint64_t load8(const unsigned char* at) {
  std::uint64_t word;
  std::memcpy(&word, at, sizeof word);
  return word;
}

inline std::uint32_t load4(const unsigned char* at) {
  std::uint32_t word;
  std::memcpy(&word, at, sizeof word);
  return word;
}

struct Masks {
  Words of[17];
};

// Ones where the first `length` octets are.
inline constexpr Masks kMasks = [] {
  Masks masks{};
  for (unsigned length = 1; length <= 16; ++length) {
    const unsigned high = length > 8 ? length - 8 : 0;
    masks.of[length].low = ~std::uint64_t{0} >> (length >= 8 ? 0 : 64 - 8 * length);
    masks.of[length].high = high == 0 ? 0 : ~std::uint64_t{0} >> (64 - 8 * high);
  }
  return masks;
}();

// The first `length` (at most 16) octets. Reads sixteen, so they must be readable. No branch:
// lengths are hard to predict.
inline Words load_padded(const unsigned char* at, std::size_t length) {
  return {load8(at) & kMasks.of[length].low, load8(at + 8) & kMasks.of[length].high};
}

// The same without reading beyond `length`.
inline Words load_exact(const unsigned char* at, std::size_t length) {
  if (length > 8) return {load8(at), load8(at + length - 8) >> (8 * (16 - length))};
  if (length == 8) return {load8(at), 0};
  if (length >= 4) {
    return {load4(at) | std::uint64_t{load4(at + length - 4)} << (8 * (length - 4)), 0};
  }
  std::uint64_t word = 0;
  for (std::size_t i = 0; i < length; ++i) word |= std::uint64_t{at[i]} << (8 * i);
  return {word, 0};
}

inline std::uint64_t mixed(std::uint64_t a, std::uint64_t b) {
  __extension__ using Wide = unsigned __int128;
  const Wide product = static_cast<Wide>(a) * b;
  return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
}

inline std::uint64_t hash_of(const Words& words) {
  return mixed(words.low ^ 0xA0761D6478BD642Full, words.high ^ 0xE7037ED1A0B428DBull);
}

// Of more than sixteen octets; reads none beyond them.
inline std::uint64_t hash_of(const unsigned char* at, std::size_t length) {
  std::uint64_t hash = 0x8EBC6AF09C88C6E3ull;
  for (std::size_t i = 0; i + 16 < length; i += 16) {
    hash = mixed(hash ^ load8(at + i), load8(at + i + 8) ^ 0x589965CC75374CC3ull);
  }
  return hash_of({hash ^ load8(at + length - 16), load8(at + length - 8)});
}

inline std::uint32_t seed_place(std::uint64_t hash, std::uint32_t seeds) {
  return static_cast<std::uint32_t>((hash & 0xFFFFFFFF) * seeds >> 32);
}

inline std::uint32_t slot_place(std::uint64_t hash, std::uint16_t seed, std::uint32_t slots) {
  const std::uint64_t stirred =
      (hash ^ (seed * 0x9E3779B97F4A7C15ull)) * 0xD6E8FEB86659FD93ull;
  return static_cast<std::uint32_t>((stirred >> 32) * slots >> 32);
}

}  // namespace farebox::packed
