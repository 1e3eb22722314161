#include "policy/tokens/merge_small.hpp"

#include <algorithm>
#include <array>
#include <bit>

#include "policy/tokens/lanes.hpp"

namespace farebox {
namespace {

// More than any rank and place, and so is Vocabulary::kNone with any place.
constexpr std::uint32_t kNever = Vocabulary::kNone << 6;

constexpr std::uint64_t bit(std::size_t at) { return std::uint64_t{1} << at; }

// The next begin after `at`, else `length`.
FAREBOX_INLINE std::size_t next_begin(std::uint64_t begins, std::size_t at, std::size_t length) {
  const std::uint64_t later = at == 63 ? 0 : begins >> (at + 1);
  return later == 0 ? length : at + 1 + static_cast<std::size_t>(std::countr_zero(later));
}

template <class Lanes>
FAREBOX_INLINE std::uint64_t merge_wide(const Vocabulary& vocabulary, const unsigned char* piece,
                                        std::size_t length) {
  // For each begin, the rank of its token and the next together, and the place below it, so
  // that the least one is the lowest rank and of equals the leftmost.
  alignas(64) std::array<std::uint32_t, kSmallPiece> order;
  order.fill(kNever);
  const auto ask = [&](std::size_t from, std::size_t end) __attribute__((always_inline)) {
    return vocabulary.rank_padded(piece + from, end - from) << 6 | static_cast<std::uint32_t>(from);
  };
  for (std::size_t i = 0; i + 1 < length; ++i) order[i] = ask(i, i + 2);
  std::uint64_t begins = length == 64 ? ~std::uint64_t{0} : bit(length) - 1;
  std::uint32_t least = least_of<Lanes>(order.data(), length);
  while (least < kNever) {
    const std::size_t at = least & 63;
    const std::size_t joined = next_begin(begins, at, length);
    begins &= ~bit(joined);
    const std::size_t end = next_begin(begins, at, length);
    const std::uint64_t earlier = begins & (bit(at) - 1);
    const std::size_t before =
        earlier == 0 ? at : static_cast<std::size_t>(63 - std::countl_zero(earlier));
    // The least of what stays is sought while the new pairs are looked up: neither waits.
    order[before] = order[at] = order[joined] = kNever;
    const std::uint32_t others = least_of<Lanes>(order.data(), length);
    const std::uint32_t left = earlier == 0 ? kNever : ask(before, end);
    const std::uint32_t right = end == length ? kNever : ask(at, next_begin(begins, end, length));
    order[before] = left;
    order[at] = right;
    least = std::min(others, std::min(left, right));
  }
  return begins;
}

std::uint64_t merge_plain(const Vocabulary& vocabulary, const unsigned char* piece,
                          std::size_t length) {
  return merge_wide<Four>(vocabulary, piece, length);
}

#if defined(__x86_64__)
__attribute__((target("avx2,bmi,bmi2"))) std::uint64_t merge_avx2(const Vocabulary& vocabulary,
                                                                  const unsigned char* piece,
                                                                  std::size_t length) {
  return merge_wide<Eight>(vocabulary, piece, length);
}
#endif

using MergeSmall = std::uint64_t (*)(const Vocabulary&, const unsigned char*, std::size_t);

MergeSmall best_merge() {
#if defined(__x86_64__)
  if (best_instructions() != Instructions::plain) return merge_avx2;
#endif
  return merge_plain;
}

}  // namespace

std::uint64_t merge_small(const Vocabulary& vocabulary, const unsigned char* piece,
                          std::size_t length, Instructions most) {
  static const MergeSmall best = best_merge();
  return (most == Instructions::plain ? merge_plain : best)(vocabulary, piece, length);
}

}  // namespace farebox
