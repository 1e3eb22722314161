// What scopes call a model: one name for all the spellings that lead to it.
//
// Capitals, paths ("models/x", an ARN), the vendor before a gateway's or Bedrock's name
// ("openai/x", "us.anthropic.x") and dots for dashes don't make another model. A date, a
// version and a route at the end ("-2024-08-06", "-latest", "-001", "-v1:0", ":free") make
// another snapshot of the same family. Pure functions; nothing here knows a price.
#pragma once

#include <string>
#include <string_view>

namespace farebox {

// The model by its own name, with its snapshot: "us.anthropic.claude-haiku-4-5-20251001-v1:0"
// is "claude-haiku-4-5-20251001-v1:0". What nothing is known of stays as it is, in lower case.
std::string plain_model_name(std::string_view name);

// The part of a plain name that all snapshots share. A fine-tuned model (ft:x) is its own.
std::string_view family_of_plain(std::string_view plain);

}  // namespace farebox
