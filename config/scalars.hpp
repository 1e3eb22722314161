// Scalars: how the values of single keys are written.
//
// Pure functions from a text to a value. An Error's context is "why; how to
// mend" and does not repeat the text.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "config/base/result.hpp"

namespace farebox {

// true or false.
Result<bool> parse_flag(std::string_view text);

// A whole number: 0, 64, 20000. No sign, exponent, hexadecimal or leading zero.
Result<std::uint64_t> parse_count(std::string_view text);

// A whole number and its unit: 250ms 5s 10m 24h 400d.
Result<std::chrono::milliseconds> parse_duration(std::string_view text);
std::string duration_text(std::chrono::milliseconds duration);  // "5s", in the largest exact unit

// Bytes, with or without a unit: 512, 512B, 64KiB, 8MiB, 1GiB, 2TiB.
Result<std::uint64_t> parse_size(std::string_view text);
std::string size_text(std::uint64_t bytes);  // "64KiB", in the largest exact unit

// A part of one, such as 0.8 or 0.955, exactly, in millionths.
Result<std::uint32_t> parse_millionths(std::string_view text);

}  // namespace farebox
