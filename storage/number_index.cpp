#include "storage/number_index.hpp"

#include <cstring>
#include <random>

#include "config/base/money.hpp"

namespace farebox {
namespace {

std::uint64_t make_seed() {
  std::random_device device;
  return std::uint64_t{device()} << 32 | device();
}

// All 128 bits of a product, folded: the mixing step of wyhash.
std::uint64_t fold(std::uint64_t a, std::uint64_t b) {
  const UInt128 product = static_cast<UInt128>(a) * b;
  return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
}

}  // namespace

std::uint64_t hash_of_name(std::string_view name) {
  static const std::uint64_t seed = make_seed();
  constexpr std::uint64_t kOdd = 0xe703'7ed1'a0b4'28dbU;
  std::uint64_t hash = seed ^ name.size();
  const char* from = name.data();
  std::size_t left = name.size();
  for (; left > 8; from += 8, left -= 8) {
    std::uint64_t part;
    std::memcpy(&part, from, 8);
    hash = fold(hash ^ part, kOdd);
  }
  std::uint64_t part = 0;
  if (left != 0) std::memcpy(&part, from, left);
  return fold(hash ^ part, kOdd ^ seed);
}

}  // namespace farebox
