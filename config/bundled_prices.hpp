// The price table inside the program: config/prices.json, packed by the build.
//
// packer/pack_prices.cpp makes bundled_prices.bin of it, and bundled_prices.S takes that in
// with .incbin; the build must name the .bin as a dependency of that file.
#pragma once

#include <cstddef>
#include <string_view>

namespace farebox {

extern "C" const char farebox_bundled_prices_begin[];
extern "C" const char farebox_bundled_prices_end[];

// As pack_prices gives it, at a multiple of four.
inline std::string_view bundled_prices() {
  return {farebox_bundled_prices_begin,
          static_cast<std::size_t>(farebox_bundled_prices_end - farebox_bundled_prices_begin)};
}

}  // namespace farebox
