#include "policy/tokens/piece_counter.hpp"

#include <algorithm>
#include <bit>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <memory>
#include <type_traits>

#include "config/base/check.hpp"

namespace farebox {

using namespace packed;

std::size_t most_merged(const Vocabulary& vocabulary, std::span<const unsigned char> piece) {
  // The most tokens of the octets so far, by what the last one is, and of three fewer octets
  // and two fewer in any way.
  constexpr std::int64_t kNever = std::numeric_limits<std::int64_t>::min() / 2;
  std::int64_t single = kNever, longer = 0;
  std::int64_t one_before = kNever, two_before = kNever;
  for (std::size_t i = 0; i < piece.size(); ++i) {
    const bool pair = i != 0 && vocabulary.rank(piece.data() + i - 1, 2) != Vocabulary::kNone;
    const std::int64_t now = std::max(single, longer);
    const std::int64_t next_single = (pair ? longer : now) + 1;
    longer = std::max(one_before, two_before) + 1;
    single = next_single;
    two_before = one_before;
    one_before = now;
  }
  return static_cast<std::size_t>(std::max(single, longer));
}

PieceCounter::PieceCounter(const Vocabulary& vocabulary, Precision precision)
    : vocabulary_(&vocabulary), precision_(precision), memory_(make_memory()), merger_(vocabulary) {}

std::unique_ptr<PieceCounter::Memory, PieceCounter::Release> PieceCounter::make_memory() {
  // Zeros are a memory of no piece. calloc leaves the pages of large blocks untouched.
  static_assert(std::is_trivially_default_constructible_v<LongPiece>);
  std::size_t room = sizeof(Memory) + alignof(Memory);
  void* const block = std::calloc(1, room);
  CHECK(block != nullptr);
  void* aligned = block;
  CHECK(std::align(alignof(Memory), sizeof(Memory), aligned, room) != nullptr);
  return {static_cast<Memory*>(aligned), Release{block}};
}

void PieceCounter::Release::operator()(Memory*) const { std::free(block); }

std::size_t PieceCounter::learn(const Words& key, Pair& pair, const unsigned char* piece,
                                std::size_t length) {
  Words words = key;
  words.high &= ~(std::uint64_t{0xFF} << 56);
  const bool token = vocabulary_->rank_of(words, length) != Vocabulary::kNone;
  const std::size_t count = token ? 1 : merged(piece, length);
  Counts& counts = memory_->counts[&pair - memory_->pairs];
  pair.key[1] = pair.key[0];
  counts.of[1] = counts.of[0];
  pair.key[0] = key;
  counts.of[0] = static_cast<std::uint8_t>(count);
  return count;
}

// Of at most kSmallPiece octets.
std::size_t PieceCounter::merged(const unsigned char* piece, std::size_t length) const {
  if (precision_ == Precision::bound) return most_merged(*vocabulary_, {piece, length});
  unsigned char padded[kSmallPiece + 16];
  std::memcpy(padded, piece, length);
  std::memset(padded + length, 0, 16);
  return static_cast<std::size_t>(std::popcount(merge_small(*vocabulary_, padded, length)));
}

std::size_t PieceCounter::count_long(const unsigned char* piece, std::size_t length) {
  if (length > kLong) {
    if (vocabulary_->rank(piece, length) != Vocabulary::kNone) return 1;
    if (precision_ == Precision::bound) return most_merged(*vocabulary_, {piece, length});
    return merger_.count({piece, length});
  }
  const std::uint64_t hash =
      length == 16 ? hash_of(load_exact(piece, 16)) : hash_of(piece, length);
  LongPiece& known = memory_->pieces[hash >> (64 - kLongBits)];
  if (known.length == length && std::memcmp(known.octets, piece, length) == 0) return known.count;
  const bool token = vocabulary_->rank(piece, length) != Vocabulary::kNone;
  known.count = static_cast<std::uint8_t>(token ? 1 : merged(piece, length));
  known.length = static_cast<std::uint8_t>(length);
  std::memcpy(known.octets, piece, length);
  return known.count;
}

}  // namespace farebox
