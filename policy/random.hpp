// Random: numbers for jitter and for picking, never for secrets. Seeded, so that a test
// can know them (splitmix64). Not thread-safe.
#pragma once

#include <cstdint>

#include "config/base/money.hpp"

namespace farebox {

class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}

  std::uint64_t next() {
    std::uint64_t mixed = state_ += 0x9E3779B97F4A7C15;
    mixed = (mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9;
    mixed = (mixed ^ (mixed >> 27)) * 0x94D049BB133111EB;
    return mixed ^ (mixed >> 31);
  }

 private:
  std::uint64_t state_;
};

// One of 0 ... `count` - 1, all as likely, from a random number; 0 for a count of 0.
inline std::uint64_t draw_below(std::uint64_t count, std::uint64_t random) {
  return static_cast<std::uint64_t>((UInt128(count) * random) >> 64);
}

}  // namespace farebox
