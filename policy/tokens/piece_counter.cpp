#include "policy/tokens/piece_counter.hpp"

#include <bit>
#include <cstring>

namespace farebox {

using namespace vocabulary_format;

namespace {

constexpr Words mask_of(unsigned length) {
  const auto low = [](unsigned octets) {
    return octets >= 8 ? ~std::uint64_t{0} : (std::uint64_t{1} << (8 * octets)) - 1;
  };
  return {low(length), length <= 8 ? 0 : low(length - 8)};
}

}  // namespace

const Words PieceCounter::kMasks[16] = {
    mask_of(0),  mask_of(1),  mask_of(2),  mask_of(3), mask_of(4),  mask_of(5),
    mask_of(6),  mask_of(7),  mask_of(8),  mask_of(9), mask_of(10), mask_of(11),
    mask_of(12), mask_of(13), mask_of(14), mask_of(15)};

PieceCounter::PieceCounter(const Vocabulary& vocabulary)
    : vocabulary_(&vocabulary), memory_(std::make_unique<Memory>()), merger_(vocabulary) {}

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
  unsigned char padded[kSmallPiece + 16];
  std::memcpy(padded, piece, length);
  std::memset(padded + length, 0, 16);
  return static_cast<std::size_t>(std::popcount(merge_small(*vocabulary_, padded, length)));
}

std::size_t PieceCounter::count_long(const unsigned char* piece, std::size_t length) {
  if (length > kLong) {
    if (vocabulary_->rank(piece, length) != Vocabulary::kNone) return 1;
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
