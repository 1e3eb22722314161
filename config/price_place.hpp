// Where a provider serves from, as far as that sets the price: the place of a PriceQuery.
#pragma once

#include <string_view>

#include "config/settings.hpp"

namespace farebox {

// The provider's `data_residency` as configured; else what its host says: "eu" of
// eu.api.openai.com, "us-east5" of Vertex's us-east5-aiplatform.googleapis.com or of
// /locations/us-east5/ in the target of the request, "us-west-2" of Bedrock's
// bedrock-runtime.us-west-2.amazonaws.com. Empty: it doesn't say.
std::string_view price_place(const ProviderSettings& provider, std::string_view target);

}  // namespace farebox
