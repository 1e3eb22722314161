// JSON of somebody who says amounts: a number with a fraction or an exponent becomes a string
// of what was written, because a float would make another amount of it.
#pragma once

#include <nlohmann/json.hpp>
#include <string_view>

namespace farebox {

// Discarded (`is_discarded`) where the text is no JSON.
nlohmann::json parse_exact_json(std::string_view text);

// A member that stands twice in one object, of which a reader could take either. Nothing: none
// does, or the text is no JSON.
std::optional<std::string> repeated_member(std::string_view text);

}  // namespace farebox
