// The price table inside the program: config/prices.json, byte for byte.
//
// bundled_prices.S takes the file in with .incbin, so a build needs no generator;
// the build must name config/prices.json as a dependency of that file.
#pragma once

#include <cstddef>
#include <string_view>

namespace farebox {

extern "C" const char farebox_bundled_prices_begin[];
extern "C" const char farebox_bundled_prices_end[];

// So many octets of zero follow the text, for readers that look ahead.
inline constexpr std::size_t kBundledPricesPadding = 128;

inline std::string_view bundled_prices() {
  return {farebox_bundled_prices_begin,
          static_cast<std::size_t>(farebox_bundled_prices_end - farebox_bundled_prices_begin)};
}

}  // namespace farebox
