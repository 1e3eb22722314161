// Lanes: the least of many numbers, several compared at once. For merging alone.
//
// Inlined always, so that a function built for better instructions uses them here too. Vectors
// don't cross a call, as how they do depends on the instructions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace farebox {

#define FAREBOX_INLINE inline __attribute__((always_inline))

// So many numbers at a time. They are all less than 2^31.
using Four = std::int32_t __attribute__((vector_size(16)));
using Eight = std::int32_t __attribute__((vector_size(32)));

template <class Lanes>
FAREBOX_INLINE void load(Lanes& into, const void* numbers) {
  std::memcpy(&into, numbers, sizeof into);
}

template <class Lanes>
FAREBOX_INLINE void keep_lesser(Lanes& kept, const Lanes& other) {
  kept = other < kept ? other : kept;
}

FAREBOX_INLINE std::uint32_t least_in(Four lanes) {
  keep_lesser(lanes, __builtin_shufflevector(lanes, lanes, 2, 3, 0, 1));
  keep_lesser(lanes, __builtin_shufflevector(lanes, lanes, 1, 0, 3, 2));
  return static_cast<std::uint32_t>(lanes[0]);
}

FAREBOX_INLINE std::uint32_t least_in(const Eight& lanes) {
  Four halves[2];
  std::memcpy(halves, &lanes, sizeof lanes);
  keep_lesser(halves[0], halves[1]);
  return least_in(halves[0]);
}

// The least of the first `length`; what is behind them up to a multiple of sixteen counts too.
// Two minima at a time, as each waits for the one before it.
template <class Lanes>
FAREBOX_INLINE std::uint32_t least_of(const std::uint32_t* numbers, std::size_t length) {
  constexpr std::size_t kLanes = sizeof(Lanes) / sizeof *numbers;
  Lanes one, other, next;
  load(one, numbers);
  load(other, numbers + kLanes);
  for (std::size_t from = 2 * kLanes; from < length; from += 2 * kLanes) {
    load(next, numbers + from);
    keep_lesser(one, next);
    load(next, numbers + from + kLanes);
    keep_lesser(other, next);
  }
  keep_lesser(one, other);
  return least_in(one);
}

}  // namespace farebox
