// What holds for every route, whatever its operator says.
#pragma once

#include "config/settings.hpp"

namespace farebox {

// Do two providers understand the same bodies? What is sent to one may then go to the other.
// Azure and Mistral take what OpenAI takes; a described dialect is understood by those that
// speak it.
bool same_family(const ProviderSettings& a, const ProviderSettings& b);

// Does every name that fits the pattern `later` fit `earlier` too? True only where that is sure.
bool covers(std::string_view earlier, std::string_view later);

}  // namespace farebox
