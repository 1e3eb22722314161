// The names Bedrock's models go by (Bedrock user guide, "Resource types": foundation models,
// inference profiles and provisioned throughput are named by their id or by an ARN).
#pragma once

#include <string_view>

namespace farebox {

// The name that price cards know: of an ARN its last part, with the geography's prefix
// ("us.", "eu.", "global.") that sets the price. The ids of application inference profiles
// and of provisioned throughput are nobody's models, and have no card.
inline std::string_view priced_model(std::string_view model) {
  if (!model.starts_with("arn:")) return model;
  return model.substr(model.rfind('/') + 1);  // all of it where there is no slash
}

}  // namespace farebox
