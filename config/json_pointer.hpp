// JsonPointer: a place in a JSON document, as RFC 6901 writes it: /usage/input_tokens.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "config/base/result.hpp"

namespace farebox {

// The names of members, or indices of elements, from the outermost inwards; unescaped.
using JsonPointer = std::vector<std::string>;

inline constexpr std::size_t kDeepestPointer = 16;

// Error: invalid_config, whose context is "why; how to mend". The pointer to the whole
// document ("") is refused: a number or a name never is all of a body.
Result<JsonPointer> parse_json_pointer(std::string_view text);

}  // namespace farebox
