// Suggest: the word somebody most likely meant.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace farebox {

// The closest of `words` to a misspelt one (letters swapped, missing, too many),
// else the longest that begins it or is begun by it, else "".
std::string_view closest_word(std::string_view misspelt, std::span<const std::string_view> words);

// "did you mean 'max'?", or "it must be one of a, b, c" when nothing is close.
std::string did_you_mean(std::string_view misspelt, std::span<const std::string_view> words);

// "a, b, c"
std::string listed(std::span<const std::string_view> words);

}  // namespace farebox
