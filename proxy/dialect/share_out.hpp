// Sharing a number out among several so that the parts sum up to it exactly.
//
// Nothing here rounds a sum: what is left behind whole parts goes to those with the largest
// remainders, the first ones where they are equal. Thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace farebox {

// In proportion to the weights, one part for each; where all weights are 0 they count as equal.
std::vector<std::uint64_t> share_out(std::uint64_t total, std::span<const std::uint64_t> weights);

// The same, and no part is 0 when there is enough for all: the largest ones give.
std::vector<std::uint64_t> share_to_each(std::uint64_t total,
                                         std::span<const std::uint64_t> weights);

// The same as share_out for a JSON number as it was written: a whole number gives whole parts in
// its way of writing (12, 12.0), another one decimals. Nothing for a negative number, one of more
// than 18 digits, or with more than 60 zeros. For one weight it is the number as it was written.
std::optional<std::vector<std::string>> share_number(std::string_view number,
                                                     std::span<const std::uint64_t> weights);

}  // namespace farebox
