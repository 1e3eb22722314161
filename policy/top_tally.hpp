// TopTally: the few of very many that weigh most, counted in bounded memory.
//
// Space-Saving (Metwally, Agrawal, El Abbadi, 2005): a newcomer takes the place of the lightest
// and its weight as a credit. Who has more than a `size`-th of all weight is in it for certain.
// What is shown is without the credit: what was truly counted since it came in, never too much.
// Nothing is allocated after construction. Not thread-safe.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

#include "config/base/digest.hpp"
#include "config/base/money.hpp"

namespace farebox {

class TopTally {
 public:
  static constexpr std::size_t kMostName = 118;  // octets that are kept

  struct Row {
    Digest key{};
    std::uint64_t hits = 0;
    Money saved;
    std::array<char, kMostName> name{};
    std::uint8_t name_size = 0;
    std::string_view name_view() const { return {name.data(), name_size}; }
  };
  enum class By : std::uint8_t { hits, saved };

  // Remembers `size` keys, at least 1.
  TopTally(By by, std::size_t size);

  // One hit that saved this much. One that weighs nothing isn't counted.
  void count(const Digest& key, std::string_view name, Money saved);

  // The heaviest first, at most `most`.
  std::vector<Row> top(std::size_t most) const;

 private:
  struct Place {
    Row row;
    Int128 weight = 0;       // with the credit
    std::uint32_t in_heap = 0;
  };
  static constexpr std::uint32_t kNobody = ~std::uint32_t{0};

  static std::size_t hash_of(const Digest& key);
  std::uint32_t find(const Digest& key) const;
  void enter(std::uint32_t place);
  void leave(std::uint32_t place);
  void sink(std::uint32_t at);

  const By by_;
  const std::size_t size_;
  std::vector<Place> places_;
  std::vector<std::uint32_t> heap_;   // of places, the lightest on top
  std::vector<std::uint32_t> table_;  // open addressing by key, at most half full
};

}  // namespace farebox
