// RollupPart: which rows of an hour or a day a table holds: those whose hash begins with some
// bits. The whole is the part of no bits. So an hour with a million rows is many tables, each
// small enough to be read into memory.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>

namespace farebox {

struct RollupPart {
  static constexpr unsigned kMostBits = 24;

  std::uint8_t bits = 0;     // how many, at most kMostBits
  std::uint32_t prefix = 0;  // these bits, as a number

  // The least hash in it.
  std::uint64_t begin() const { return bits == 0 ? 0 : std::uint64_t{prefix} << (64U - bits); }

  friend bool operator==(const RollupPart&, const RollupPart&) = default;
  friend auto operator<=>(const RollupPart& a, const RollupPart& b) {
    if (const auto by_begin = a.begin() <=> b.begin(); by_begin != 0) return by_begin;
    return a.bits <=> b.bits;
  }
};

// How far sums may grow before they are divided or written out. Tests choose less.
struct RollupLimits {
  std::size_t table_rows = 4'096;      // of a stored table: some 800 KiB in memory
  std::size_t unsaved_rows = 8'192;    // in memory, before they are wanted on the disk
  std::size_t batch_octets = 1 << 20;  // of sums folded in with one write
};

}  // namespace farebox
