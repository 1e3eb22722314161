// PriceCheck: every mistake of a price file, with its line, for people who write one.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace farebox {

struct PriceFinding {
  int line = 0;  // 0: the file as a whole
  std::string text;
  bool warning = false;  // it can be used all the same
};

struct PriceCheck {
  std::vector<PriceFinding> findings;  // by line
  std::size_t cards = 0;               // that can be used
  bool litellm = false;                // the form it is in
  bool ok() const;
};

// Reads the file as `prices.file` would be read; then, if that fails, card by card, so
// that one mistake doesn't hide the next.
PriceCheck check_price_file(std::string_view text);

}  // namespace farebox
