// Completing a usage with what only the request says: sizes of images, text to be spoken,
// what was asked for and not answered. What the provider reported always stands.
#pragma once

#include <string>
#include <string_view>

#include "policy/usage.hpp"
#include "proxy/dialect/dialect.hpp"

namespace farebox {

// Size and quality of an image as the price cards spell them: "hd/1024-x-1024", or
// "1024-x-1024" when the model has no qualities. Empty unless the size is known; "auto" is
// no size and no quality.
std::string image_variant(std::string_view quality, std::string_view size);

// `model` is the model of the record, which decides the defaults. Who counted is left as it
// is: whether the characters of a speech are what is sold is a question for its price.
void complete_usage(Usage& usage, const Route& route, const BodyFacts& facts,
                    std::string_view model);

}  // namespace farebox
