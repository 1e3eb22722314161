// Exact reading and writing of the decimals in price files: a value is kept whole or refused.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "config/base/money.hpp"
#include "config/base/result.hpp"

namespace farebox {

// What becomes of a value that has more decimals than fit.
enum class TooFine : std::uint8_t { refused, rounded };  // half up

// `text` times ten to the power of `places`, as an integer. Accepts "0", "0.075",
// "12" and "5.46875e-07"; no sign, no spaces. A value that has more decimals than
// fit, or that is above `most`, is an error with the reason as its context.
Result<Int128> read_decimal(std::string_view text, int places, Int128 most,
                            TooFine too_fine = TooFine::refused);

// The shortest decimal of `value` divided by ten to the power of `places`: the inverse.
std::string write_decimal(Int128 value, int places);

}  // namespace farebox
