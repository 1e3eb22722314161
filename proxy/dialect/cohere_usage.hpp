// Cohere's `usage` (v2 chat) and `meta` (everything else) objects (cohere-python:
// types/usage.py, usage_billed_units.py, usage_tokens.py, api_meta.py).
#pragma once

#include <cstdint>
#include <optional>

#include "policy/usage.hpp"
#include "proxy/dialect/json_cursor.hpp"

namespace farebox {

// As sent; nothing means it wasn't said. Billed units are the invoice, the others the work:
// what Cohere adds to a prompt is processed, not billed. Numbers may be written 25.0.
struct CohereUsage {
  std::optional<Tokens> billed_input, billed_output, billed_images_tokens;
  std::optional<std::uint64_t> images, searches, classifications;
  std::optional<Tokens> input, output, reasoning, image_input;  // processed
  std::optional<Tokens> cached;
  bool part_unusable = false;  // a part of the tokens was said, but is no count
  bool unusable = false;  // a billed unit was said, but is no count

  static CohereUsage read(JsonCursor& cursor);

  bool says_anything() const {
    return !unusable && (billed_input || billed_output || billed_images_tokens || images ||
                         searches || classifications || input || output);
  }

  // The counts as farebox means them. What is billed counts; the processed tokens stand in
  // where nothing is said to be billed.
  void put_into(Usage& usage) const;
};

}  // namespace farebox
